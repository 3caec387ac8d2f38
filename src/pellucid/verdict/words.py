"""Names of things in a sentence."""

from __future__ import annotations

_METRICS = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "auc": "AUC",
    "mean_iou": "mean IoU",
    "mcc": "MCC",
    "macro_f1": "macro F1",
}
_BASELINES = {
    "majority": "always saying the largest class",
    "mean": "always saying the mean",
    "linear": "a linear model",
    "k_nearest": "asking the nearest neighbours",
    "tfidf": "a linear model of word counts",
    "boosted_trees": "a model of boosted trees",
    "persistence": "repeating the last value",
    "seasonal_naive": "repeating the value of a season before",
}


def named(baseline: str) -> str:
    """Name what a baseline does."""
    return _BASELINES.get(baseline, f"the baseline {baseline.replace('_', ' ')}")


def metric(name: object) -> str:
    """Name a metric."""
    return _METRICS.get(str(name), str(name).replace("_", " "))
