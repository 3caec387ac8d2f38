"""95 % intervals: Wilson's of a share, Student's of a few values, else Student's with the bootstrap's deviation.

Wilson 1927; Student 1908; Brown, Cai & DasGupta 2001 (why not the normal one); Efron 1979; of units that belong
together the clusters are resampled (Davison & Hinkley 1997, 3.8). The percentiles of resamples are no interval of few
units: of 50 rows' log loss they cover 91 %, of 4 clusters 75 % (benchmarks/honesty.py). The
deviation of the resamples is, on a scale on which the score has no bounds and with Student's quantile; of unbounded
scores, such as losses, the resamples' own t tells how skewed they are (Hall 1988).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation.bounds import POSITIVE, SHARE, UNBOUNDED, around, bounds_of
from pellucid.evaluation.jackknife import contributions, summed
from pellucid.tasks.score import Score

Z = 1.959963984540054  # the normal distribution's 97.5 % point
FEWEST_STUDENTISED = 20
"""Of fewer units too many resamples consist of one unit's copies, and have no standard error."""
_PIVOT = "t of "
_ROWS_AT_ONCE = 4 << 20


def wilson(right: float, rows: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share.

    Example:
        >>> low, high = wilson(9, 10)
        >>> round(low, 3), round(high, 3)
        (0.596, 0.982)
    """
    share = right / rows
    centre = (share + Z * Z / (2 * rows)) / (1 + Z * Z / rows)
    half = Z / (1 + Z * Z / rows) * math.sqrt(share * (1 - share) / rows + Z * Z / (4 * rows * rows))
    return max(0.0, centre - half), min(1.0, centre + half)


def student_quantile(share: float, degrees: int) -> float:
    """Return the quantile of Student's t."""
    from scipy.special import stdtrit  # scipy.stats takes ten times as long to import

    return float(stdtrit(degrees, share))


def student(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of a mean by Student's t: for few values, such as one per seed.

    Example:
        >>> low, high = student(np.array([1.0, 2.0, 3.0]))
        >>> round(low, 3), round(high, 3)
        (-0.484, 4.484)
    """
    mean, num = float(values.mean()), len(values)
    if num < 2:
        return mean, mean
    half = student_quantile(0.975, num - 1) * float(values.std(ddof=1)) / math.sqrt(num)
    return mean - half, mean + half


def with_intervals(
    scores: Mapping[str, Score], resamples: int, seed: int = 0, clusters: NDArray[np.int64] | None = None
) -> dict[str, dict[str, Any]]:
    """Return each score as `{"value", "low", "high", "n", "interval"}`, and how many `"clusters"` where there are any.

    Args:
        scores: of one set of units.
        resamples: how many of them are drawn, where an interval has no closed form.
        clusters: which units belong together, `[units]`. They are drawn together: rows of one patient are no
            independent evidence. Where all units are one cluster, nothing is known of others, and single units are
            drawn after all.
    """
    num_clusters = 0 if clusters is None else len(np.unique(clusters))
    results: dict[str, dict[str, Any]] = {}
    drawn: dict[str, Score] = {}
    for name, score in scores.items():
        of_clusters = clusters is not None and len(clusters) == len(score.moments)
        low, high, n, interval = math.nan, math.nan, len(score.moments), score.interval
        if interval == "wilson":
            n = int(score.moments[:, 1].sum())
        if of_clusters and num_clusters > 1 and interval != "student":
            interval = "bootstrap"
        if interval == "wilson":
            low, high = wilson(float(score.moments[:, 0].sum()), n)
        elif interval == "student":
            low, high = student(score.units)
        else:
            drawn[name] = score
        told = {"clusters": num_clusters} if of_clusters else {}
        results[name] = {"value": score.value, "low": low, "high": high, "n": n, "interval": interval, **told}
    nums = {name: _num_drawn(score, results[name]) for name, score in drawn.items()}
    pivots = {
        name: _pivot(score, clusters, nums[name]) for name, score in drawn.items() if _is_skewed(score, nums[name])
    }
    both = {**drawn, **{_PIVOT + name: pivot for name, pivot in pivots.items()}}
    values = resampled(both, resamples, seed, clusters if num_clusters > 1 else None)
    for name, score in drawn.items():
        if name in pivots:
            low, high = _studentised(score, pivots[name], values[_PIVOT + name], nums[name])
        else:
            low, high = _ends(score, values[name], nums[name])
        results[name] |= {"low": low, "high": high}
    for name, score in scores.items():
        if score.standard_error > 0:
            results[name] |= _widened(results[name], Z * score.standard_error)
    return results


def _num_drawn(score: Score, told: Mapping[str, Any]) -> int:
    """How many units or clusters a resample draws from."""
    together = int(told.get("clusters", 0))
    return together if together > 1 else len(score.moments)


def _is_skewed(score: Score, num: int) -> bool:
    """Whether single units may pull a score far to one side, and there are enough of them to see by how much."""
    return num >= FEWEST_STUDENTISED and score.is_additive and bounds_of(score) in (POSITIVE, UNBOUNDED)


def _pivot(score: Score, clusters: NDArray[np.int64] | None, num: int) -> Score:
    """The t of a resample: how far it is off, by its own standard error. By the jackknife, so of any sum of units.

    What a cluster adds is written to its first unit, for a cluster is drawn as one.
    """
    units = len(score.moments)
    codes = np.arange(units) if clusters is None or num == units else clusters
    _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    added = contributions(score, codes)
    moments = np.zeros((units, 3))
    moments[first] = np.stack([added, added**2, np.ones_like(added)], axis=1)
    return Score(moments, "student", score.better)


def _studentised(score: Score, pivot: Score, values: NDArray[np.float64], num: int) -> tuple[float, float]:
    """The studentised bootstrap's interval (Hall 1988), which is longer where the scores' tail is.

    Where one unit outweighs all others, most resamples lack it and their t has no bound: beyond twice Student's
    quantile it is not believed.
    """
    bounds, error = bounds_of(score), math.sqrt(float(pivot.moments[:, 1].sum()) / num / (num - 1))
    most = 2 * student_quantile(0.975, num - 1)
    first, last = np.clip(np.quantile(values, [0.025, 0.975]), -most, most)
    low, _ = around(score.value, max(0.0, float(last)) * error, bounds)
    _, high = around(score.value, max(0.0, -float(first)) * error, bounds)
    return low, high


def _ends(score: Score, values: NDArray[np.float64], num: int) -> tuple[float, float]:
    """Student's interval by the deviation of resampled values, on the scale on which the score has no bounds.

    The deviation of a bootstrap of G units is short by sqrt((G - 1) / G), and G - 1 differences are what it knows
    (Cameron, Gelbach & Miller 2008). Where every unit is at the bound, resamples vary in nothing, and Wilson's
    interval of as many units is as much as is known.

    Args:
        num: how many units or clusters were drawn from.
    """
    value, bounds = score.value, bounds_of(score)
    deviation = float(values.std()) if num > 1 else 0.0
    if deviation <= 1e-12 * abs(value):
        told = num if score.kind != "ratio" else min(num, int((score.moments[:, 1] > 0).sum()))
        return wilson(value * told, told) if bounds == SHARE and value in bounds and told else (value, value)
    half = student_quantile(0.975, num - 1) * deviation * math.sqrt(num / (num - 1))
    return around(value, half, bounds)


def _widened(result: Mapping[str, Any], half: float) -> dict[str, float]:
    """An interval's ends, each moved out by an error independent of it: distances from the value add as squares."""
    value = result["value"]
    low, high = (math.hypot(value - end, half) for end in (result["low"], result["high"]))
    return {"low": value - low, "high": value + high}


def resampled(
    scores: Mapping[str, Score], resamples: int, seed: int = 0, clusters: NDArray[np.int64] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Return each score of each resample, `[resamples]`.

    Scores of as many units are taken from the same resamples, so that the differences of two scores of the same rows
    are differences by pairs.

    Args:
        clusters: which units are drawn together, `[units]`; of scores of other units nothing.
    """
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in scores}
    for units in sorted({len(score.moments) for score in scores.values()}):
        group = {name: score for name, score in scores.items() if len(score.moments) == units}
        codes = clusters if clusters is not None and len(clusters) == units else np.arange(units)
        sums = {name: summed(score.moments, codes) for name, score in group.items() if score.is_additive}
        ends = np.cumsum([moments.shape[1] for moments in sums.values()])[:-1]
        together = np.concatenate([*sums.values()], axis=1) if sums else None
        for counts in _draws(int(codes.max()) + 1, units, resamples, seed):
            if together is not None:
                pieces = np.split(counts @ together, ends, axis=1)
                for name, piece in zip(sums, pieces, strict=True):
                    values[name].append(group[name].of_sums(piece))
            others = {name: score for name, score in group.items() if not score.is_additive}
            drawn = np.ascontiguousarray(counts.T[codes]) if others else counts.T  # (units, some): as they are summed
            for name, score in others.items():
                values[name].append(score.of_counts(drawn.T))
    return {name: np.concatenate(found) for name, found in values.items()}


def _draws(clusters: int, units: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each cluster was drawn in some resamples, `[some, clusters]`: rows of a matrix product."""
    random = np.random.default_rng(seed)
    at_once = max(1, _ROWS_AT_ONCE // units)
    for start in range(0, resamples, at_once):
        num = min(at_once, resamples - start)
        drawn = random.integers(clusters, size=(num, clusters)) + np.arange(num)[:, None] * clusters
        yield np.bincount(drawn.ravel(), minlength=num * clusters).reshape(num, clusters).astype(np.float64)
