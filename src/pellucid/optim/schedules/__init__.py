"""Schedules: how the learning rate changes over a run. Each is a pure function in a file beside its settings."""
