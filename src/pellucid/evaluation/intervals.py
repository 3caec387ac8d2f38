"""95 % intervals: Wilson's for a share of rows, Student's t for a mean of few, else the percentile bootstrap.

Wilson 1927; Student 1908; Brown, Cai & DasGupta 2001 (why not the normal one); Efron 1979; of units that belong
together the clusters are resampled (Davison & Hinkley 1997, 3.8).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.tasks.score import Score

Z = 1.959963984540054  # the normal distribution's 97.5 % point
FEW_CLUSTERS = 30
"""Below it, resampled clusters are summed up by Student's interval."""
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


def student(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of a mean by Student's t: for few values, such as one per seed.

    Example:
        >>> low, high = student(np.array([1.0, 2.0, 3.0]))
        >>> round(low, 3), round(high, 3)
        (-0.484, 4.484)
    """
    from scipy.stats import t

    mean, num = float(values.mean()), len(values)
    if num < 2:
        return mean, mean
    half = float(t.ppf(0.975, num - 1)) * float(values.std(ddof=1)) / math.sqrt(num)
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
    for name, values in resampled(drawn, resamples, seed, clusters if num_clusters > 1 else None).items():
        low, high = _ends(drawn[name], values, results[name].get("clusters", 0))
        results[name] |= {"low": low, "high": high}
    for name, score in scores.items():
        if score.standard_error > 0:
            results[name] |= _widened(results[name], Z * score.standard_error)
    return results


def _ends(score: Score, values: NDArray[np.float64], num_clusters: int) -> tuple[float, float]:
    """The percentiles of resampled values; of few clusters, whose resamples vary too little, Student's interval.

    The deviation of a bootstrap of G clusters is short by sqrt((G - 1) / G), and G - 1 differences are what it knows
    (Cameron, Gelbach & Miller 2008).
    """
    if not 1 < num_clusters < FEW_CLUSTERS:
        low, high = np.quantile(values, [0.025, 0.975])
        return float(low), float(high)
    from scipy.stats import t

    deviation = float(values.std()) * math.sqrt(num_clusters / (num_clusters - 1))
    half = float(t.ppf(0.975, num_clusters - 1)) * deviation
    low, high = score.value - half, score.value + half
    return (max(0.0, low), min(1.0, high)) if score.interval == "wilson" else (low, high)


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
        sums = {name: _sums(score.moments, codes) for name, score in group.items() if score.is_additive}
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


def _sums(moments: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Moments summed over the units of each cluster, `[clusters, m]`."""
    if len(moments) == codes.max() + 1:
        return moments
    sums = np.zeros((int(codes.max()) + 1, moments.shape[1]))
    np.add.at(sums, codes, moments)
    return sums


def _draws(clusters: int, units: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each cluster was drawn in some resamples, `[some, clusters]`: rows of a matrix product."""
    random = np.random.default_rng(seed)
    at_once = max(1, _ROWS_AT_ONCE // units)
    for start in range(0, resamples, at_once):
        num = min(at_once, resamples - start)
        drawn = random.integers(clusters, size=(num, clusters)) + np.arange(num)[:, None] * clusters
        yield np.bincount(drawn.ravel(), minlength=num * clusters).reshape(num, clusters).astype(np.float64)
