"""Inspection: what a model consists of and what goes on inside it, seen without changing it."""
