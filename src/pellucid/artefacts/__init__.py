"""Artefacts: what a run leaves to use. Weights, what they mean, fitted preprocessing, golden examples; no pickle."""
