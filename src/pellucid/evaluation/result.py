"""The result of looking at a part, as it is kept in the run folder and answered by `--json`."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.evaluation.intervals import wilson, with_intervals
from pellucid.tasks.task import Look, Task


def describe(look: Look, task: Task, resamples: int) -> dict[str, Any]:
    """Return scores with intervals, and what the task tells beyond them, as JSON types."""
    result = {
        "split": look.part,
        "primary": task.primary,
        "unit": look.unit,
        "metrics": with_intervals(look.all_scores, resamples, clusters=look.clusters),
        "directions": {name: score.better for name, score in look.all_scores.items()},
        **look.details(),
    }
    if "confusion" in result:
        result["recall"] = _recall(np.array(result["confusion"]), result["class_names"])
    return result


def _recall(confusion: np.ndarray[Any, Any], names: list[str]) -> dict[str, dict[str, Any]]:
    """Each class's recall with its interval, for the classes that have rows."""
    recall = {}
    for code, name in enumerate(names):
        right, rows = int(confusion[code, code]), int(confusion[code].sum())
        if rows:
            low, high = wilson(right, rows)
            recall[name] = {"value": right / rows, "low": low, "high": high, "n": rows}
    return recall
