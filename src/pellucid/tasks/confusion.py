"""Scores of a confusion matrix, from each row's true and predicted class.

All of them are functions of three numbers per class: its rows, the rows that were taken for it, and those that were
both. A row is kept as its two codes, `[units, 2]`: as sums it would be three numbers per class, nearly all of them 0.

A class that a part lacks is no reason for NaN: means are over the classes that occur (as in scikit-learn), and what has
nothing to tell (all rows of one class, all taken for one) is 0, as if by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def tally(codes: Array, counts: Array) -> tuple[Array, Array, Array]:
    """Return of each class, in each resample, the rows that were found, those there are, and those taken for it.

    Args:
        codes: the true and the predicted class of each unit, `[units, 2]`.
        counts: how often each resample drew each unit, `[resamples, units]`.

    Returns:
        Three times `[resamples, classes]`.
    """
    from scipy.sparse import csr_matrix

    true, said = codes.astype(np.int64).T
    num_classes = int(codes.max(initial=-1)) + 1
    cells, cell = np.unique(true * num_classes + said, return_inverse=True)
    where = csr_matrix((np.ones(len(cell)), (cell, np.arange(len(cell)))), (len(cells), len(cell)))
    rows: Array = where @ counts.T  # (cells, resamples)
    of, taken_for = np.divmod(cells, max(num_classes, 1))

    def summed(classes: NDArray[np.int64], chosen: NDArray[np.bool_]) -> Array:
        matrix = csr_matrix((chosen.astype(np.float64), (classes, np.arange(len(cells)))), (num_classes, len(cells)))
        sums: Array = (matrix @ rows).T
        return sums

    every = np.ones(len(cells), bool)
    return summed(of, of == taken_for), summed(of, every), summed(taken_for, every)


def balanced_accuracy(found: Array, true: Array, said: Array) -> Array:
    """The mean recall of the classes that have rows (Brodersen et al. 2010), from `[..., classes]` thrice."""
    return _mean(_ratio(found, true), true > 0)


def macro_f1(found: Array, true: Array, said: Array) -> Array:
    """The mean F1 of the classes that occur in truth or prediction: of each, twice what is both over what is either."""
    return _mean(_ratio(2 * found, true + said), true + said > 0)


def matthews(found: Array, true: Array, said: Array) -> Array:
    """The correlation of truth and prediction (Matthews 1975; for several classes Gorodkin 2004), -1 to 1."""
    rows = true.sum(axis=-1)
    covariance = found.sum(axis=-1) * rows - (true * said).sum(axis=-1)
    spreads = [rows * rows - np.square(each).sum(axis=-1) for each in (true, said)]
    return _ratio(covariance, np.sqrt(spreads[0]) * np.sqrt(spreads[1]))


def kappa(found: Array, true: Array, said: Array) -> Array:
    """The agreement beyond chance, over the most that is possible beyond chance (Cohen 1960)."""
    rows = true.sum(axis=-1)
    by_chance = (true * said).sum(axis=-1)
    return _ratio(found.sum(axis=-1) * rows - by_chance, rows * rows - by_chance)


def _ratio(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


def _mean(values: Array, counted: NDArray[np.bool_]) -> Array:
    return _ratio((values * counted).sum(axis=-1), counted.sum(axis=-1).astype(np.float64))


def _of_codes(reduction: Callable[[Array, Array, Array], Array]) -> Callable[[Array, Array], Array]:
    def score(codes: Array, counts: Array) -> Array:
        return reduction(*tally(codes, counts))

    return score


CONFUSION: Mapping[str, Callable[[Array, Array], Array]] = {
    "balanced_accuracy": _of_codes(balanced_accuracy),
    "macro_f1": _of_codes(macro_f1),
    "matthews": _of_codes(matthews),
    "kappa": _of_codes(kappa),
}
"""From codes `[units, 2]` and counts `[resamples, units]` to values `[resamples]`."""
