"""Conformal sets and intervals: their promise holds for rows drawn alike, by simulation and in exact cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pellucid.evaluation import conformal
from pellucid.tasks.certainty import COVERAGES, Certainty, class_sets
from tests.evaluation.test_calibration import logits_of


def test_the_quantile_is_the_finite_samples() -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 20.0))  # 1 to 19
    assert [conformal.quantile(scores, coverage) for coverage in (0.5, 0.9, 0.95)] == [10, 18, 19]
    assert conformal.quantile(scores, 0.951) == math.inf
    for n in (9, 19, 49, 99):  # (n + 1) * coverage whole: rounding must not take the next one
        for coverage in (0.1, 0.3, 0.7, 0.9):
            assert conformal.quantile(np.arange(1.0, n + 1), coverage) == round((n + 1) * coverage)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_the_promise_holds_on_rows_drawn_alike(coverage: float) -> None:
    """Of 2,000 draws of 39 rows and one more; the law of the share is known, so is its noise."""
    random = np.random.default_rng(0)
    errors = np.abs(random.standard_t(3, size=(2000, 40)))
    limits = np.sort(errors[:, :-1], axis=1)[:, math.ceil(40 * coverage) - 1]
    assert limits[0] == conformal.quantile(errors[0, :-1], coverage)
    share = float((errors[:, -1] <= limits).mean())
    assert abs(share - coverage) < 4 * math.sqrt(coverage * (1 - coverage) / 2000)


def test_sets_of_an_overconfident_net_hold_the_truth_as_often_as_they_say() -> None:
    shares, sizes = [], []
    for seed in range(40):
        logs, targets = logits_of(1200, 6, heat=3.0, seed=seed)
        p = np.exp(logs)
        limit = conformal.quantile(conformal.class_scores(p[:200], targets[:200])[:, 0], 0.9)
        held = class_sets(p[200:], limit)
        shares.append(held[np.arange(1000), targets[200:]].mean())
        sizes.append(held.sum(axis=1).mean())
    assert np.mean(shares) == pytest.approx(0.9, abs=0.012)  # 40 quantiles of 200 rows, of 0.021 each
    assert np.mean(sizes) < 5


def test_the_likeliest_class_is_always_held() -> None:
    p = np.array([[0.5, 0.3, 0.2], [0.9, 0.06, 0.04]])
    assert class_sets(p, 0.0).tolist() == [[True, False, False]] * 2
    assert class_sets(p, 0.7).tolist() == [[True, True, False], [True, False, False]]
    assert class_sets(p, math.inf).all()


def test_measured_by_halves_and_by_what_others_gave() -> None:
    logs, targets = logits_of(600, 4, heat=2.0)
    p = np.exp(logs)
    told = conformal.measure_classes(p, targets, None, 200, None)
    assert [each["coverage"] for each in told] == [0.8, 0.9, 0.95, 0.99]
    for each in told:
        assert each["measured"]["low"] - 0.02 <= each["coverage"] <= each["measured"]["high"] + 0.02
        assert each["measured"]["n"] == 600
    assert np.all(np.diff([each["mean_size"] for each in told]) > 0)
    everything = conformal.measure_classes(p, targets, dict.fromkeys(conformal.TOLD, 1.0), 200, None)
    assert {(each["measured"]["value"], each["mean_size"]) for each in everything} == {(1.0, 4.0)}


def test_a_coverage_that_needs_more_rows_is_not_told() -> None:
    logs, targets = logits_of(100, 3)
    told = conformal.measure_classes(np.exp(logs), targets, None, 200, None)  # halves of 50: 49 of 50 at most
    assert [each["coverage"] for each in told] == [0.8, 0.9, 0.95]
    errors = np.abs(np.random.default_rng(0).normal(size=(30, 2)))
    assert conformal.measure_numbers(errors, None, ["a", "b"], 200, None) == []  # too few to be halved


def test_intervals_of_several_targets_are_each_their_own() -> None:
    random = np.random.default_rng(0)
    errors = np.abs(random.normal(size=(400, 2))) * [1.0, 100.0]
    told = conformal.measure_numbers(errors, None, ["a", "b"], 200, None)
    assert [(each["coverage"], each["target"]) for each in told][:4] == [(0.8, "a"), (0.8, "b"), (0.9, "a"), (0.9, "b")]
    nine = [each for each in told if each["coverage"] == 0.9]
    assert [each["mean_width"] for each in nine] == pytest.approx([3.29, 329], rel=0.1)  # twice 1.645
    assert all(each["measured"]["value"] == pytest.approx(0.9, abs=0.04) for each in nine)


def test_quantiles_are_kept_for_every_hundredth_and_read_up_to_the_next() -> None:
    errors = np.arange(1.0, 50.0)[:, None]  # 49 rows: none for 0.99
    kept = Certainty("validation", 49, "", "", None, conformal.quantiles(errors))
    assert set(kept.quantiles) == {f"{coverage:g}" for coverage in COVERAGES}
    assert kept.quantile(0.9).tolist() == [45.0]
    assert kept.quantile(0.899).tolist() == kept.quantile(0.9).tolist()
    assert kept.quantile(0.901).tolist() == kept.quantile(0.91).tolist()
    assert kept.quantile(0.99).tolist() == [math.inf]
    assert Certainty.from_dict(kept.to_dict()) == kept
