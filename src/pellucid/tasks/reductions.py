"""Reductions: how a score comes of the sums of its units' moments. Each is a pure function of sums over the units.

`REDUCTIONS` is what a score on a disk names, so that whoever compares two runs needs neither of their models. Sums are
`[..., m]`, values `[...]`: the leading axes are resamples, and a resample may lack a class, or vary in nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Reduction = Callable[[Array], Array]

MOST_NATS = 700.0
"""Above it a perplexity is larger than any float."""


def ratio(sums: Array) -> Array:
    """The first sum over the second, from `[..., 2]`: the mean, where the second counts the units. 0 of nothing."""
    return np.divide(sums[..., 0], sums[..., 1], out=np.zeros(sums.shape[:-1]), where=sums[..., 1] != 0)


def bits(sums: Array) -> Array:
    """A mean of nats in bits, from `[..., 2]`."""
    found: Array = ratio(sums) / math.log(2)
    return found


def perplexity(sums: Array) -> Array:
    """Of how many equally probable choices a mean of nats is the surprise, from `[..., 2]`."""
    found: Array = np.exp(np.minimum(ratio(sums), MOST_NATS))
    return found


def difference_of_ratios(sums: Array) -> Array:
    """The first ratio minus the second, from `[..., 4]`."""
    found: Array = ratio(sums[..., :2]) - ratio(sums[..., 2:])
    return found


def mean_difference(sums: Array) -> Array:
    """The mean of the first minus that of the second, from sums `[..., 3]` of (first, second, 1)."""
    found: Array = (sums[..., 0] - sums[..., 1]) / sums[..., 2]
    return found


def student(sums: Array) -> Array:
    """The mean over its standard error, from sums `[..., 3]` of (value, value^2, 1).

    Values that do not vary but around another value than 0 have 1e9, with its sign: they are as far off as can be.
    """
    mean, square, num = sums[..., 0] / sums[..., 2], sums[..., 1] / sums[..., 2], sums[..., 2]
    error = np.sqrt(np.maximum(square - mean**2, 0) / np.maximum(num - 1, 1))
    found: Array = np.divide(mean, np.maximum(error, 1e-9 * np.abs(mean)), out=np.zeros_like(mean), where=mean != 0)
    return found


def root_mean(sums: Array) -> Array:
    """Root of the mean squared error averaged over targets, from sums `[..., targets + 1]` of (error^2, 1)."""
    found: Array = np.sqrt(sums[..., :-1] / sums[..., -1:]).mean(axis=-1)
    return found


def explained_variance(sums: Array) -> Array:
    """1 - SSE / SST averaged over targets, from sums `[..., 1 + 3 * targets]` of (1, error^2, y^2, y).

    A target that is constant has no variance to explain: 1 where it was met exactly, else 0, as in scikit-learn.
    """
    n = sums[..., :1]
    error, square, first = np.split(sums[..., 1:], 3, axis=-1)
    total = square - np.square(first) / n
    varies = total > 1e-12 * square  # a resample of one row leaves rounding
    share = 1 - np.divide(error, total, out=(error > 0).astype(np.float64), where=varies)
    found: Array = share.mean(axis=-1)
    return found


def iou(sums: Array) -> Array:
    """Intersection over union of one class, from sums `[..., 2]` of (intersection, both sizes); 0 of nothing."""
    return _overlap(sums[..., 0], sums[..., 1])


def mean_iou(sums: Array) -> Array:
    """The mean IoU of the classes that occur in truth or prediction, from `[..., 2 * classes]`."""
    both, sizes = np.split(sums, 2, axis=-1)
    return _mean_over_present(_overlap(both, sizes), sizes)


def mean_dice(sums: Array) -> Array:
    """The mean Dice overlap, 2 * intersection / both sizes, of the classes that occur, from `[..., 2 * classes]`."""
    both, sizes = np.split(sums, 2, axis=-1)
    return _mean_over_present(np.divide(2 * both, sizes, out=np.zeros_like(both), where=sizes > 0), sizes)


def _overlap(both: Array, sizes: Array) -> Array:
    return np.divide(both, sizes - both, out=np.zeros_like(both), where=sizes > 0)


def _mean_over_present(values: Array, sizes: Array) -> Array:
    found: Array = values.sum(axis=-1) / np.maximum((sizes > 0).sum(axis=-1), 1)
    return found


REDUCTIONS: Mapping[str, Reduction] = {
    "ratio": ratio,
    "bits": bits,
    "perplexity": perplexity,
    "difference_of_ratios": difference_of_ratios,
    "mean_difference": mean_difference,
    "student": student,
    "root_mean": root_mean,
    "explained_variance": explained_variance,
    "iou": iou,
    "mean_iou": mean_iou,
    "mean_dice": mean_dice,
}
