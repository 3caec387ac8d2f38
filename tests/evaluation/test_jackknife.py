"""The jackknife is a loop over units left out; the intervals stay within a score's bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pellucid.evaluation import jackknife
from pellucid.evaluation.bounds import CORRELATION, POSITIVE, SHARE, UNBOUNDED, around, bounds_of
from pellucid.evaluation.intervals import with_intervals
from pellucid.evaluation.jackknife import contributions, grouped
from pellucid.tasks import score as scores
from pellucid.tasks.score import Score, mean_score


def auc(moments: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """scikit-learn's, with counts as weights."""
    return np.array([roc_auc_score(moments[:, 1], moments[:, 0], sample_weight=each) for each in counts])


def test_of_a_mean_they_are_the_values_less_the_mean() -> None:
    values = np.random.default_rng(0).exponential(size=40)
    found = contributions(mean_score(values, "min"), grouped(40, None, True))
    assert found == pytest.approx(values - values.mean(), abs=1e-12)


def test_it_is_a_loop_over_clusters_that_are_left_out() -> None:
    random = np.random.default_rng(1)
    errors, codes = random.normal(size=30) ** 2, random.integers(6, size=30)
    score = Score(np.stack([errors, np.ones(30)], axis=1), "root_mean", "min")
    without = np.array([math.sqrt(errors[codes != each].mean()) for each in range(6)])
    assert contributions(score, grouped(30, codes, True)) == pytest.approx(5 * (without.mean() - without), abs=1e-12)


def test_a_score_of_the_units_order_is_taken_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "ORDERED", {"auc": auc})
    random = np.random.default_rng(2)
    true = random.random(60) < 0.4
    moments = np.stack([random.normal(size=60) + true, true], axis=1).astype(float)
    codes = grouped(60, None, False)
    kept = [np.arange(60) != each for each in range(60)]
    without = np.array([roc_auc_score(moments[keep, 1], moments[keep, 0]) for keep in kept])
    found = contributions(Score(moments, "auc", "max"), codes)
    assert found == pytest.approx(59 * (without.mean() - without), abs=1e-9)


def test_very_many_units_are_left_out_in_groups() -> None:
    codes = grouped(3 * jackknife.MOST_GROUPS, None, is_additive=False)
    assert (np.bincount(codes) == 3).all()
    assert len(np.bincount(codes)) == jackknife.MOST_GROUPS
    assert (grouped(2000, None, is_additive=True) == np.arange(2000)).all()
    assert (grouped(3, np.array([7, 7, 7]), True) == np.arange(3)).all()  # one cluster says nothing of others


@pytest.mark.parametrize("bounds", [SHARE, POSITIVE, CORRELATION, (-math.inf, 1.0), UNBOUNDED])
def test_an_interval_within_bounds_is_the_symmetric_one_where_they_are_far(bounds: tuple[float, float]) -> None:
    assert around(0.5, 1e-4, bounds) == pytest.approx((0.4999, 0.5001), abs=1e-7)
    low, high = around(0.5, 5.0, bounds)
    assert bounds[0] <= low < 0.5 < high <= bounds[1]


def test_bounds_are_those_of_what_is_summed() -> None:
    rows = np.ones(4)
    cases: Mapping[tuple[float, float], Score] = {
        SHARE: mean_score(np.array([1, 0, 1, 1]), "max"),
        POSITIVE: mean_score(np.array([0.1, 0.5, 0.2, 0.3]), "min"),
        UNBOUNDED: mean_score(np.array([-1, 3, 2, 1]), "max"),
        (-math.inf, 1.0): Score(np.stack([rows] * 4, axis=1), "explained_variance", "max"),
    }
    assert all(bounds_of(score) == bounds for bounds, score in cases.items())


def test_a_share_that_nobody_missed_has_wilsons_interval() -> None:
    clusters = np.repeat(np.arange(8), 5)
    told = with_intervals({"accuracy": mean_score(np.ones(40), "max", "wilson")}, 200, clusters=clusters)["accuracy"]
    assert told["low"] == pytest.approx(0.6756, abs=1e-4)  # of 8 in 8: clusters count, not their rows
    assert told["high"] == 1


@pytest.mark.parametrize(("num", "least"), [(4, 0.9), (12, 0.915)])
def test_few_clusters_are_covered(num: int, least: float) -> None:
    """Percentiles of resamples cover 75 and 88 %."""
    random, held = np.random.default_rng(3), 0
    codes = np.repeat(np.arange(num), 10)
    for seed in range(400):
        share = 1 / (1 + np.exp(-(1.5 + random.normal(size=num))))
        right = mean_score(random.random(len(codes)) < share[codes], "max", "wilson")
        told = with_intervals({"it": right}, 200, seed, codes)["it"]
        held += told["low"] <= 0.7801 <= told["high"]  # the mean of the logistic of N(1.5, 1)
    assert held / 400 >= least


def test_a_skewed_score_has_a_skewed_interval_and_one_outlier_no_endless_one() -> None:
    losses = np.random.default_rng(4).exponential(size=60)
    told = with_intervals({"loss": mean_score(losses, "min")}, 1000)["loss"]
    assert told["high"] - told["value"] > 1.2 * (told["value"] - told["low"])
    outlier = np.full(50, 0.01)
    outlier[0] = 5
    told = with_intervals({"loss": mean_score(outlier, "min")}, 1000)["loss"]
    assert 0 < told["low"] < told["value"] < told["high"] < 100 * told["value"]
    same = with_intervals({"loss": mean_score(np.full(50, 0.3), "min")}, 200)["loss"]
    assert same["low"] == pytest.approx(0.3) == same["high"]
