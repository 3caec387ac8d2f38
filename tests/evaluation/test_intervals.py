"""Intervals: SciPy's, and they cover what they promise to cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pellucid.evaluation import intervals
from pellucid.evaluation.intervals import resampled, wilson, with_intervals
from pellucid.tasks.score import Score, mean_score


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


def test_the_bootstrap_of_a_mean_is_a_loop_over_resamples_and_their_t() -> None:
    """The studentised bootstrap by hand; of 200 rows it is not far from SciPy's accelerated one (BCa)."""
    values = np.random.default_rng(1).exponential(size=200)
    ours = with_intervals({"mean": mean_score(values, "min")}, 10_000)["mean"]
    assert (ours["value"], ours["n"], ours["interval"]) == (pytest.approx(values.mean()), 200, "bootstrap")
    random, mean = np.random.default_rng(2), values.mean()
    drawn = random.choice(values, size=(10_000, 200))
    first, last = np.quantile((drawn.mean(axis=1) - mean) / (drawn.std(axis=1, ddof=1) / 200**0.5), [0.025, 0.975])
    error = values.std(ddof=1) / 200**0.5 / mean  # of its logarithm
    by_hand = (mean * np.exp(-last * error), mean * np.exp(-first * error))
    assert (ours["low"], ours["high"]) == pytest.approx(by_hand, abs=0.01)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=10_000, rng=random).confidence_interval
    assert (ours["low"], ours["high"]) == pytest.approx((theirs.low, theirs.high), abs=0.04)


def test_the_bootstrap_covers_95_per_cent() -> None:
    random = np.random.default_rng(3)
    covered = []
    for _ in range(300):
        result = with_intervals({"mean": mean_score(random.normal(size=60), "min")}, 300)["mean"]
        covered.append(result["low"] <= 0 <= result["high"])
    assert np.mean(covered) == pytest.approx(0.94, abs=0.035)  # the percentile bootstrap is a little short at 60


def test_resampled_sums_are_sums_over_rows_drawn_with_replacement(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = np.stack([np.arange(10.0), np.ones(10)], axis=1)
    means = resampled({"mean": Score(moments, "ratio", "max")}, 2000)["mean"]
    assert means.mean() == pytest.approx(4.5, abs=0.1)
    assert means.var() == pytest.approx(np.arange(10).var() / 10, rel=0.1)
    monkeypatch.setattr(intervals, "_ROWS_AT_ONCE", 70)  # as on sets too large for one matrix
    assert resampled({"mean": Score(moments, "ratio", "max")}, 500)["mean"].shape == (500,)


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
    score = Score(np.array([[1.0, 2], [3, 4]]), "ratio", "max")
    assert score.value == pytest.approx(4 / 6)


def test_units_of_one_cluster_are_drawn_together() -> None:
    """Rows that repeat one another are no more evidence than one of each: the interval is as wide as without them."""
    values = np.random.default_rng(5).normal(size=50)
    alone = with_intervals({"mean": mean_score(values, "min")}, 1000)["mean"]
    copied = mean_score(np.repeat(values, 20), "min")
    together = with_intervals({"mean": copied}, 1000, clusters=np.repeat(np.arange(50), 20))["mean"]
    assert (together["low"], together["high"]) == pytest.approx((alone["low"], alone["high"]))
    assert (together["n"], together["clusters"]) == (1000, 50)
    apart = with_intervals({"mean": copied}, 1000)["mean"]
    assert apart["high"] - apart["low"] < 0.3 * (together["high"] - together["low"])


@pytest.mark.parametrize("num_clusters", [4, 12, 40])
def test_intervals_of_clusters_cover_95_per_cent(num_clusters: int) -> None:
    random, covered = np.random.default_rng(6), []
    clusters = np.repeat(np.arange(num_clusters), 10)
    for _ in range(300):
        values = random.normal(size=num_clusters)[clusters] + 0.3 * random.normal(size=len(clusters))
        result = with_intervals({"mean": mean_score(values, "min")}, 300, clusters=clusters)["mean"]
        covered.append(result["low"] <= 0 <= result["high"])
    assert np.mean(covered) == pytest.approx(0.945, abs=0.035)


def test_of_one_cluster_single_rows_are_drawn() -> None:
    score = mean_score(np.array([True, False, True, True]), "max", "wilson")
    found = with_intervals({"accuracy": score}, 100, clusters=np.zeros(4, int))["accuracy"]
    assert (found["low"], found["high"]) == pytest.approx(wilson(3, 4))
    assert (found["interval"], found["clusters"]) == ("wilson", 1)
