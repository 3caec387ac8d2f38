"""Intervals: SciPy's, and they cover what they promise to cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pellucid.evaluation import intervals
from pellucid.evaluation.intervals import resampled_sums, wilson, with_intervals
from pellucid.tasks.task import Score, mean_score


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts: tuple[int, int]) -> None:
    right, rows = counts
    expected = stats.binomtest(right, rows).proportion_ci(0.95, method="wilson")
    assert wilson(right, rows) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_covers_95_per_cent() -> None:
    random = np.random.default_rng(0)
    for share, rows in ((0.5, 40), (0.9, 60), (0.97, 100)):
        covered = [low <= share <= high for low, high in (wilson(n, rows) for n in random.binomial(rows, share, 2000))]
        assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_the_bootstrap_of_a_mean_is_close_to_scipys() -> None:
    values = np.random.default_rng(1).exponential(size=200)
    ours = with_intervals({"mean": mean_score(values, "min")}, 10_000)["mean"]
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert (ours["value"], ours["n"], ours["interval"]) == (pytest.approx(values.mean()), 200, "bootstrap")
    assert (ours["low"], ours["high"]) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_the_bootstrap_covers_95_per_cent() -> None:
    random = np.random.default_rng(3)
    covered = []
    for _ in range(300):
        result = with_intervals({"mean": mean_score(random.normal(size=60), "min")}, 300)["mean"]
        covered.append(result["low"] <= 0 <= result["high"])
    assert np.mean(covered) == pytest.approx(0.94, abs=0.035)  # the percentile bootstrap is a little short at 60


def test_resampled_sums_are_sums_over_rows_drawn_with_replacement(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = np.stack([np.arange(10.0), np.ones(10)], axis=1)
    sums = resampled_sums(moments, 2000, seed=0)
    assert np.array_equal(sums[:, 1], np.full(2000, 10.0))
    assert sums[:, 0].mean() == pytest.approx(45, abs=1)
    assert sums[:, 0].var() == pytest.approx(10 * np.arange(10).var(), rel=0.1)
    monkeypatch.setattr(intervals, "_ROWS_AT_ONCE", 70)  # as on sets too large for one matrix
    few = resampled_sums(moments, 500, seed=0)
    assert few.shape == (500, 2)
    assert np.array_equal(few[:, 1], np.full(500, 10.0))


def test_scores_of_a_set_share_their_resamples() -> None:
    """So that two scores that are the same function have the same interval, whatever stands beside them."""
    values = np.random.default_rng(4).normal(size=50)
    one, other = mean_score(values, "min"), mean_score(2 * values, "min")
    results = with_intervals({"one": one, "other": other}, 200)
    assert results["other"]["low"] == pytest.approx(2 * results["one"]["low"])
    assert results["other"]["high"] == pytest.approx(2 * results["one"]["high"])
    assert with_intervals({"one": one, "other": other}, 200) == results


def test_a_proportion_is_given_wilsons_interval() -> None:
    right = np.array([True] * 9 + [False])
    result = with_intervals({"accuracy": mean_score(right, "max", interval="wilson")}, 100)["accuracy"]
    low, high = wilson(9, 10)
    assert result == {"value": 0.9, "low": low, "high": high, "n": 10, "interval": "wilson"}


def test_few_values_are_given_students_interval() -> None:
    values = np.random.default_rng(0).normal(3, 2, size=10)
    found = with_intervals({"mean_return": mean_score(values, "max", "student")}, 100)["mean_return"]
    expected = stats.t.interval(0.95, 9, loc=values.mean(), scale=stats.sem(values))
    assert (found["low"], found["high"]) == pytest.approx(expected)
    assert (found["n"], found["interval"]) == (10, "student")


def test_a_score_is_a_function_of_sums() -> None:
    score = Score(np.array([[1.0, 2], [3, 4]]), lambda sums: sums[..., 0] / sums[..., 1], "max")
    assert score.value == pytest.approx(4 / 6)
