"""The command line: a thin face on the verbs. Importing it, and `--help`, load no torch."""
