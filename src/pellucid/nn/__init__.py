"""Blocks that architectures share: plain keyword arguments in, a module or a function out; no block takes a config."""
