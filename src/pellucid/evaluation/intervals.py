"""95 % intervals: Wilson's for a share of rows, the percentile bootstrap for everything else.

Wilson 1927; Brown, Cai & DasGupta 2001 (why not the normal one); Efron 1979.
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


def with_intervals(scores: Mapping[str, Score], resamples: int, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return each score as `{"value", "low", "high", "n", "interval"}`.

    All bootstrapped scores of a set are taken from the same resamples of its rows, `resamples` of them.
    """
    results: dict[str, dict[str, Any]] = {}
    for name, score in scores.items():
        n = len(score.moments)
        if score.proportion:
            low, high = wilson(float(score.moments[:, 0].sum()), n)
            kind = "wilson"
        else:
            low, high = (math.nan, math.nan)
            kind = "bootstrap"
        results[name] = {"value": score.value, "low": low, "high": high, "n": n, "interval": kind}
    drawn = {name: score for name, score in scores.items() if not score.proportion}
    if drawn:
        for name, (low, high) in _bootstrap(drawn, resamples, seed).items():
            results[name] |= {"low": low, "high": high}
    return results


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
