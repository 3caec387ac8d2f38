"""Names of things in a sentence."""

from __future__ import annotations

_BASELINES = {
    "majority": "always saying the largest class",
    "mean": "always saying the mean",
    "linear": "a linear model",
    "k_nearest": "asking the nearest neighbours",
    "tfidf": "a linear model of word counts",
}


def named(baseline: str) -> str:
    """Name what a baseline does."""
    return _BASELINES.get(baseline, f"the baseline {baseline.replace('_', ' ')}")
