"""Multi-label classification: torch's loss, scikit-learn's scores, baselines that are what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from pellucid.data.arrays import from_parts
from pellucid.data.batch import Batch
from pellucid.errors import DataError, RecipeError, ShapeError
from pellucid.evaluation.intervals import with_intervals
from pellucid.spec import Field, Spec
from pellucid.tasks import build
from pellucid.tasks.multi_label import MultiLabel
from tests.data.worlds import open_world

NAMES = ("wet", "cold", "dark")


class Fixed(nn.Module):
    """A model whose outputs are its inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def task(shares: tuple[float, ...] = (0.5, 0.2, 0.1), **settings: Any) -> MultiLabel:
    target = Field("labels", (3,), categories=NAMES, counts=tuple(int(100 * share) for share in shares), mean=shares)
    built = build({"name": "multi_label", **settings}, Spec(Field("number", (3,)), target))
    assert isinstance(built, MultiLabel)
    return built


def rows(num: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    log_odds = torch.randn(num, 3, generator=generator) * 2
    return log_odds, (torch.rand(num, 3, generator=generator) < log_odds.sigmoid() / 2).float()


def batch(log_odds: Tensor, target: Tensor) -> Batch:
    return Batch({"input": log_odds, "target": target}, torch.arange(len(target)))


def predictions(log_odds: Tensor, judge: MultiLabel) -> dict[str, NDArray[Any]]:
    return {name: tensor.numpy() for name, tensor in judge.predict(Fixed(), log_odds).items()}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", ["none", "balanced", [0.5, 1.0, 3.0]])
def test_the_loss_over_its_count_is_torchs_mean(smoothing: float, weights: Any) -> None:
    log_odds, target = rows(50)
    loss = task(label_smoothing=smoothing, positive_weights=weights).loss(Fixed(), batch(log_odds, target))
    tensor = {"none": None, "balanced": torch.tensor([1.0, 4.0, 9.0])}.get(str(weights))
    tensor = torch.tensor(weights) if isinstance(weights, list) else tensor
    smooth = target * (1 - smoothing) + smoothing / 2
    torch.testing.assert_close(
        loss.total / loss.rows, F.binary_cross_entropy_with_logits(log_odds, smooth, pos_weight=tensor)
    )


def test_losses_add_up_over_batches() -> None:
    judge = task(label_smoothing=0.1, positive_weights="balanced")
    whole = batch(*rows(50))
    parts = [judge.loss(Fixed(), part) for part in whole.split(7)]
    one = judge.loss(Fixed(), whole)
    torch.testing.assert_close(sum(part.total for part in parts), one.total)
    assert sum(float(part.rows) for part in parts) == one.rows == 50


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 60), st.integers(0, 1000), st.sampled_from([0.2, 0.5, 0.9]))
def test_scores_are_scikit_learns(num: int, seed: int, threshold: float) -> None:
    log_odds, target = rows(num, seed)
    judge = task(threshold=threshold)
    predicted, truth = predictions(log_odds, judge), target.numpy()
    found = {name: score.value for name, score in judge.scores(predicted, truth).items()}
    share, said = log_odds.double().sigmoid().numpy(), log_odds.sigmoid().numpy() >= threshold
    f1 = metrics.f1_score(truth, said, average=None, zero_division=0.0)
    occurs = (truth.sum(axis=0) + said.sum(axis=0)) > 0
    expected = {
        "macro_f1": f1[occurs].mean() if occurs.any() else 0.0,
        "micro_f1": metrics.f1_score(truth, said, average="micro", zero_division=0.0),
        "exact_match": metrics.accuracy_score(truth, said),
        "hamming_loss": metrics.hamming_loss(truth, said),
        "log_loss": np.mean([metrics.log_loss(truth[:, k], share[:, k], labels=[0, 1]) for k in range(3)]),
        **{f"f1_{name}": value for name, value in zip(NAMES, f1, strict=True)},
    }
    assert found == pytest.approx(expected, rel=1e-5)
    counts = np.array(judge.details(predicted, truth)["label_counts"])
    confusion = metrics.multilabel_confusion_matrix(truth, said)  # (labels, 2, 2)
    assert np.array_equal(counts, np.stack([confusion[:, 1].sum(1), confusion[:, :, 1].sum(1), confusion[:, 1, 1]], 1))


def test_a_resample_is_the_score_of_the_rows_that_it_drew() -> None:
    log_odds, target = rows(40)
    judge = task()
    drawn = np.random.default_rng(0).integers(0, 40, 40)
    counts = np.bincount(drawn, minlength=40)[None].astype(np.float64)
    of_all = judge.scores(predictions(log_odds, judge), target.numpy())
    of_drawn = judge.scores(predictions(log_odds[drawn], judge), target[drawn].numpy())
    for name, score in of_all.items():
        assert score.of_counts(counts)[0] == pytest.approx(of_drawn[name].value)
    told = with_intervals(of_all, 200)
    assert all(each["low"] <= each["value"] <= each["high"] for each in told.values())
    assert told["exact_match"]["interval"] == "wilson"


def test_certain_mistakes_have_a_finite_loss() -> None:
    judged = task().judge({"log_odds": np.full((1, 3), 800.0), "has": np.ones((1, 3), bool)}, np.zeros((1, 3)))
    assert judged["loss"].tolist() == [800.0]
    assert not judged["correct"][0]


def test_the_table_joins_labels() -> None:
    judge = task()
    predicted = predictions(torch.tensor([[1.0, 2.0, -1.0], [-1.0, -1.0, -1.0]]), judge)
    table = judge.table(predicted, np.array([[0, 0, 1], [1, 1, 1]]))
    assert table["target"] == ["dark", "wet|cold|dark"]
    assert table["prediction"] == ["wet|cold", "(none)"]
    assert table["p_cold"] == pytest.approx([0.880797, 0.268941], abs=1e-6)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"expected \(4, 3\), one number per label"):
        task().loss(Fixed(), batch(torch.zeros(4, 2), torch.zeros(4, 3)))
    with pytest.raises(DataError, match="has 2 numbers for 3 labels: expected one each for wet, cold, dark"):
        task(positive_weights=[1.0, 2.0])
    with pytest.raises(RecipeError, match="threshold"):
        task(threshold=1.0)
    classes = Spec(Field("number", (3,)), Field("category", categories=NAMES))
    with pytest.raises(DataError, match=r"needs a target of labels; here it is classes\. Choose 'classify'"):
        build({"name": "multi_label"}, classes)
    labels = Spec(Field("number", (3,)), Field("labels", (3,), categories=NAMES))
    with pytest.raises(DataError, match="Choose 'multi_label'"):
        build({"name": "classify"}, labels)


def test_baselines_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(240, 6))
    Y = (X @ random.normal(size=(6, 4)) + random.normal(size=(240, 4)) > 0.5).astype(int)
    world = open_world(
        from_parts({"train": (X, Y)}, "multi_label"),
        task={"name": "multi_label"}, split={"kind": "stratified"}, prepare={"standardize": False},
    )  # fmt: skip
    found = build({"name": "multi_label"}, world.spec).baselines(world, "validation")
    train, new = (world.split.parts[part] for part in ("train", "validation"))
    X = X.astype(np.float32)
    linear = OneVsRestClassifier(LogisticRegression(max_iter=50)).fit(X[train], Y[train])
    near = KNeighborsClassifier(5).fit(X[train], Y[train])
    share = (Y[train].sum(axis=0) + 0.5) / (len(train) + 1)
    for name, said in (
        ("linear", linear.predict_proba(X[new]) >= 0.5),
        ("k_nearest", near.predict(X[new])),
        ("label_shares", np.tile(share >= 0.5, (len(new), 1))),
    ):
        scores, fitted_on = found[name]
        assert scores["hamming_loss"].value == pytest.approx(metrics.hamming_loss(Y[new], said))
        assert fitted_on == len(train)
    shares, ranked = linear.predict_proba(X[new]), found["linear"][0]
    assert ranked["auc"].value == pytest.approx(metrics.roc_auc_score(Y[new], shares))
    assert ranked["average_precision"].value == pytest.approx(metrics.average_precision_score(Y[new], shares))
    assert list(ranked)[-6:-4] == ["auc", "average_precision"]
    expected = np.mean([metrics.log_loss(Y[new][:, k], np.full(len(new), share[k]), labels=[0, 1]) for k in range(4)])
    assert found["label_shares"][0]["log_loss"].value == pytest.approx(expected)
