"""Decisions by cost, and the classes one by one: equal to every threshold tried by hand, and to scikit-learn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from pellucid.errors import PellucidError
from pellucid.evaluation import classes, costs
from tests.evaluation.test_calibration import logits_of

SEVERE = costs.costs_of(["ill:healthy=5"], ["healthy", "ill"])


def test_costs_are_one_but_where_said() -> None:
    found = costs.costs_of(["a:b=5", "c:c=0.5", "a:b:c=2"], ["a", "b", "c", "a:b"])
    assert found.tolist() == [[0, 5, 1, 1], [1, 0, 1, 1], [1, 1, 0.5, 1], [1, 1, 2, 0]]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("ill:helthy=5", "no class 'helthy'. Did you mean 'healthy'"),
        ("ill:healthy", "expected TRUE:PREDICTED=COST"),
        ("ill:healthy=-1", "with a cost of 0 or more"),
        ("ill:healthy=nan", "with a cost of 0 or more"),
        ("=3", "expected TRUE:PREDICTED=COST"),
    ],
)
def test_wrong_costs_are_refused(given: str, told: str) -> None:
    with pytest.raises(PellucidError, match=told):
        costs.costs_of([given], ["healthy", "ill"])


def test_costs_by_which_nothing_is_decided_are_refused() -> None:
    with pytest.raises(PellucidError, match="nothing to decide by"):
        costs.costs_of(["a:b=0", "b:a=0"], ["a", "b"])


def test_the_decision_is_the_threshold_of_elkan() -> None:
    threshold = costs.by_probability(SEVERE)
    assert threshold == pytest.approx(1 / 6)
    p = np.linspace(0, 1, 1001)
    chosen = costs.decide(np.stack([1 - p, p], axis=1), SEVERE)
    assert (chosen == (p >= threshold)).all()
    assert costs.by_probability(np.array([[0.0, 0.0], [1.0, 0.0]])) is None


def test_plain_costs_choose_the_likeliest_class() -> None:
    p = np.exp(logits_of(200, 5)[0])
    assert (costs.decide(p, 1 - np.eye(5)) == p.argmax(axis=1)).all()


def test_no_other_decision_is_cheaper_by_the_probabilities() -> None:
    p, table = np.exp(logits_of(50, 3)[0]), np.random.default_rng(0).uniform(0, 5, size=(3, 3))
    chosen = costs.decide(p, table)
    for row, decided in zip(p, chosen, strict=True):
        assert decided == min(range(3), key=lambda k: sum(row[t] * table[t, k] for t in range(3)))


@pytest.mark.parametrize("seed", range(5))
def test_the_tried_threshold_is_the_cheapest_of_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    p = random.random(60).round(1)  # with ties
    targets = (random.random(60) < p).astype(np.int64)

    def paid(threshold: float) -> float:
        return float(SEVERE[targets, (p >= threshold).astype(int)].sum())

    found = costs.by_trying(p, targets, SEVERE)
    assert paid(found) == min(paid(threshold) for threshold in np.linspace(-0.05, 1.05, 111))


def test_an_overconfident_net_is_cheaper_once_calibrated() -> None:
    logs, targets = logits_of(3000, 2, heat=4.0)
    told = costs.describe(logs, targets, ["healthy", "ill"], SEVERE, 200, None)
    likeliest = SEVERE[targets, logs.argmax(axis=1)].mean()
    assert told["ways"]["likeliest"]["value"] == pytest.approx(likeliest)
    for way, paid in told["ways"].items():
        assert paid["low"] <= paid["value"] <= paid["high"]
        if way != "likeliest":
            assert paid["saved"]["value"] == pytest.approx(likeliest - paid["value"])
            assert paid["saved"]["low"] > 0
    softened = told["ways"]["least_expected_cost_calibrated"]["value"]
    assert softened < told["ways"]["least_expected_cost"]["value"]
    assert told["threshold"]["by_trying"] < told["threshold"]["by_probability"]  # it is too sure


def test_what_others_gave_is_used_as_it_is() -> None:
    logs, targets = logits_of(300, 2)
    told = costs.describe(logs, targets, ["a", "b"], SEVERE, 100, None, temperature=1.0, threshold=0.0)
    assert told["ways"]["least_expected_cost_calibrated"]["value"] == told["ways"]["least_expected_cost"]["value"]
    assert told["ways"]["threshold_by_trying"]["predicted"] == {"a": 0, "b": 300}
    assert told["threshold"]["by_trying"] == 0.0


@pytest.mark.parametrize("clustered", [False, True])
def test_classes_are_scikit_learns(clustered: bool) -> None:
    random = np.random.default_rng(0)
    targets = random.integers(4, size=200)
    predicted = np.where(random.random(200) < 0.7, targets, random.integers(4, size=200))
    clusters = np.repeat(np.arange(50), 4) if clustered else None
    told = classes.table(predicted, targets, list("abcd"), 200, clusters)
    precision, recall, f1, support = precision_recall_fscore_support(targets, predicted)
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert [row[name]["value"] for row in told] == pytest.approx(values)
        assert all(row[name]["low"] < row[name]["value"] < row[name]["high"] for row in told)
    assert [row["n"] for row in told] == support.tolist()
    assert sum(row["predicted"] for row in told) == 200


def test_a_class_without_rows_has_no_recall() -> None:
    told = classes.table(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), ["a", "b", "c"], 100, None)
    assert [(row["recall"] is None, row["precision"] is None, row["f1"] is None) for row in told] == [
        (False, False, False),
        (True, False, False),
        (True, True, True),
    ]


def test_the_interval_of_f1_holds_it_about_as_often_as_it_says() -> None:
    """Of a class whose F1 is known: 80 % of those that are of it or taken for it are both."""
    truth = 2 * 0.8 / 1.8
    counts = np.random.default_rng(0).binomial(60, 0.8, size=500)
    held = [found["low"] <= truth <= found["high"] for found in (classes._f1(int(n), 60, 100) for n in counts)]
    assert 0.92 <= np.mean(held) <= 0.98


def test_every_pair_of_classes_can_be_named() -> None:
    names = ["0", "1", "2"]
    for true, predicted in itertools.permutations(names, 2):
        assert costs.costs_of([f"{true}:{predicted}=9"], names)[int(true), int(predicted)] == 9
