"""The corrected resampled t: what scores of folds, whose training rows overlap, tell of a mean.

C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52, 2003. Folds share training rows, so
their scores are no independent evidence, and Student's t of them finds differences where there are none (Dietterich
1998). The variance of their mean is taken as (1/J + test/train) s^2, where J folds have the sample variance s^2, with
J - 1 degrees of freedom; folds of several repeats count one by one (Bouckaert & Frank 2004).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation.intervals import student_quantile


def corrected(
    differences: NDArray[np.float64], test_to_train: float, least_error: float = 0.0
) -> tuple[float, float, float, float]:
    """Return the mean of one value per fold, the ends of its 95 % interval, and the p-value of a mean of 0.

    Where all folds say the same there is no spread to judge by: the interval is a point, and p is that of as many
    equal signs, 2^(1 - J).

    Args:
        differences: of two models' scores, or a score itself where only its interval is asked for, `[J]`, J > 1.
        test_to_train: how many rows judge a fold for each one that trains it; 1 / (K - 1) for K folds.
        least_error: the standard error that the judged rows alone leave in the mean. A few folds may agree more closely
            by chance, scores of few rows above all, and would then claim more than they saw.

    Example:
        >>> mean, low, high, p = corrected(np.array([0.02, 0.04, 0.01, 0.03, 0.05]), 0.25)
        >>> round(mean, 3), round(low, 4), round(high, 4), round(p, 4)
        (0.03, 0.0006, 0.0594, 0.0474)
    """
    from scipy.special import stdtr

    num = len(differences)
    assert num > 1, "one fold tells nothing of the spread"
    mean, variance = float(differences.mean()), float(differences.var(ddof=1))
    if variance <= (1e-12 * mean) ** 2 and least_error == 0:  # rounding, or nothing at all
        return mean, mean, mean, 1.0 if mean == 0 else 2.0 ** (1 - num)
    error = max(math.sqrt((1 / num + test_to_train) * variance), least_error)
    half = student_quantile(0.975, num - 1) * error
    return mean, mean - half, mean + half, float(2 * stdtr(num - 1, -abs(mean) / error))
