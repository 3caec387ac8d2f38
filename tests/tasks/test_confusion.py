"""Scores of a confusion matrix: scikit-learn's, of the set and of every resample of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from pellucid.tasks.confusion import CONFUSION, tally
from pellucid.tasks.score import Score


def reference(kind: str, true: NDArray[Any], said: NDArray[Any]) -> float:
    """scikit-learn's value of rows as they stand there. Balanced accuracy is its macro recall of the true classes."""
    present = np.unique(true)
    if kind == "balanced_accuracy":
        return float(metrics.recall_score(true, said, labels=present, average="macro", zero_division=0.0))
    if kind == "macro_f1":
        return float(metrics.f1_score(true, said, average="macro", zero_division=0.0))
    if len(np.union1d(true, said)) == 1:  # where scikit-learn warns
        return 0.0
    return float({"matthews": metrics.matthews_corrcoef, "kappa": metrics.cohen_kappa_score}[kind](true, said))


@pytest.mark.parametrize("kind", CONFUSION)
@settings(max_examples=50, deadline=None)
@given(st.integers(1, 50), st.integers(1, 6), st.floats(0, 1), st.integers(0, 10_000))
def test_of_every_resample_they_are_scikit_learns(
    kind: str, num: int, num_classes: int, right: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    true, said = random.integers(num_classes, size=(2, num))
    said = np.where(random.random(num) < right, true, said)
    counts = random.multinomial(num, np.full(num, 1 / num), size=4)
    found = Score(np.stack([true, said], axis=1).astype(float), kind, "max").of_counts(counts.astype(float))
    for value, of_row in zip(found, counts, strict=True):
        assert value == pytest.approx(reference(kind, np.repeat(true, of_row), np.repeat(said, of_row)))


def test_what_is_summed_up_is_the_confusion_matrix() -> None:
    random = np.random.default_rng(0)
    true, said = random.integers(5, size=(2, 100))
    found, of_class, taken_for = tally(np.stack([true, said], axis=1).astype(float), np.ones((1, 100)))
    matrix = metrics.confusion_matrix(true, said)
    assert found[0].tolist() == np.diag(matrix).tolist()
    assert of_class[0].tolist() == matrix.sum(axis=1).tolist()
    assert taken_for[0].tolist() == matrix.sum(axis=0).tolist()


@pytest.mark.parametrize(("kind", "expected"), [("matthews", 0.0), ("kappa", 0.0), ("balanced_accuracy", 0.75)])
def test_where_all_rows_are_of_one_class_there_is_no_correlation(kind: str, expected: float) -> None:
    codes = np.array([[1.0, 1], [1, 1], [1, 1], [1, 0]])
    assert Score(codes, kind, "max").value == expected
