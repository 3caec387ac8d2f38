"""Slices: equal to SciPy's tests, adjusted for all of them, the worst first."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pellucid.evaluation.holm import holm
from pellucid.evaluation.slices import SMALLEST, Slice, cut, describe
from pellucid.tasks.score import Score, mean_score


def by_definition(p_values: list[float]) -> list[float]:
    """Holm's adjusted p-values: of the i-th smallest, the largest of (m - j) * p_(j) over j <= i, at most 1."""
    ordered = sorted(p_values)
    m = len(ordered)
    steps = [min(1.0, (m - j) * p) for j, p in enumerate(ordered)]
    return [max(steps[: ordered.index(p) + 1]) for p in p_values]


def test_holm_is_its_definition() -> None:
    assert holm([0.01, 0.02, 0.03, 0.005]) == pytest.approx([0.03, 0.04, 0.04, 0.02])  # by hand
    for seed in range(20):
        p_values = np.random.default_rng(seed).random(9).tolist()
        assert holm(p_values) == pytest.approx(by_definition(p_values))
    assert holm([]) == []


def test_many_slices_of_no_difference_seldom_find_one() -> None:
    found = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        right = random.random(200) < 0.8
        slices = list(cut("letter", np.array(list("abcdef"), object)[random.integers(6, size=200)]))
        told = describe(slices, {"accuracy": mean_score(right, "max", "wilson")}, 20, None)
        found += any(each["p_holm"] is not None and each["p_holm"] < 0.05 for each in told)
    assert found <= 9


def test_shares_by_fisher_and_means_by_welch() -> None:
    random = np.random.default_rng(0)
    inside = random.random(200) < 0.3
    right = np.where(inside, random.random(200) < 0.6, random.random(200) < 0.9)
    (told,) = describe([Slice("c", "v", inside)], {"accuracy": mean_score(right, "max", "wilson")}, 200, None)
    counts = [[right[side].sum(), (~right[side]).sum()] for side in (inside, ~inside)]
    assert told["p"] == pytest.approx(stats.fisher_exact(counts).pvalue)
    assert told["difference"]["value"] == pytest.approx(right[inside].mean() - right[~inside].mean())
    assert told["difference"]["low"] < told["difference"]["value"] < told["difference"]["high"] < 0
    errors = np.abs(random.normal(size=200)) * (1 + inside)
    (told,) = describe([Slice("c", "v", inside)], {"mae": mean_score(errors, "min")}, 200, None)
    assert told["p"] == pytest.approx(stats.ttest_ind(errors[inside], errors[~inside], equal_var=False).pvalue)


def test_newcombes_example() -> None:
    """Newcombe 1998, table II, (a) by method 10: 56/70 - 48/80 is 0.2, from 0.0524 to 0.3339."""
    right = np.array([1] * 56 + [0] * 14 + [1] * 48 + [0] * 32, float)
    inside = np.arange(150) < 70
    (told,) = describe([Slice("c", "v", inside)], {"accuracy": mean_score(right, "max", "wilson")}, 200, None)
    ends = told["difference"]
    assert (ends["value"], ends["low"], ends["high"]) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(("better", "metric"), [("max", "accuracy"), ("min", "mae")])
def test_the_worst_is_first_and_the_small_are_last(better: str, metric: str) -> None:
    values = np.repeat([0.9, 0.2, 0.5, 0.0], [50, 50, 50, SMALLEST - 1]) + np.tile([0.01, -0.01, 0.0], 53)
    names = np.repeat(np.array(["a", "b", "c", "tiny"], object), [50, 50, 50, SMALLEST - 1])
    score = mean_score(values[: len(names)], better)  # type: ignore[arg-type]
    told = describe(list(cut("x", names)), {metric: score}, 100, None)
    order = ["b", "c", "a"] if better == "max" else ["a", "c", "b"]
    assert [each["value"] for each in told] == [*order, "tiny"]
    assert told[-1]["too_small"]
    assert told[-1]["p"] is None
    assert told[-1]["n"] == SMALLEST - 1


def test_rows_that_belong_together_are_weaker_evidence() -> None:
    random = np.random.default_rng(1)
    clusters = np.repeat(np.arange(24), 10)
    right = (random.random(24) < 0.7)[clusters]
    inside = clusters < 8
    score = {"accuracy": mean_score(right, "max", "wilson")}
    (alone,), (together,) = (describe([Slice("c", "v", inside)], score, 400, codes) for codes in (None, clusters))
    widths = [each["difference"]["high"] - each["difference"]["low"] for each in (alone, together)]
    assert widths[1] > 2 * widths[0]
    assert together["p"] > alone["p"]


def test_false_alarms_of_clusters_are_rare() -> None:
    found = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        clusters = np.repeat(np.arange(40), 5)
        loss = random.normal(size=40)[clusters] + 0.3 * random.normal(size=200)
        (told,) = describe([Slice("c", "v", clusters < 15)], {"mae": mean_score(loss, "min")}, 200, clusters)
        found.append(told["p"] < 0.05)
    assert np.mean(found) <= 0.085


def test_numbers_are_cut_into_quarters_and_words_are_not() -> None:
    numbers = np.arange(100.0)
    numbers[:7] = np.nan
    slices = list(cut("x", numbers))
    assert [each.value for each in slices] == ["7 to 29", "30 to 52", "53 to 75", "76 to 99", "missing"]
    assert sum(each.inside for each in slices).tolist() == [1] * 100  # type: ignore[union-attr]
    assert [each.value for each in cut("x", np.array([2, 1, 2, 3]))] == ["1", "2", "3"]
    words = np.array([str(n) for n in range(12)] + [None], object)
    assert len(list(cut("x", words))) == 13


def test_a_score_that_is_no_mean_of_rows_is_told_beside() -> None:
    random = np.random.default_rng(0)
    errors = random.normal(size=100)
    rmse = Score(np.stack([errors**2, np.ones(100)], axis=1), "root_mean", "min")
    scores = {"rmse": rmse, "mae": mean_score(np.abs(errors), "min")}
    inside = np.arange(100) < 40
    (told,) = describe([Slice("c", "v", inside)], scores, 100, None)
    assert told["metric"] == "mae"
    assert told["metrics"]["rmse"]["value"] == pytest.approx(np.sqrt((errors[:40] ** 2).mean()))
