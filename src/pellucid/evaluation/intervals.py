"""95 % intervals: Wilson's for a share of rows, Student's t for a mean of few, else the percentile bootstrap.

Wilson 1927; Student 1908; Brown, Cai & DasGupta 2001 (why not the normal one); Efron 1979.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.tasks.task import Score

Z = 1.959963984540054  # the normal distribution's 97.5 % point
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


def with_intervals(scores: Mapping[str, Score], resamples: int, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return each score as `{"value", "low", "high", "n", "interval"}`.

    All bootstrapped scores of as many units are taken from the same resamples of them, `resamples` in number.
    """
    results: dict[str, dict[str, Any]] = {}
    drawn: dict[int, dict[str, Score]] = {}
    for name, score in scores.items():
        n = len(score.moments)
        low, high = math.nan, math.nan
        if score.interval == "wilson":
            low, high = wilson(float(score.moments[:, 0].sum()), n)
        elif score.interval == "student":
            low, high = student(score.combine(score.moments))
        else:
            drawn.setdefault(n, {})[name] = score
        results[name] = {"value": score.value, "low": low, "high": high, "n": n, "interval": score.interval}
    for group in drawn.values():
        for name, (low, high) in _bootstrap(group, resamples, seed).items():
            results[name] |= {"low": low, "high": high}
    for name, score in scores.items():
        if score.standard_error > 0:
            results[name] |= _widened(results[name], Z * score.standard_error)
    return results


def _widened(result: Mapping[str, Any], half: float) -> dict[str, float]:
    """An interval's ends, each moved out by an error independent of it: distances from the value add as squares."""
    value = result["value"]
    low, high = (math.hypot(value - end, half) for end in (result["low"], result["high"]))
    return {"low": value - low, "high": value + high}


def _bootstrap(scores: Mapping[str, Score], resamples: int, seed: int) -> dict[str, tuple[float, float]]:
    moments = np.concatenate([score.moments for score in scores.values()], axis=1)  # (rows, moments of all scores)
    sums = resampled_sums(moments, resamples, seed)
    ends = np.cumsum([score.moments.shape[1] for score in scores.values()])[:-1]
    pieces = np.split(sums, ends, axis=1)
    intervals = {}
    for (name, score), piece in zip(scores.items(), pieces, strict=True):
        low, high = np.quantile(score.combine(piece), [0.025, 0.975])
        intervals[name] = (float(low), float(high))
    return intervals


def resampled_sums(moments: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Return the summed moments of `resamples` draws of the rows with replacement, `[resamples, m]`.

    A resample is the number of times that each row was drawn, so it is one row of a matrix product.
    """
    rows = len(moments)
    random = np.random.default_rng(seed)
    at_once = max(1, _ROWS_AT_ONCE // rows)
    sums = []
    for start in range(0, resamples, at_once):
        num = min(at_once, resamples - start)
        drawn = random.integers(rows, size=(num, rows)) + np.arange(num)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=num * rows).reshape(num, rows)
        sums.append(counts.astype(np.float64) @ moments)
    return np.concatenate(sums)
