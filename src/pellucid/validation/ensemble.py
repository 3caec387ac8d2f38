"""Deep ensembles: the nets of a fold's seeds predict together, from their predictions on the disk.

B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty estimation using deep
ensembles", 2017, arXiv:1612.01474: of classes the mean of the nets' probabilities, of numbers the mean of what they
predict. It is judged as one net is, fold by fold; its cost is that of all its nets, in training and in use.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.recipe import Recipe
from pellucid.spec import Field
from pellucid.tasks import class_scores, number_scores
from pellucid.tasks.class_scores import Judged
from pellucid.tasks.score import Score

LEAST = float(np.finfo(np.float32).tiny)
"""A probability that was too small for the file."""
Table = Mapping[str, Sequence[str]]


def scores(runs: Sequence[Path], recipe: Recipe, target: Field | None, names: Sequence[str]) -> dict[str, Score]:
    """Return the scores of the ensemble of some runs that judged the same rows.

    Args:
        runs: of one fold; each holds `predictions/test.csv`.
        target: what is predicted.
        names: of the scores that are wanted; those that predictions do not tell are left out.

    Returns:
        Nothing where a task predicts something else than a class or numbers.
    """
    paths = [run / "predictions/test.csv" for run in runs]
    if recipe.task["name"] not in ("classify", "regress") or target is None or not all(path.exists() for path in paths):
        return {}
    tables = [_read(path) for path in paths]
    assert all(table["row"] == tables[0]["row"] for table in tables), "the runs of a fold judge the same rows"
    if recipe.task["name"] == "classify":
        found = _of_classes(tables, recipe, target, names)
    else:
        found = _of_numbers(tables, recipe, names)
    return {name: found[name] for name in names if name in found}


def _of_classes(tables: Sequence[Table], recipe: Recipe, target: Field, names: Sequence[str]) -> dict[str, Score]:
    probability = np.mean([_columns(table, [f"p_{name}" for name in target.categories]) for table in tables], axis=0)
    codes = {str(label): code for code, label in enumerate(target.classes())}
    judged = Judged(
        np.log(np.maximum(probability, LEAST)),
        probability.argmax(axis=1),
        np.array([codes[label] for label in tables[0]["target"]]),
        class_scores.positive_of(target, recipe.task.get("positive")),
        target.categories,
    )
    asked = ["recall" if name.startswith("recall_") else name for name in names]
    return class_scores.scores(list(dict.fromkeys(asked)), judged)


def _of_numbers(tables: Sequence[Table], recipe: Recipe, names: Sequence[str]) -> dict[str, Score]:
    endings = [name.removeprefix("prediction") for name in tables[0] if name.startswith("prediction")]
    predicted = np.mean([_columns(table, [f"prediction{ending}" for ending in endings]) for table in tables], axis=0)
    truth = _columns(tables[0], [f"target{ending}" for ending in endings])
    found = {
        "rmse": number_scores.rmse(predicted, truth),
        "mae": number_scores.mae(predicted, truth),
        "r2": number_scores.r2(predicted, truth),
    }
    if "pinball" in names:
        found["pinball"] = number_scores.pinball(predicted, truth, recipe.task["quantile"])
    return found


def _columns(table: Table, names: Sequence[str]) -> NDArray[np.float64]:
    """Columns of numbers side by side, `[rows, columns]`."""
    return np.stack([np.array(table[name], dtype=np.float64) for name in names], axis=1)


def _read(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        head, *lines = csv.reader(file)
    return dict(zip(head, map(list, zip(*lines, strict=True)), strict=True))
