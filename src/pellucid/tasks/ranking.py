"""Scores of an order: how far the rows of a class are ahead of all others, when sorted by how likely it holds them.

The area under the ROC curve is the probability that a row of the class is ranked before one that is not, ties counted
half (Hanley & McNeil 1982); average precision is the mean, over the rows of the class, of the share of its rows among
all that are ranked as high (no interpolation; rows of equal rank come together). Both as scikit-learn has them.

A resample only changes how often each row counts. So rows are sorted once, rows that no count could tell apart are
brought together, and one sparse product gives the sums of every resample.

Moments are `[units, 2 * columns]`: a score per column, then whether the unit is of that column's class. The value is
the mean over the columns; one in which a resample has no row of the class, or only such, has nothing to tell and is
left out. Where that leaves none, the area is 1/2, which is chance, and the average precision the share of rows of the
class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def area_under_roc(moments: Array, counts: Array) -> Array:
    """Return the area under the ROC curve of each resample, averaged over the columns.

    Args:
        moments: scores and labels, `[units, 2 * columns]`.
        counts: how often each resample drew each unit, `[resamples, units]`.
    """
    return _mean_over_columns(moments, counts, _areas, lambda share: np.full_like(share, 0.5))


def average_precision(moments: Array, counts: Array) -> Array:
    """Return the average precision of each resample, averaged over the columns; arguments as `area_under_roc`."""
    return _mean_over_columns(moments, counts, _precisions, lambda share: share)


def _mean_over_columns(
    moments: Array,
    counts: Array,
    value: Callable[[Array, NDArray[np.bool_], Array, Array, Array], Array],
    otherwise: Callable[[Array], Array],
) -> Array:
    drawn = np.ascontiguousarray(counts.T)  # (units, resamples)
    total, columns, shares = (np.zeros(drawn.shape[1]) for _ in range(3))
    rows = drawn.sum(axis=0)
    for scores, labels in _columns(moments):
        of_class = labels @ drawn
        told = (of_class > 0) & (of_class < rows)
        total += np.where(told, value(scores, labels > 0, drawn, of_class, rows - of_class), 0)
        columns += told
        shares += of_class / np.maximum(rows, 1)
    without = otherwise(shares / max(moments.shape[1] // 2, 1))
    return np.divide(total, columns, out=without, where=columns > 0)


def _columns(moments: Array) -> Iterator[tuple[Array, Array]]:
    scores, labels = np.split(moments, 2, axis=1)
    yield from zip(scores.T, labels.T, strict=True)


def _areas(scores: Array, of_class: NDArray[np.bool_], drawn: Array, positive: Array, negative: Array) -> Array:
    order, ties = _sorted(scores)
    # A step is a run of others and the run of the class's rows that follows it; or a tie of both, which counts half
    labels = of_class[order]
    some, every = np.logical_or.reduceat(labels, ties), np.logical_and.reduceat(labels, ties)
    is_tie, is_other = some & ~every, ~some
    begins = np.append(True, is_tie[1:] | is_tie[:-1] | (is_other[1:] & ~is_other[:-1]))
    step = np.repeat(np.cumsum(begins) - 1, np.diff(np.append(ties, len(order))))
    ahead, behind = _sums(order, labels, step, drawn)
    passed = np.cumsum(behind, axis=0)  # others that are ranked before this step's rows of the class
    passed[is_tie[begins]] -= behind[is_tie[begins]] / 2
    return 1 - _over((ahead * passed).sum(axis=0), positive * negative)


def _precisions(scores: Array, of_class: NDArray[np.bool_], drawn: Array, positive: Array, negative: Array) -> Array:
    order, ties = _sorted(scores)
    # A step ends with a tie that holds a row of the class: only there the curve moves
    labels = of_class[order]
    some = np.logical_or.reduceat(labels, ties)
    step_of_tie = np.cumsum(some) - some
    step = np.repeat(step_of_tie, np.diff(np.append(ties, len(order))))
    ahead, behind = _sums(order, labels, step, drawn)
    found = np.cumsum(ahead, axis=0)
    precision = _over(found, found + np.cumsum(behind, axis=0))
    return _over((ahead * precision).sum(axis=0), positive)


def _sorted(scores: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Units from the highest score to the lowest, and where each run of equal scores begins."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    return order, np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))


def _sums(
    order: NDArray[np.int64], labels: NDArray[np.bool_], step: NDArray[np.int64], drawn: Array
) -> tuple[Array, Array]:
    """How many rows of the class, and how many others, each step has in each resample, `[steps, resamples]`."""
    from scipy.sparse import csr_matrix

    num = int(step[-1]) + 1
    matrix = csr_matrix((np.ones(len(order)), (step + num * ~labels, order)), (2 * num, len(order)))
    sums: Array = matrix @ drawn
    return sums[:num], sums[num:]


def _over(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)
