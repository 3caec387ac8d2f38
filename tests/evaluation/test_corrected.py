"""The corrected resampled t is the formula of its paper, and SciPy's paired t where folds share no training rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from pellucid.evaluation.corrected import corrected
from pellucid.evaluation.holm import holm
from pellucid.evaluation.jackknife import over_folds
from pellucid.tasks.score import mean_score


def test_it_is_the_formula_of_nadeau_and_bengio() -> None:
    differences = np.random.default_rng(0).normal(0.02, 0.03, size=15)  # J = 15, n2/n1 = 1/10: their usual case
    mean, low, high, p = corrected(differences, 0.1)
    error = math.sqrt((1 / 15 + 1 / 10) * differences.var(ddof=1))
    half = stats.t.ppf(0.975, 14) * error
    assert (mean, low, high) == pytest.approx((differences.mean(), mean - half, mean + half), abs=1e-12)
    assert p == pytest.approx(2 * stats.t.sf(abs(mean) / error, 14), abs=1e-12)


def test_without_overlap_it_is_students_paired_t() -> None:
    a, b = np.random.default_rng(1).normal(size=(2, 8))
    found = stats.ttest_rel(a, b)
    _, low, high, p = corrected(a - b, 0.0)
    assert p == pytest.approx(found.pvalue, abs=1e-12)
    assert (low, high) == pytest.approx(tuple(found.confidence_interval(0.95)), abs=1e-12)


def test_folds_that_all_say_the_same_are_as_many_equal_signs() -> None:
    assert corrected(np.full(5, 0.1), 0.25) == pytest.approx((0.1, 0.1, 0.1, 2 * 0.5**5))
    assert corrected(np.zeros(5), 0.25) == (0, 0, 0, 1)


def test_holm_is_the_example_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_folds_that_agree_by_chance_claim_no_more_than_their_rows() -> None:
    """Ten of 400 rows in every fold: the folds have no spread at all, the rows have."""
    _, low, high, p = corrected(np.full(3, 0.025), 0.5, least_error=0.0045)
    assert (low, high) == pytest.approx((0.025 - 4.302653 * 0.0045, 0.025 + 4.302653 * 0.0045), rel=1e-5)
    assert 0.01 < p < 0.05
    assert corrected(np.array([0.1, 0.2, 0.4]), 0.5, least_error=1e-3) == corrected(np.array([0.1, 0.2, 0.4]), 0.5)


def test_the_least_error_is_that_of_the_pooled_rows() -> None:
    random = np.random.default_rng(0)
    right = random.random((2, 900)) < np.array([[0.9], [0.8]])
    a, b = ([mean_score(part, "max") for part in np.split(each, 3)] for each in right)
    expected = (right[0].astype(float) - right[1]).std(ddof=1) / 30
    assert over_folds(a, b, [None] * 3) == pytest.approx(expected, rel=0.02)
    assert over_folds(a, [None] * 3, [None] * 3) == pytest.approx(right[0].std(ddof=1) / 30, rel=0.02)
