"""Every score of classification is scikit-learn's; names, positive classes, and what is shown unasked."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from pellucid.errors import DataError, RecipeError
from pellucid.spec import Field, Spec
from pellucid.tasks import build, class_scores
from pellucid.tasks.class_scores import METRICS, Judged
from pellucid.tasks.classify import Classify
from tests.data.worlds import blobs, open_world

NAMES = tuple("abcdefghijklmnopqrstuvwxyz")


def judged(num: int, num_classes: int, seed: int, positive: int | None = None) -> tuple[Judged, NDArray[np.float64]]:
    """Rows of which each class has one at least, and their probabilities."""
    random = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(num_classes), random.integers(num_classes, size=num)])
    logits = random.normal(size=(len(targets), num_classes)) + 1.5 * np.eye(num_classes)[targets]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Judged(np.log(shares), shares.argmax(axis=1), targets, positive, NAMES[:num_classes]), shares


def of_set(rows: Judged, *names: str) -> dict[str, float]:
    return {name: score.value for name, score in class_scores.scores(names or tuple(METRICS), rows).items()}


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(3, 8), st.integers(0, 10_000))
def test_of_several_classes_they_are_scikit_learns(num: int, num_classes: int, seed: int) -> None:
    rows, shares = judged(num, num_classes, seed)
    y, said = rows.targets, rows.predicted
    assert of_set(rows, *METRICS, "top_1", "top_2") == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(y, said),
            "balanced_accuracy": metrics.balanced_accuracy_score(y, said),
            "log_loss": metrics.log_loss(y, shares),
            "brier": metrics.brier_score_loss(y, shares),
            "f1": metrics.f1_score(y, said, average="macro"),
            "auc": metrics.roc_auc_score(y, shares, multi_class="ovr", average="macro"),
            "average_precision": metrics.average_precision_score(np.eye(num_classes)[y], shares, average="macro"),
            "mcc": metrics.matthews_corrcoef(y, said),
            "kappa": metrics.cohen_kappa_score(y, said),
            "top_1": metrics.accuracy_score(y, said),
            "top_2": metrics.top_k_accuracy_score(y, shares, k=2),
        }
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(2, 4), st.integers(0, 3), st.integers(0, 10_000))
def test_of_the_class_that_is_sought_they_are_scikit_learns_binary_ones(
    num: int, num_classes: int, place: int, seed: int
) -> None:
    sought = place % num_classes
    rows, shares = judged(num, num_classes, seed, positive=sought)
    y, said = rows.targets == sought, rows.predicted == sought
    found = of_set(rows)
    assert found["f1"] == pytest.approx(metrics.f1_score(y, said, zero_division=0.0))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, shares[:, sought]))
    assert found["average_precision"] == pytest.approx(metrics.average_precision_score(y, shares[:, sought]))
    if num_classes == 2:
        assert found["brier"] == pytest.approx(metrics.brier_score_loss(y, shares[:, sought]))


def test_of_two_classes_the_area_knows_no_positive_one_and_the_rest_is_a_mean_over_both() -> None:
    rows, shares = judged(80, 2, seed=0)
    y, found = rows.targets, of_set(rows)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, shares[:, 1]))
    assert found["f1"] == pytest.approx(metrics.f1_score(y, rows.predicted, average="macro"))
    both = [metrics.average_precision_score(y == code, shares[:, code]) for code in (0, 1)]
    assert found["average_precision"] == pytest.approx(np.mean(both))


def test_of_two_classes_a_net_that_is_very_sure_still_has_an_order() -> None:
    """In single precision a probability of 1 - 1e-10 is 1; the other one is not 0."""
    sure = np.array([[-1e-10, -23.0], [-1e-12, -27.6], [-23.0, -1e-10], [-27.6, -1e-12]], np.float32)
    rounded = np.where(sure > -1e-7, np.float32(0), sure)
    rows = Judged(rounded, np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), None, NAMES[:2])
    assert of_set(rows, "auc") == {"auc": 1.0}


def test_of_equally_likely_classes_the_first_is_the_first_as_in_the_prediction() -> None:
    shares = np.full((4, 4), 0.25)
    rows = Judged(np.log(shares), shares.argmax(axis=1), np.arange(4), None, NAMES[:4])
    found = of_set(rows, "accuracy", "top_1", "top_2", "top_3")
    assert found == {"accuracy": 0.25, "top_1": 0.25, "top_2": 0.5, "top_3": 0.75}


@pytest.mark.parametrize("positive", [None, 2])
def test_a_class_that_the_part_lacks_leaves_no_nan(positive: int | None) -> None:
    rows, shares = judged(40, 3, seed=1, positive=positive)
    there = rows.targets != 2
    part = Judged(rows.log_probability[there], rows.predicted[there], rows.targets[there], positive, rows.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = of_set(part, *METRICS, "recall")
    assert np.isfinite(list(found.values())).all()
    assert "recall_c" not in found
    y, held = part.targets, shares[there]
    if positive is None:
        assert found["auc"] == pytest.approx(np.mean([metrics.roc_auc_score(y == k, held[:, k]) for k in (0, 1)]))
        assert found["f1"] == pytest.approx(metrics.f1_score(y, part.predicted, average="macro"))
    else:
        assert not {"auc", "average_precision"} & set(found)
        assert found["f1"] == 0.0


def test_a_part_of_one_class_has_no_order_to_judge() -> None:
    rows, _ = judged(40, 3, seed=1)
    one = rows.targets == 0
    part = Judged(rows.log_probability[one], rows.predicted[one], rows.targets[one], None, rows.classes)
    assert list(of_set(part, "accuracy", "auc", "average_precision")) == ["accuracy"]


def task(num_classes: int = 3, counts: tuple[int, ...] = (), **values: Any) -> Classify:
    target = Field("category", categories=values.pop("names", NAMES[:num_classes]), counts=counts)
    built = build({"name": "classify", **values}, Spec(Field("number", (3,)), target))
    assert isinstance(built, Classify)
    return built


def test_unasked_a_result_shows_what_a_lone_accuracy_would_hide() -> None:
    first = ("accuracy", "balanced_accuracy", "log_loss", "brier", "f1")
    assert task(3).metrics == (*first, "auc")
    assert task(11).metrics == (*first, "auc", "top_5")
    assert task(26).metrics == (*first, "top_5")  # 26 sorts of all rows are for who asks for them
    assert task(2, names=("0", "1")).metrics == (*first, "auc", "average_precision")
    rare = task(3, counts=(90, 5, 5)).metrics
    assert rare == ("balanced_accuracy", "accuracy", "log_loss", "brier", "f1", "auc", "average_precision", "recall")


def test_what_is_asked_for_stands_after_the_primary_one() -> None:
    asked = task(3, metrics=["kappa", "top_2", "kappa"])
    assert asked.metrics == ("accuracy", "kappa", "top_2")
    world = open_world(blobs(100), task={"name": "classify", "metrics": ["mcc", "recall"]})
    found = build({"name": "classify", "metrics": ["mcc", "recall"]}, world.spec).baselines(world, "validation")
    for scores, _ in found.values():
        assert list(scores) == ["accuracy", "mcc", "recall_a", "recall_b", "recall_c"]


def test_zero_and_one_say_which_is_sought_and_other_names_must_be_told() -> None:
    assert task(2, names=("0", "1")).positive == 1
    assert task(2, names=("ill", "well")).positive is None
    assert task(2, names=("ill", "well"), positive="ill").positive == 0
    assert task(2, names=("0", "1"), positive=0).positive == 0
    assert task(3, names=("1", "2", "3"), positive=2).positive == 1
    with pytest.raises(DataError) as caught:
        task(2, names=("ill", "well"), positive="il")
    assert str(caught.value) == "task.positive = 'il': there is no such class. Did you mean 'ill'?"


def test_names_that_are_no_metrics_are_told_all_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        task(3, metrics=["auk", "top_0", "top_3", "f1"])
    assert caught.value.problems == [
        "task.metrics: there is no 'auk'. Did you mean 'auc'?",
        "task.metrics: there is no 'top_0'. Did you mean 'top_5'?",
        "task.metrics: 'top_3' is always 1 of 3 classes. Choose a smaller number, or leave it out.",
    ]
    with pytest.raises(RecipeError, match=r"task\.metrics = \[\]: expected at least 1 value\."):
        task(3, metrics=[])
