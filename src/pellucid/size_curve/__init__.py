"""Size curve: one recipe on ever more of its training rows, and what a fitted power law says of still more."""
