"""How sure a net is, and whether it may be: calibration, conformal sets, decisions by cost, classes and slices.

What is fitted (a temperature, quantiles, a threshold) is fitted on validation. There it is judged by cross-fitting,
each half of the rows (of a temperature each fifth) by what the others gave; on test by what all of validation gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.split import rows_hash
from pellucid.errors import PellucidError
from pellucid.evaluation import calibration, classes, conformal, costs, slices
from pellucid.evaluation.calibration import Clusters
from pellucid.evaluation.intervals import with_intervals
from pellucid.tasks.certainty import Certainty, tempered
from pellucid.tasks.classify import Classify
from pellucid.tasks.regress import Regress
from pellucid.tasks.rows import RowsLook
from pellucid.tasks.score import mean_score
from pellucid.tasks.task import Look, Task

CROSSED = "by halves, each by what was fitted on the other"
IN_FIFTHS = "by fifths, each by what was fitted on the others"


@dataclass(frozen=True)
class Asked:
    """What a user asks of an evaluation beyond its scores.

    Attributes:
        costs: `TRUE:PREDICTED=COST`, by the classes' names.
        columns: by which rows are sliced, of every row of the data, `[rows of the data]` each.
    """

    costs: Sequence[str] = ()
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)


NOTHING = Asked()


def check(task: Task, asked: Asked) -> None:
    """Refuse what cannot be asked of a task, before anything is looked at.

    Raises:
        PellucidError: costs of what is no class; costs or slices where the task judges no rows.
    """
    if asked.costs:
        if not isinstance(task, Classify):
            raise PellucidError("--cost is of mistakes among classes, and this run predicts none.")
        costs.costs_of(asked.costs, task.classes)
    if asked.columns and not isinstance(task, Classify | Regress):
        raise PellucidError("--slices is of rows that are judged one by one, as `classify` and `regress` do.")


def fit(look: Look, weights: str) -> Certainty | None:
    """Fit on a part what `predict` tells of its own sureness; None where the task predicts neither class nor number.

    Args:
        weights: SHA-256 of the file of the weights that made the look.
    """
    if not isinstance(look, RowsLook):
        return None
    if isinstance(look.task, Classify):
        logs = look.predictions["log_probability"]
        heat = calibration.temperature(logs, look.targets)
        scores = conformal.class_scores(np.exp(logs.astype(np.float64)), look.targets)
    elif isinstance(look.task, Regress):
        heat, scores = None, _errors(look, look.task)
    else:
        return None
    return Certainty(look.part, len(look.rows), rows_hash(look.rows), weights, heat, conformal.quantiles(scores))


def describe(
    look: Look, kept: Certainty | None, asked: Asked, resamples: int, threshold: float | None
) -> dict[str, Any]:
    """Return what a result tells of calibration, coverage, classes, costs and slices, as JSON types.

    Args:
        kept: fitted on other rows than the look's; None for what is judged by cross-fitting.
        threshold: found on other rows by trying, for the same costs.
    """
    if not isinstance(look, RowsLook) or not isinstance(look.task, Classify | Regress):
        return {}
    clusters = calibration.dense(look.clusters)
    if isinstance(look.task, Classify):
        told = _of_classes(look, look.task, kept, clusters, resamples)
        if asked.costs:
            table = costs.costs_of(asked.costs, look.task.classes)
            heat = kept.temperature if kept is not None else None
            logs, names = look.predictions["log_probability"], look.task.classes
            cost = costs.describe(
                logs, look.targets, names, table, resamples, clusters, heat, threshold, may_fit=may_fit(look)
            )
            told["cost"] = {"asked": sorted(asked.costs), **_fitted(look, kept), **cost}
    else:
        told = _of_numbers(look, look.task, kept, clusters, resamples)
    if asked.columns:
        cut = [each for name, values in asked.columns.items() for each in slices.cut(name, values[look.rows])]
        told["slices"] = slices.describe(cut, look.scores, resamples, clusters)
    return told


def _of_classes(
    look: RowsLook, task: Classify, kept: Certainty | None, clusters: Clusters, resamples: int
) -> dict[str, Any]:
    logs, targets = look.predictions["log_probability"], look.targets
    names = list(task.classes)
    given = calibration.events(logs, targets, names)
    bins = calibration.bins_of(given.probability, clusters=clusters)
    told: dict[str, Any] = {
        "of": given.of,
        "bins": calibration.reliability(given, bins, resamples, clusters),
        "expected_calibration_error": calibration.calibration_error(given, bins, resamples, clusters),
    }
    limits, softened, places, heat = None, logs, np.zeros(0, np.int64), 1.0
    if kept is not None and kept.temperature is not None:
        limits = {coverage: float(kept.quantile(coverage)[0]) for coverage in conformal.TOLD}
        softened, places, heat = tempered(logs, kept.temperature), np.arange(len(targets)), kept.temperature
    elif may_fit(look):
        softened, places = calibration.cross_tempered(logs, targets, clusters)
        heat = calibration.temperature(logs, targets)
    if len(places):
        told["temperature"] = {
            "value": heat,
            **_fitted(look, kept, IN_FIFTHS),
            **_effect(logs[places], softened, targets[places], names, clusters, resamples),
        }
    sets: list[dict[str, Any]] = []
    if limits is not None or may_fit(look):
        sets = conformal.measure_classes(np.exp(logs.astype(np.float64)), targets, limits, resamples, clusters)
    return {
        "calibration": told,
        "conformal": {"kind": "sets", **_fitted(look, kept), "coverages": sets},
        "classes_table": classes.table(look.predictions["class"], targets, names, resamples, clusters),
    }


def _effect(
    before: NDArray[Any],
    after: NDArray[Any],
    targets: NDArray[np.int64],
    names: list[str],
    clusters: Clusters,
    resamples: int,
) -> dict[str, Any]:
    """What a temperature does to the log loss and to the calibration error of rows that it was not fitted on."""
    surprise = [calibration.log_loss(logs, targets) for logs in (before, after)]
    scores = {name: mean_score(values, "min") for name, values in zip(("before", "after"), surprise, strict=True)}
    scores["saved"] = mean_score(surprise[0] - surprise[1], "max")
    softened = calibration.events(after, targets, names)
    bins = calibration.bins_of(softened.probability, clusters=clusters)
    return {
        "log_loss": with_intervals(scores, resamples, clusters=clusters),
        "bins": calibration.reliability(softened, bins, resamples, clusters),
        "expected_calibration_error": calibration.calibration_error(softened, bins, resamples, clusters),
    }


def _of_numbers(
    look: RowsLook, task: Regress, kept: Certainty | None, clusters: Clusters, resamples: int
) -> dict[str, Any]:
    limits = None if kept is None else {coverage: kept.quantile(coverage) for coverage in conformal.TOLD}
    names = [ending.removeprefix("_") for ending in task.endings]
    told: list[dict[str, Any]] = []
    if limits is not None or may_fit(look):
        told = conformal.measure_numbers(_errors(look, task), limits, names, resamples, clusters)
    return {"conformal": {"kind": "intervals", **_fitted(look, kept), "coverages": told}}


def may_fit(look: Look) -> bool:
    """Whether something may be fitted on these rows: never on test."""
    return look.part != "test"


def _fitted(look: RowsLook, kept: Certainty | None, crossed: str = CROSSED) -> dict[str, Any]:
    """On which rows something was fitted, and how it is judged; nothing was for test where validation left nothing."""
    if kept is None and not may_fit(look):
        return {"fitted_on": None, "judged": look.part}
    if kept is None:
        return {"fitted_on": {"part": look.part, "rows": len(look.rows)}, "judged": crossed}
    return {"fitted_on": {"part": kept.part, "rows": kept.rows}, "judged": look.part}


def _errors(look: RowsLook, task: Regress) -> NDArray[np.float64]:
    """Absolute errors in the user's units, `[rows, targets]`."""
    found: NDArray[np.float64] = np.abs(look.predictions["number"].astype(np.float64) - task.original(look.targets))
    return found
