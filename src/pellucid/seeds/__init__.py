"""Seeds: one recipe carried out several times, and what the runs say together. One run is an anecdote."""
