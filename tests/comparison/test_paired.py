"""The paired tests are SciPy's, those of the papers and of exact enumeration; equals are seldom told apart."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pellucid.comparison import paired, sentences
from pellucid.tasks.score import Score, mean_score


def right(only_a: int, only_b: int, both: int, neither: int) -> tuple[Score, Score]:
    """Two models by how many rows each has right."""
    a = np.repeat([1, 0, 1, 0], [only_a, only_b, both, neither])
    b = np.repeat([0, 1, 1, 0], [only_a, only_b, both, neither])
    return mean_score(a, "max", "wilson"), mean_score(b, "max", "wilson")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(2, 300), st.integers(0, 50))
def test_mcnemar_is_the_binomial_test_of_discordant_rows(only_a: int, only_b: int, both: int, neither: int) -> None:
    tested = paired.of_scores(*right(only_a, only_b, both, neither))
    assert tested.test == "mcnemar"
    if only_a + only_b:
        found = stats.binomtest(only_a, only_a + only_b)
        low, high = found.proportion_ci(0.95, method="exact")
        assert tested.p == pytest.approx(found.pvalue, abs=1e-12)
        odds = (tested.effect_size, tested.effect_low, tested.effect_high)
        expected = (None if only_b == 0 else only_a / only_b, low / (1 - low), None if high == 1 else high / (1 - high))
        for ours, theirs in zip(odds, expected, strict=True):
            assert ours == (None if theirs is None else pytest.approx(theirs, rel=1e-6, abs=1e-9))
    else:
        assert (tested.p, tested.effect_size) == (1, None)
    assert tested.low <= tested.difference <= tested.high
    assert tested.difference == pytest.approx((only_a - only_b) / (only_a + only_b + both + neither))


def test_mcnemar_of_many_rows_is_the_chi_square_test() -> None:
    a, b = 1120, 1000
    chi2 = (abs(a - b) - 1) ** 2 / (a + b)  # with Edwards' correction, as in Dietterich 1998
    assert paired.of_scores(*right(a, b, 9000, 500)).p == pytest.approx(stats.chi2.sf(chi2, 1), rel=0.01)


def test_of_a_mean_it_is_students_paired_t() -> None:
    a, b = np.random.default_rng(0).exponential(size=(2, 30))
    tested, found = paired.of_scores(mean_score(a, "min"), mean_score(b, "min")), stats.ttest_rel(a, b)
    assert (tested.test, tested.n) == ("student", 30)
    assert tested.p == pytest.approx(found.pvalue, abs=1e-12)
    assert (tested.low, tested.high) == pytest.approx(tuple(found.confidence_interval(0.95)), abs=1e-12)
    assert tested.effect_size == pytest.approx((a - b).mean() / (a - b).std(ddof=1), abs=1e-12)


def test_it_is_close_to_all_flips_of_signs() -> None:
    """The exact test of a symmetric difference: every assignment of signs is as probable as the one met."""
    a, b = np.random.default_rng(4).normal([[0.4], [0]], 1, size=(2, 12))
    differences = a - b
    flips = np.array(list(product((-1, 1), repeat=12))) @ differences
    exact = np.mean(np.abs(flips) >= abs(differences.sum()) - 1e-12)
    assert paired.of_scores(mean_score(a, "max"), mean_score(b, "max")).p == pytest.approx(exact, abs=0.02)


def test_rows_of_one_group_are_no_independent_evidence() -> None:
    random = np.random.default_rng(5)
    by_group = random.normal(0.8, 1, size=10)
    codes = np.repeat(np.arange(10), 20)
    a = mean_score(by_group[codes] + 0.01 * random.normal(size=200), "max")
    b = mean_score(np.zeros(200), "max")
    tested = paired.of_scores(a, b, codes)
    assert tested.n == 10
    assert tested.p == pytest.approx(stats.ttest_1samp(by_group, 0).pvalue, abs=0.01)
    assert paired.of_scores(a, b).p < tested.p / 10
    flags = (mean_score(np.random.default_rng(6).random(200) < share, "max", "wilson") for share in (0.8, 0.7))
    assert paired.of_scores(*flags, codes).test == "student"  # McNemar's test knows no groups


def test_of_folds_it_is_the_corrected_t() -> None:
    a, b = np.array([0.91, 0.93, 0.90, 0.95, 0.92]), np.array([0.90, 0.90, 0.89, 0.91, 0.91])
    tested = paired.of_folds(a, b, 0.25)
    error = np.sqrt((1 / 5 + 0.25) * (a - b).var(ddof=1))
    assert tested.p == pytest.approx(2 * stats.t.sf((a - b).mean() / error, 4), abs=1e-12)
    assert tested.detectable == pytest.approx(error * (stats.t.ppf(0.975, 4) + stats.t.ppf(0.8, 4)))


def test_what_is_alike_in_every_unit_is_judged_by_signs() -> None:
    tested = paired.of_scores(mean_score(np.full(6, 2.0), "max"), mean_score(np.full(6, 1.0), "max"))
    assert (tested.difference, tested.p, tested.effect_size) == (1, 2 * 0.5**6, None)
    same = mean_score(np.arange(6), "max")
    assert paired.of_scores(same, same).p == 1


def test_the_detectable_difference_is_found_eight_times_in_ten() -> None:
    random, found, num = np.random.default_rng(7), 0, 80
    detectable = paired.student(0.0, random.normal(size=200_000)).detectable * np.sqrt(200_000 / num)
    for _ in range(1000):
        found += (
            paired.of_scores(mean_score(random.normal(detectable, 1, num), "max"), mean_score(np.zeros(num), "max")).p
            <= 0.05
        )
    assert found / 1000 == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize("groups", [None, 4, 12])
def test_equals_are_seldom_told_apart(groups: int | None) -> None:
    """A small form of benchmarks/honesty.py: 5 % nominal, at most 8 % of 600."""
    random, alarms = np.random.default_rng(8), 0
    codes = None if groups is None else np.repeat(np.arange(groups), 15)
    for _ in range(600):
        shared = random.normal(1.5, 1, size=60 if codes is None else groups)
        own = [shared + random.normal(0, 0.7, size=len(shared)) for _ in range(2)]
        losses = [np.logaddexp(0, -(each if codes is None else each[codes])) for each in own]
        alarms += paired.of_scores(*(mean_score(loss, "min") for loss in losses), codes).p <= 0.05
    assert alarms / 600 < 0.08


def test_the_rows_that_are_said_to_be_needed_find_it_eight_times_in_ten() -> None:
    n, deviation, ahead = 180, 0.3, 0.01
    detectable = paired.student(ahead, np.random.default_rng(0).normal(0, deviation, n)).detectable
    compared = {"detectable": detectable, "metric": "rmse", "low": -0.03, "high": 0.05, "n": n, "test": "student"}
    told = sentences._seen(compared, {"unit": "row", "comparable": {"units": n}}, ahead)
    found = re.search(r"needs about ([\d,]+) rows", told)
    assert found is not None
    needed = int(found[1].replace(",", ""))
    beyond = stats.t.ppf(0.975, needed - 1)
    power = stats.nct.sf(beyond, needed - 1, ahead / (deviation / np.sqrt(needed)))
    assert power == pytest.approx(0.8, abs=0.06)
