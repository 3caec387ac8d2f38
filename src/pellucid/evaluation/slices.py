"""Slices: how well it does on the rows of one value of a column, against all other rows.

Each slice is tested against the rest, Fisher's exact test for a share of rows and Welch's t for a mean; of rows that
belong together whole clusters are resampled. Many slices find some that differ by chance alone, so the p-values are
adjusted for all of them together (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation.calibration import Clusters
from pellucid.evaluation.holm import holm
from pellucid.evaluation.intervals import resampled, with_intervals
from pellucid.tasks.score import Score

SMALLEST = 10
"""Rows below which a slice, or the rest of it, is told as too small, and not tested."""
FEWEST_CLUSTERS = 5
"""Clusters below which on either side a slice is too small as well: their spread says little of others."""
QUANTILES = 4
FEW = 8
"""Different numbers up to which each is a slice of its own; of more, the slices are quarters."""
TESTED = ("accuracy", "mae", "recall")
"""Scores by which slices are compared, the first that there is: means over rows, whose differences mean something."""
BESIDE = ("log_loss", "rmse")


@dataclass(frozen=True)
class Slice:
    """Rows of one value of a column.

    Attributes:
        column: its name.
        value: in words.
        inside: which of the part's rows, `[rows]`.
    """

    column: str
    value: str
    inside: NDArray[np.bool_]


def cut(column: str, values: NDArray[Any]) -> Iterator[Slice]:
    """Yield a column's slices: of numbers its quarters where there are many, else one for each value.

    Args:
        values: `[rows]`, of numbers where they are cut into quarters; NaN or None is a slice of its own, missing.
    """
    missing = np.array([value is None or value != value for value in values.tolist()], bool)
    if np.issubdtype(values.dtype, np.number) and len(np.unique(values[~missing])) > FEW:
        numbers = np.where(missing, math.nan, values)
        edges = np.unique(np.quantile(numbers[~missing], np.linspace(0, 1, QUANTILES + 1)[1:-1]))
        places = np.searchsorted(edges, numbers, side="right")
        for place in range(len(edges) + 1):
            inside = (places == place) & ~missing
            if inside.any():
                low, high = numbers[inside].min(), numbers[inside].max()
                yield Slice(column, f"{low:.4g} to {high:.4g}", inside)
    else:
        texts = np.array(["" if gone else _text(value) for gone, value in zip(missing, values.tolist(), strict=True)])
        for text in sorted(set(texts[~missing].tolist())):
            yield Slice(column, text, (texts == text) & ~missing)
    if missing.any():
        yield Slice(column, "missing", missing)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def describe(
    slices: Sequence[Slice], scores: Mapping[str, Score], resamples: int, clusters: Clusters
) -> list[dict[str, Any]]:
    """Return each slice with its score, the rest's, their difference and its adjusted p-value; the worst first.

    Those too small to be tested come last, the largest first.
    """
    name = next(each for each in TESTED if each in scores)
    beside = [each for each in BESIDE if each in scores]
    told = [_of_slice(each, name, beside, scores, resamples, clusters) for each in slices]
    tested = [each for each in told if each["p"] is not None]
    for each, adjusted in zip(tested, holm([each["p"] for each in tested]), strict=True):
        each["p_holm"] = adjusted
    sign = 1 if scores[name].better == "max" else -1
    tested.sort(key=lambda each: sign * each["difference"]["value"])
    return tested + sorted((each for each in told if each["p"] is None), key=lambda each: -each["n"])


def _of_slice(
    given: Slice, name: str, beside: Sequence[str], scores: Mapping[str, Score], resamples: int, clusters: Clusters
) -> dict[str, Any]:
    inside, score = given.inside, scores[name]
    n = int(inside.sum())
    told: dict[str, Any] = {"column": given.column, "value": given.value, "n": n, "metric": name}
    wanted = {each: _restricted(scores[each], inside) for each in (name, *beside)}
    codes = None if clusters is None else _dense(clusters[inside])
    told["metrics"] = with_intervals(wanted, resamples, clusters=codes)
    told |= {"rest": None, "difference": None, "p": None, "p_holm": None, "too_small": True}
    if n < SMALLEST or len(inside) - n < SMALLEST:
        return told
    rest = with_intervals(
        {name: _restricted(score, ~inside)}, resamples, clusters=None if clusters is None else _dense(clusters[~inside])
    )[name]
    own = told["metrics"][name]
    if clusters is not None:
        tested = _clustered(score, inside, resamples, clusters)
        if tested is None:
            return told
        low, high, p = tested
    else:
        low, high = _difference(own, rest)
        p = _p_value(score.units[inside], score.units[~inside])
    difference = {"value": own["value"] - rest["value"], "low": low, "high": high}
    return told | {"rest": rest, "difference": difference, "p": p, "too_small": False}


def _restricted(score: Score, inside: NDArray[np.bool_]) -> Score:
    return Score(score.moments[inside], score.kind, score.better, score.interval)


def _dense(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(codes, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[float, float]:
    """The interval of a difference of two independent scores, from their own ones (Newcombe 1998, method 10).

    Zou and Donner (2008) show that it serves any two intervals.
    """
    value = one["value"] - other["value"]
    low = value - math.hypot(one["value"] - one["low"], other["high"] - other["value"])
    high = value + math.hypot(one["high"] - one["value"], other["value"] - other["low"])
    return low, high


def _p_value(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How probable so large a difference of means is where there is none: Fisher's test of shares, else Welch's."""
    from scipy import stats

    everything = np.concatenate([one, other])
    if np.isin(everything, (0.0, 1.0)).all():
        counts = [[int(each.sum()), len(each) - int(each.sum())] for each in (one, other)]
        return float(stats.fisher_exact(counts)[1])
    if np.ptp(everything) == 0:
        return 1.0
    return float(stats.ttest_ind(one, other, equal_var=False).pvalue)


def _clustered(
    score: Score, inside: NDArray[np.bool_], resamples: int, clusters: NDArray[np.int64]
) -> tuple[float, float, float] | None:
    """The interval and p-value of a difference whose rows belong together: by the spread of resampled clusters.

    Student's t with one degree of freedom less than there are clusters on the smaller side.
    """
    from scipy.stats import t

    sides = [len(np.unique(clusters[side])) for side in (inside, ~inside)]
    if min(sides) < FEWEST_CLUSTERS:
        return None
    halves = {
        key: Score(score.moments * side[:, None], score.kind, score.better)
        for key, side in (("in", inside), ("out", ~inside))
    }
    drawn = resampled(halves, resamples, clusters=_dense(clusters))
    spread = float((drawn["in"] - drawn["out"]).std())
    value, freedom = halves["in"].value - halves["out"].value, min(sides) - 1
    half = float(t.ppf(0.975, freedom)) * spread
    p = float(2 * t.sf(abs(value) / spread, freedom)) if spread > 0 else 1.0
    return value - half, value + half, p
