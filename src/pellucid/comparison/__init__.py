"""Comparison: whether one run is shown to be better than another, by a paired test of the same rows."""
