"""The classes one by one: precision, recall and F1 with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation.calibration import Clusters
from pellucid.evaluation.intervals import wilson, with_intervals
from pellucid.tasks.score import Score


def table(
    predicted: NDArray[np.int64], targets: NDArray[np.int64], names: list[str], resamples: int, clusters: Clusters
) -> list[dict[str, Any]]:
    """Return a row per class: how many rows it has, how many were taken for it, and its scores.

    Recall is None of a class without rows, precision of one that nothing was taken for, F1 of one without either.
    """
    told = []
    for code, name in enumerate(names):
        true, taken = targets == code, predicted == code
        both, num_true, num_taken = int((true & taken).sum()), int(true.sum()), int(taken.sum())
        scores = {
            "precision": _share(true & taken, taken),
            "recall": _share(true & taken, true),
            "f1": _share(2 * (true & taken), true.astype(np.int64) + taken, "bootstrap"),
        }
        present = {"precision": num_taken, "recall": num_true, "f1": num_true + num_taken}
        kept = {metric: score for metric, score in scores.items() if present[metric]}
        found: dict[str, Any] = {metric: None for metric in scores if metric not in kept}
        if clusters is None and "f1" in kept:
            found["f1"] = _f1(both, num_true + num_taken - both, len(targets))
            del kept["f1"]
        found |= {
            metric: {key: score[key] for key in ("value", "low", "high", "n")}
            for metric, score in with_intervals(kept, resamples, clusters=clusters).items()
        }
        told.append({"class": name, "n": num_true, "predicted": num_taken} | {m: found[m] for m in scores})
    return told


def _share(right: NDArray[Any], of: NDArray[Any], interval: Any = "wilson") -> Score:
    return Score(np.stack([right, of], axis=1).astype(np.float64), "ratio", "max", interval)


def _f1(both: int, either: int, rows: int) -> dict[str, Any]:
    """F1 with its interval, from how many rows are of the class and taken for it, and how many are either.

    F1 is 2J / (1 + J) of the share J of those that are both; so are the ends of Wilson's interval.
    """
    value, low, high = (2 * share / (1 + share) for share in (both / either, *wilson(both, either)))
    return {"value": value, "low": low, "high": high, "n": rows}
