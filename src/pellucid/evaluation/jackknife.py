"""The jackknife: what each unit, or each cluster of units, contributes to a score of whatever kind.

J. Tukey 1958; B. Efron, C. Stein, "The jackknife estimate of variance", 1981. For a mean they are the units' own values
less the mean, so that Student's test of them is Student's test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.tasks.score import Score

MOST_GROUPS = 500
"""A score of the units' order is computed anew without each group; more units are put into so many groups by chance."""
_COUNTS_AT_ONCE = 4 << 20


def contributions(score: Score, codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what each cluster contributes, `[clusters]`, of mean 0: (G - 1) times what the score loses without it.

    Their variance over G is that of the score.

    Args:
        codes: to which cluster each unit belongs, 0 to G - 1, `[units]`; as `grouped` gives them.
    """
    num = int(codes.max()) + 1
    if score.is_additive:
        sums = summed(score.moments, codes)
        without = score.of_sums(sums.sum(axis=0) - sums)
    else:
        at_once = max(1, _COUNTS_AT_ONCE // len(codes))
        pieces = [np.arange(start, min(start + at_once, num)) for start in range(0, num, at_once)]
        without = np.concatenate(
            [score.of_counts((codes[None, :] != left_out[:, None]).astype(np.float64)) for left_out in pieces]
        )
    found: NDArray[np.float64] = (num - 1) * (without.mean() - without)
    return found


def standard_error(one: Score, other: Score | None, clusters: NDArray[np.int64] | None) -> float:
    """Return the standard error of a score, or of its difference from another of the same units.

    Args:
        clusters: which units belong together, `[units]`.
    """
    is_additive = one.is_additive and (other is None or other.is_additive)
    codes = grouped(len(one.moments), clusters, is_additive)
    added = contributions(one, codes) - (contributions(other, codes) if other is not None else 0.0)
    return float(added.std(ddof=1)) / math.sqrt(len(added)) if len(added) > 1 else 0.0


def over_folds(
    ones: Sequence[Score], others: Sequence[Score | None], clusters: Sequence[NDArray[np.int64] | None]
) -> float:
    """Return the standard error that the judged rows alone leave in a mean over folds, each of its own rows."""
    errors = [standard_error(*fold) for fold in zip(ones, others, clusters, strict=True)]
    return math.hypot(*errors) / len(errors)


def grouped(units: int, clusters: NDArray[np.int64] | None, is_additive: bool) -> NDArray[np.int64]:
    """Return to which cluster each unit belongs, 0 to G - 1.

    Each is alone where there are no clusters, or a single one. Of very many in a score of the units' order groups are
    left out at once: the delete-d jackknife (Shao & Wu 1989).
    """
    codes = np.arange(units) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    if codes.max() == 0:
        codes = np.arange(units)
    num = int(codes.max()) + 1
    if is_additive or num <= MOST_GROUPS:
        return codes
    dealt = np.random.default_rng(0).permutation(num) % MOST_GROUPS
    return dealt[codes]


def summed(moments: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Moments summed over the units of each cluster, `[clusters, m]`."""
    if len(moments) == codes.max() + 1:
        return moments
    sums = np.zeros((int(codes.max()) + 1, moments.shape[1]))
    np.add.at(sums, codes, moments)
    return sums
