"""A second witness: torchmetrics finds the same of the same predictions. It takes seconds to import: here alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pellucid.tasks import class_scores, number_scores
from pellucid.tasks.class_scores import Judged
from pellucid.tasks.overlap import Counts, SegmentLook, count
from pellucid.tasks.score import Score

F = pytest.importorskip("torchmetrics.functional", reason="torchmetrics is of the extra `dev`")


def rows(num_classes: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(num_classes, (300,), generator=generator)
    logits = torch.randn(300, num_classes, generator=generator).double()
    return (logits + torch.eye(num_classes)[target]).softmax(dim=1), target


@pytest.mark.parametrize("num_classes", [2, 5])
def test_classification(num_classes: int) -> None:
    shares, target = rows(num_classes)
    judged = Judged(shares.log().numpy(), shares.argmax(1).numpy(), target.numpy(), None, "abcde"[:num_classes])
    names = ("accuracy", "balanced_accuracy", "f1", "auc", "average_precision", "mcc", "kappa", "top_1")
    found = {name: score.value for name, score in class_scores.scores(names, judged).items()}
    many = {"task": "multiclass", "num_classes": num_classes}
    expected = {
        "accuracy": F.accuracy(shares, target, average="micro", **many),
        "balanced_accuracy": F.recall(shares, target, average="macro", **many),
        "f1": F.f1_score(shares, target, average="macro", **many),
        "auc": F.auroc(shares, target, average="macro", **many),
        "average_precision": F.average_precision(shares, target, average="macro", **many),
        "mcc": F.matthews_corrcoef(shares, target, **many),
        "kappa": F.cohen_kappa(shares, target, **many),
        "top_1": F.accuracy(shares, target, average="micro", top_k=1, **many),
    }
    assert found == pytest.approx({name: float(value) for name, value in expected.items()}, abs=1e-6)


def test_the_class_that_is_sought() -> None:
    shares, target = rows(2)
    judged = Judged(shares.log().numpy(), shares.argmax(1).numpy(), target.numpy(), 1, "ab")
    names = ("f1", "auc", "average_precision")
    found = {name: score.value for name, score in class_scores.scores(names, judged).items()}
    of_one = shares[:, 1]
    expected = [F.f1_score, F.auroc, F.average_precision]
    assert list(found.values()) == pytest.approx(
        [float(each(of_one, target, task="binary")) for each in expected], abs=1e-6
    )


def test_numbers() -> None:
    predicted, truth = torch.randn(2, 100, 2, generator=torch.Generator().manual_seed(0)).double()
    a, b = predicted.numpy(), truth.numpy()
    assert number_scores.mae(a, b).value == pytest.approx(float(F.mean_absolute_error(predicted, truth)))
    assert number_scores.r2(a, b).value == pytest.approx(float(F.r2_score(predicted, truth)))
    each = F.mean_squared_error(predicted, truth, squared=False, num_outputs=2)
    assert number_scores.rmse(a, b).value == pytest.approx(float(each.mean()))


def test_masks() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(4, (6, 9, 7), generator=generator)
    told = torch.randn(6, 4, 9, 7, generator=generator) + 2 * torch.eye(4)[target].permute(0, 3, 1, 2)
    look = SegmentLook("test", np.arange(6), Counts.joined([count(told.log_softmax(1), target)]), tuple("abcd"))
    found = {name: score.value for name, score in look.all_scores.items()}
    said = told.argmax(1)
    many = {"task": "multiclass", "num_classes": 4}
    assert found["mean_iou"] == pytest.approx(float(F.jaccard_index(said, target, average="macro", **many)))
    assert found["dice"] == pytest.approx(float(F.f1_score(said, target, average="macro", **many)))
    each = F.jaccard_index(said, target, average="none", **many)
    assert [found[f"iou_{name}"] for name in "abcd"] == pytest.approx(each.tolist())


def test_language() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, target = torch.randn(4, 20, 7, generator=generator).double(), torch.randint(7, (4, 20), generator=generator)
    nats = torch.nn.functional.cross_entropy(logits.transpose(1, 2), target, reduction="none").sum(1).numpy()
    windows = np.stack([nats, np.full(4, 20.0)], axis=1)
    found = {kind: Score(windows, kind, "min").value for kind in ("ratio", "bits", "perplexity")}
    perplexity = float(F.text.perplexity(logits, target))
    assert found["perplexity"] == pytest.approx(perplexity)
    assert found["ratio"] == pytest.approx(math.log(perplexity))
    assert found["bits"] == pytest.approx(math.log2(perplexity))
