"""The result of looking at a part, as it is kept in the run folder and answered by `--json`."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.data.world import World
from pellucid.evaluation.evaluate import Evaluation
from pellucid.evaluation.intervals import wilson, with_intervals

WORST = 16


def describe(evaluation: Evaluation, world: World, resamples: int) -> dict[str, Any]:
    """Return scores with intervals, the task's details and the worst mistakes, as JSON types."""
    task = evaluation.task
    details = task.details(evaluation.predictions, evaluation.targets)
    result = {
        "split": evaluation.part,
        "primary": task.primary,
        "metrics": with_intervals(evaluation.scores, resamples),
        "directions": {name: score.better for name, score in evaluation.scores.items()},
        **details,
        "feature_names": list(world.spec.input.names),
        "worst": worst(evaluation),
    }
    if "confusion" in details:
        result["recall"] = _recall(np.array(details["confusion"]), details["class_names"])
    return result


def worst(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the worst mistakes in words: row id, truth, prediction, loss and the probability of the prediction."""
    places = evaluation.worst(WORST)
    if not places:
        return []
    predictions = {name: values[places] for name, values in evaluation.predictions.items()}
    targets = evaluation.targets[places]
    table = evaluation.task.table(predictions, targets)
    losses = evaluation.task.judge(predictions, targets)["loss"]
    mistakes = []
    for index, place in enumerate(places):
        mistake = {
            "row": int(evaluation.rows[place]),
            **{name: values[index] for name, values in table.items() if not name.startswith("p_")},
            "loss": float(losses[index]),
        }
        if f"p_{mistake.get('prediction')}" in table:
            mistake["probability"] = table[f"p_{mistake['prediction']}"][index]
        mistakes.append(mistake)
    return mistakes


def _recall(confusion: np.ndarray, names: list[str]) -> dict[str, dict[str, Any]]:
    """Of each class's rows, the share that was found."""
    recall = {}
    for code, name in enumerate(names):
        right, rows = int(confusion[code, code]), int(confusion[code].sum())
        if rows:
            low, high = wilson(right, rows)
            recall[name] = {"value": right / rows, "low": low, "high": high, "n": rows}
    return recall
