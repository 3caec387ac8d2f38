"""Areas and average precisions: scikit-learn's, ties and all, of the set and of every resample of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from pellucid.evaluation.intervals import resampled
from pellucid.tasks.score import Score

KINDS = {"area_under_roc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}


def moments(num: int, num_classes: int, digits: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scores `[rows, classes]`, of which the fewer digits the more are equal, and labels beside them; the classes."""
    random = np.random.default_rng(seed)
    classes = random.integers(num_classes, size=num)
    labels = np.eye(num_classes)[classes]
    scores = np.round(random.normal(size=(num, num_classes)) + labels, digits)
    return np.concatenate([scores, labels], axis=1), classes


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(2, 5), st.integers(0, 3), st.integers(0, 10_000))
def test_of_every_resample_they_are_scikit_learns(
    kind: str, num: int, num_classes: int, digits: int, seed: int
) -> None:
    both, classes = moments(num, num_classes, digits, seed)
    counts = np.random.default_rng(seed).multinomial(num, np.full(num, 1 / num), size=4).astype(np.float64)
    found = Score(both, kind, "max").of_counts(counts)
    for value, weights in zip(found, counts, strict=True):
        told = [code for code in range(num_classes) if 0 < weights[classes == code].sum() < num]
        reference = [KINDS[kind](classes == code, both[:, code], sample_weight=weights) for code in told]
        shares = [weights[classes == code].sum() / num for code in range(num_classes)]
        otherwise = 0.5 if kind == "area_under_roc" else np.mean(shares)
        assert value == pytest.approx(np.mean(reference) if told else otherwise)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_count_twice_are_rows_that_stand_there_twice(kind: str) -> None:
    both, _ = moments(40, 3, 1, seed=1)
    counts = np.random.default_rng(1).integers(0, 4, size=(1, 40))
    repeated = Score(np.repeat(both, counts[0], axis=0), kind, "max")
    assert Score(both, kind, "max").of_counts(counts.astype(np.float64))[0] == pytest.approx(repeated.value)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_order_matters_of_scores_and_none_of_rows(kind: str) -> None:
    both, _ = moments(200, 2, 1, seed=2)
    value = Score(both, kind, "max").value
    grown = np.concatenate([np.exp(3 * both[:, :2]), both[:, 2:]], axis=1)
    assert Score(grown, kind, "max").value == value
    assert Score(both[np.random.default_rng(0).permutation(200)], kind, "max").value == pytest.approx(value, rel=1e-12)


def test_perfect_reversed_and_equal_scores() -> None:
    labels = np.array([[0.0], [0], [1], [1]])
    for scores, area in (([0, 1, 2, 3], 1.0), ([3, 2, 1, 0], 0.0), ([5, 5, 5, 5], 0.5)):
        found = Score(np.concatenate([np.array(scores, float)[:, None], labels], axis=1), "area_under_roc", "max")
        assert found.value == area


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_one_cluster_are_drawn_together(kind: str) -> None:
    both, classes = moments(60, 2, 1, seed=3)
    clusters = np.repeat(np.arange(12), 5)
    found = resampled({"x": Score(both, kind, "max")}, 20, seed=7, clusters=clusters)["x"]
    drawn = np.random.default_rng(7).integers(12, size=(20, 12))
    for value, chosen in zip(found, drawn, strict=True):
        rows = np.concatenate([np.flatnonzero(clusters == cluster) for cluster in chosen])
        assert value == pytest.approx(
            np.mean([KINDS[kind](classes[rows] == code, both[rows, code]) for code in (0, 1)])
        )
