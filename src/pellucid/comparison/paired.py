"""Paired tests: two models, the same rows or the same folds. Pure functions of scores.

Where a score is the share of rows that are right, McNemar's test (1947; Dietterich 1998) in its exact form. For every
other score Student's t of what each unit adds to the difference, found by the jackknife; of units that belong together
the clusters count. For folds the corrected resampled t (Nadeau & Bengio 2003). The percentiles of a paired bootstrap
are no test of few units: of 50 rows they find a difference of equals 7 times in 100, of 4 clusters 18 times
(benchmarks/honesty.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation.corrected import corrected
from pellucid.evaluation.intervals import Z, student_quantile
from pellucid.evaluation.jackknife import contributions, grouped
from pellucid.tasks.score import Score

LEVEL = 0.05
POWER = 0.8


@dataclass(frozen=True)
class Tested:
    """How far two models are apart, and whether that is more than chance.

    Attributes:
        difference: of the first less the second, in the metric's units, with its 95 % interval.
        p: how often equals would be so far apart.
        test: "mcnemar", "student" or "corrected_t".
        n: what the test counts: rows, clusters, folds.
        effect: what the standardised size is: "cohens_d" of paired differences, or the "odds_ratio" of the rows that
            only one of the two has right.
        effect_size: with its 95 % interval; None for an infinite one.
        detectable: the difference that a test like this finds 8 times in 10.
    """

    difference: float
    low: float
    high: float
    p: float
    test: str
    n: int
    effect: str
    effect_size: float | None
    effect_low: float | None
    effect_high: float | None
    detectable: float


def of_scores(a: Score, b: Score, clusters: NDArray[np.int64] | None = None) -> Tested:
    """Test two scores of the same units in the same order.

    Args:
        clusters: which units belong together, `[units]`.
    """
    assert len(a.moments) == len(b.moments) > 1
    assert a.kind == b.kind
    alone = clusters is None or len(np.unique(clusters)) < 2
    if alone and a.interval == b.interval == "wilson" and _are_single(a, b):
        counted = a.moments[:, 1] == 1
        return mcnemar(a.moments[counted, 0] == 1, b.moments[counted, 0] == 1)
    codes = grouped(len(a.moments), clusters, a.is_additive)
    added = contributions(a, codes) - contributions(b, codes)
    return student(a.value - b.value, added, math.hypot(a.standard_error, b.standard_error))


def _are_single(a: Score, b: Score) -> bool:
    """Whether a unit is one trial that is right or wrong, or none, in both."""
    one_each = np.isin(a.moments, (0, 1)).all() and np.isin(b.moments, (0, 1)).all()
    return bool(one_each and (a.moments[:, 1] == b.moments[:, 1]).all() and a.moments[:, 1].any())


def mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Tested:
    """Test whether two models are right equally often: of the rows that one alone has right, either has half.

    The p-value is exact (binomial). The interval of the difference is Wald's with half a row added to each of the four
    kinds (Bonett & Price 2012); that of the odds is Clopper and Pearson's (1934).

    Args:
        a, b: whether each model is right, `[rows]`.
    """
    from scipy.special import bdtr

    n, only_a, only_b = len(a), int((a & ~b).sum()), int((b & ~a).sum())
    discordant = only_a + only_b
    p = min(1.0, 2 * float(bdtr(min(only_a, only_b), discordant, 0.5))) if discordant else 1.0
    share_a, share_b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    centre = share_a - share_b
    error = math.sqrt((share_a + share_b - centre**2) / (n + 2))
    low, high = max(-1.0, centre - Z * error), min(1.0, centre + Z * error)
    difference = (only_a - only_b) / n
    odds = _odds(only_a, only_b)
    return Tested(
        difference,
        min(low, difference),
        max(high, difference),
        p,
        "mcnemar",
        n,
        "odds_ratio",
        *odds,
        detectable=_detectable(error, n),
    )


def _odds(only_a: int, only_b: int) -> tuple[float | None, float | None, float | None]:
    """only_a / only_b with its interval; None for infinity, and for all three where there are no such rows."""
    from scipy.special import betaincinv

    if only_a + only_b == 0:
        return None, None, None
    low = float(betaincinv(only_a, only_b + 1, LEVEL / 2)) if only_a else 0.0
    high = float(betaincinv(only_a + 1, only_b, 1 - LEVEL / 2)) if only_b else 1.0
    return (
        only_a / only_b if only_b else None,
        low / (1 - low),
        high / (1 - high) if high < 1 else None,
    )


def student(difference: float, added: NDArray[np.float64], error: float = 0.0) -> Tested:
    """Test a difference by what each unit or cluster adds to it: Student's t of paired differences (1908).

    Args:
        added: contributions to the difference, `[G]`, of mean 0.
        error: of the difference beyond what the units show.
    """
    from scipy.special import stdtr

    num = len(added)
    deviation = float(added.std(ddof=1))
    total = math.hypot(deviation / math.sqrt(num), error)
    if total <= 1e-12 * abs(difference) or total == 0:  # all units say the same: as many equal signs
        p = 1.0 if difference == 0 else 2.0 ** (1 - num)
        return Tested(difference, difference, difference, p, "student", num, "cohens_d", None, None, None, 0.0)
    half = student_quantile(1 - LEVEL / 2, num - 1) * total
    p = float(2 * stdtr(num - 1, -abs(difference) / total))
    return Tested(
        difference,
        difference - half,
        difference + half,
        p,
        "student",
        num,
        "cohens_d",
        *_cohens_d(difference / (total * math.sqrt(num)), num, 1 / num),
        detectable=_detectable(total, num - 1),
    )


def of_folds(a: NDArray[np.float64], b: NDArray[np.float64], test_to_train: float, least_error: float = 0.0) -> Tested:
    """Test the scores of two models on the same folds.

    Args:
        a, b: one score per fold, of all repeats, `[J]`.
        test_to_train: how many rows judge a fold for each one that trains it.
        least_error: the standard error that the judged rows alone leave in the mean difference.
    """
    differences, num = a - b, len(a)
    mean, low, high, p = corrected(differences, test_to_train, least_error)
    error = (high - low) / (2 * student_quantile(1 - LEVEL / 2, num - 1))
    deviation = float(differences.std(ddof=1))
    size: tuple[float | None, float | None, float | None] = (None, None, None)
    if error > 0 and deviation > 0:
        size = _cohens_d(mean / deviation, num, 1 / num + test_to_train)
    return Tested(mean, low, high, p, "corrected_t", num, "cohens_d", *size, detectable=_detectable(error, num - 1))


def _cohens_d(size: float, num: int, per_unit: float) -> tuple[float, float, float]:
    """A standardised difference with its interval (Hedges & Olkin 1985, of paired differences).

    Args:
        per_unit: the variance of the mean over that of a unit.
    """
    half = student_quantile(1 - LEVEL / 2, num - 1) * math.sqrt(per_unit + size**2 / (2 * num))
    return size, size - half, size + half


def _detectable(error: float, degrees: int) -> float:
    """The difference that is found with the power of 80 % (Cohen 1988)."""
    return error * (student_quantile(1 - LEVEL / 2, degrees) + student_quantile(POWER, degrees))
