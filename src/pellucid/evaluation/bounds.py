"""Between what values a score can lie, and intervals on the scale on which it has no bounds.

An interval that is symmetric around a share of 0.97 says what cannot be, and covers too seldom; one that is symmetric
around its log odds does neither. So Student's interval is made on the scale of log((x - low) / (high - x)), or of
log(x - low) where nothing bounds it above, and carried back (the delta method; Agresti, "Categorical Data Analysis",
2013, 3.1; Hall 1992, 3.9, on why a pivot wants such a scale).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from pellucid.tasks.score import Score

Bounds = tuple[float, float]

SHARE: Bounds = (0.0, 1.0)
POSITIVE: Bounds = (0.0, math.inf)
CORRELATION: Bounds = (-1.0, 1.0)
UNBOUNDED: Bounds = (-math.inf, math.inf)
BOUNDS: Mapping[str, Bounds] = {
    "balanced_accuracy": SHARE,
    "macro_f1": SHARE,
    "iou": SHARE,
    "mean_iou": SHARE,
    "mean_dice": SHARE,
    "area_under_roc": SHARE,
    "average_precision": SHARE,
    "root_mean": POSITIVE,
    "perplexity": POSITIVE,
    "matthews": CORRELATION,
    "kappa": CORRELATION,
    "explained_variance": (-math.inf, 1.0),
}
"""By a score's kind; that of a ratio depends on what is summed."""


def bounds_of(score: Score) -> Bounds:
    """Return the values that a score lies between, by its kind; of a ratio by what its units add."""
    if score.kind not in ("ratio", "bits"):
        return BOUNDS.get(score.kind, UNBOUNDED)
    first, second = score.moments.T
    if score.better == "max" and (first >= 0).all() and (first <= second).all():
        return SHARE
    is_error = score.better == "min" and (first >= 0).all() and (second >= 0).all()  # a return may be below 0 next time
    return POSITIVE if is_error else UNBOUNDED


def within(low: float, high: float, bounds: Bounds) -> tuple[float, float]:
    """Return an interval without what cannot be: of a few scores of a kind that lies in bounds."""
    return max(low, bounds[0]), min(high, bounds[1])


def around(value: float, half: float, bounds: Bounds) -> tuple[float, float]:
    """Return an interval around a value within its bounds, of half-width `half` where those are far.

    Example:
        >>> low, high = around(0.97, 0.04, (0, 1))
        >>> round(low, 3), round(high, 3)
        (0.891, 0.992)
    """
    low, high = bounds
    if half == 0 or not low < value < high:
        return value - half, value + half
    if math.isinf(low) and math.isinf(high):
        return value - half, value + half
    if math.isinf(high):
        return low + _grown(value - low, -half), low + _grown(value - low, half)
    if math.isinf(low):
        return high - _grown(high - value, half), high - _grown(high - value, -half)
    width, share = high - low, (value - low) / (high - low)
    odds, slope = math.log(share / (1 - share)), half / width / (share * (1 - share))
    return low + width * _logistic(odds - slope), low + width * _logistic(odds + slope)


def _grown(distance: float, half: float) -> float:
    return float(distance * np.exp(min(half / distance, 700.0)))


def _logistic(odds: float) -> float:
    return 0.5 * (1 + math.tanh(odds / 2))
