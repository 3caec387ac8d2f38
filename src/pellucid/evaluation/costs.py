"""Decisions by cost: mistakes that are not equally bad move the threshold away from one half.

The decision of least expected cost under the predicted probabilities is the best one where these are right (Elkan 2001,
"The foundations of cost-sensitive learning"). Where they are not, a threshold found by trying pays no heed to them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError, closest
from pellucid.evaluation.calibration import Clusters, cross_tempered, halves
from pellucid.evaluation.intervals import with_intervals
from pellucid.tasks.certainty import tempered
from pellucid.tasks.score import Score, mean_score

Floats = NDArray[np.float64]
FORM = "expected TRUE:PREDICTED=COST, such as ill:healthy=5"


def costs_of(assignments: Sequence[str], names: Sequence[str]) -> Floats:
    """Return the cost of each mistake, `[true, predicted]`: 1, and none of what is right, but where it is said.

    Args:
        assignments: `TRUE:PREDICTED=COST`, by the classes' names.

    Raises:
        PellucidError: it is no such thing, or names no class.

    Example:
        >>> costs_of(["ill:healthy=5"], ["healthy", "ill"])
        array([[0., 1.],
               [5., 0.]])
    """
    costs = 1.0 - np.eye(len(names))
    known = {f"{true}:{predicted}": (t, p) for t, true in enumerate(names) for p, predicted in enumerate(names)}
    for assignment in assignments:
        pair, _, text = assignment.rpartition("=")
        try:
            cost = float(text)
        except ValueError:
            cost = math.nan
        if not pair or not math.isfinite(cost) or cost < 0:
            raise PellucidError(f"--cost {assignment}: {FORM}, with a cost of 0 or more.")
        if pair not in known:
            wrong = next((name for name in pair.split(":") if name not in names), pair)
            raise PellucidError(f"--cost {assignment}: {FORM}; there is no class {wrong!r}. {closest(wrong, names)}")
        costs[known[pair]] = cost
    if not (costs > costs.diagonal()[:, None]).any():
        raise PellucidError("--cost: no mistake costs more than the right answer, so there is nothing to decide by.")
    return costs


def decide(probabilities: NDArray[Any], costs: Floats) -> NDArray[np.int64]:
    """Return of each row the class of least expected cost; of equals, the more probable one.

    Args:
        probabilities: `[rows, classes]`.
        costs: `[true, predicted]`.
    """
    expected = probabilities.astype(np.float64) @ costs
    least = np.isclose(expected, expected.min(axis=1, keepdims=True), rtol=1e-12, atol=1e-15)
    found: NDArray[np.int64] = np.where(least, probabilities, -1).argmax(axis=1)
    return found


def by_probability(costs: Floats) -> float | None:
    """Return, of two classes, how probable the second must be for it to be the cheaper answer (Elkan 2001, eq. 2).

    None where one of both answers is never the dearer one, so that there is no such threshold.

    Example:
        >>> by_probability(np.array([[0.0, 1.0], [4.0, 0.0]]))
        0.2
    """
    false_alarm, miss = float(costs[0, 1] - costs[0, 0]), float(costs[1, 0] - costs[1, 1])
    return false_alarm / (false_alarm + miss) if false_alarm > 0 and miss > 0 else None


def by_trying(probability: Floats, targets: NDArray[np.int64], costs: Floats) -> float:
    """Return the threshold on the second class' probability that costs these rows the least.

    It lies half way between two rows; of equally cheap ones it is the one nearest to `by_probability`'s.
    """
    order = np.argsort(probability, kind="stable")
    p, true = probability[order], targets[order]
    # the first k rows are answered by the first class, the rest by the second
    first, second = np.cumsum(costs[true, 0]), np.cumsum(costs[true, 1])
    total = np.concatenate([[0.0], first]) + second[-1] - np.concatenate([[0.0], second])
    between = np.concatenate([[0.0], (p[1:] + p[:-1]) / 2, [1.0 + 1e-9]])
    possible = np.concatenate([[True], p[1:] > p[:-1], [True]])
    cheapest = possible & np.isclose(total, total[possible].min())
    wanted = by_probability(costs)
    candidates = between[cheapest]
    return float(candidates[np.abs(candidates - (0.5 if wanted is None else wanted)).argmin()])


def describe(
    log_probabilities: NDArray[Any],
    targets: NDArray[np.int64],
    names: Sequence[str],
    costs: Floats,
    resamples: int,
    clusters: Clusters,
    temperature: float | None = None,
    threshold: float | None = None,
    may_fit: bool = True,
) -> dict[str, Any]:
    """Return what each way to decide costs a row, with intervals, and how much less than the likeliest class.

    Args:
        temperature, threshold: fitted on other rows. Left out, they are fitted on one half of these rows and judged on
            the other, each once, where these rows may be fitted on at all.
    """
    probabilities = np.exp(log_probabilities.astype(np.float64))
    ways = {"likeliest": probabilities.argmax(axis=1), "least_expected_cost": decide(probabilities, costs)}
    if temperature is not None:
        ways["least_expected_cost_calibrated"] = decide(np.exp(tempered(log_probabilities, temperature)), costs)
    elif may_fit:
        softened, places = cross_tempered(log_probabilities, targets, clusters)
        if len(places):
            ways["least_expected_cost_calibrated"] = decide(np.exp(softened), costs)
    told: dict[str, Any] = {}
    if len(names) == 2:
        told["threshold"] = {"class": names[1], "by_probability": by_probability(costs), "by_trying": threshold}
        chosen = _thresholded(probabilities[:, 1], targets, costs, clusters, threshold, may_fit)
        if chosen is not None:
            ways["threshold_by_trying"] = chosen
        if threshold is None and may_fit:
            told["threshold"]["by_trying"] = by_trying(probabilities[:, 1], targets, costs)
    paid = {way: costs[targets, chosen] for way, chosen in ways.items()}
    scores: dict[str, Score] = {way: mean_score(cost, "min") for way, cost in paid.items()}
    savings = {way: mean_score(paid["likeliest"] - cost, "max") for way, cost in paid.items() if way != "likeliest"}
    saved = with_intervals(savings, resamples, clusters=clusters)
    told["ways"] = {
        way: {**cost, **({"saved": saved[way]} if way in saved else {}), "predicted": _counts(ways[way], names)}
        for way, cost in with_intervals(scores, resamples, clusters=clusters).items()
    }
    return told


def _thresholded(
    probability: Floats,
    targets: NDArray[np.int64],
    costs: Floats,
    clusters: Clusters,
    threshold: float | None,
    may_fit: bool,
) -> NDArray[np.int64] | None:
    """The answers by a threshold: a given one, or the other half's."""
    if threshold is not None:
        return (probability >= threshold).astype(np.int64)
    chosen = np.zeros(len(targets), np.int64)
    parts = halves(len(targets), clusters) if may_fit else []
    for fitted, judged in parts:
        chosen[judged] = probability[judged] >= by_trying(probability[fitted], targets[fitted], costs)
    return chosen if parts else None


def _counts(chosen: NDArray[np.int64], names: Sequence[str]) -> Mapping[str, int]:
    return dict(zip(names, np.bincount(chosen, minlength=len(names)).tolist(), strict=True))
