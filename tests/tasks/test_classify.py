"""Classification: torch's loss, scikit-learn's scores, exact however the rows were batched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.errors import DataError, RecipeError, ShapeError
from pellucid.evaluation.intervals import with_intervals
from pellucid.spec import Field, Spec
from pellucid.tasks import TASKS, build, class_scores
from pellucid.tasks.class_scores import METRICS
from pellucid.tasks.classify import Classify

NAMES = ("ant", "bee", "cat")


class Fixed(nn.Module):
    """A model whose outputs are its inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def task(counts: tuple[int, ...] = (10, 10, 10), **settings: Any) -> Classify:
    spec = Spec(Field("number", (3,)), Field("category", categories=NAMES[: len(counts)], counts=counts))
    built = build({"name": "classify", **settings}, spec)
    assert isinstance(built, Classify)
    return built


def rows(num: int, num_classes: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(num, num_classes, generator=generator) * 2,
        torch.randint(num_classes, (num,), generator=generator),
    )


def batch(logits: Tensor, target: Tensor) -> Batch:
    return Batch({"input": logits, "target": target}, torch.arange(len(target)))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", ["none", "balanced", [0.5, 1.0, 3.0]])
def test_the_loss_over_its_count_is_torchs_mean(smoothing: float, weights: Any) -> None:
    logits, target = rows(50)
    loss = task((5, 10, 30), label_smoothing=smoothing, class_weights=weights).loss(Fixed(), batch(logits, target))
    tensor = {"none": None, "balanced": torch.tensor([45 / 15, 45 / 30, 45 / 90])}.get(str(weights))
    tensor = torch.tensor(weights) if isinstance(weights, list) else tensor
    expected = F.cross_entropy(logits, target, tensor, label_smoothing=smoothing)
    torch.testing.assert_close(loss.total / loss.rows, expected)


@pytest.mark.parametrize("weights", ["none", [0.5, 1.0, 3.0]])
def test_losses_add_up_over_batches(weights: Any) -> None:
    judge = task(label_smoothing=0.1, class_weights=weights)
    whole = batch(*rows(50))
    parts = [judge.loss(Fixed(), part) for part in whole.split(7)]
    one = judge.loss(Fixed(), whole)
    torch.testing.assert_close(sum(part.total for part in parts), one.total)
    torch.testing.assert_close(torch.as_tensor(sum(part.rows for part in parts)), torch.as_tensor(one.rows))


def test_balanced_weights_give_every_class_the_same_sum() -> None:
    weights = task((5, 10, 30), class_weights="balanced").weights
    assert weights is not None
    assert (weights * torch.tensor([5.0, 10, 30])).tolist() == pytest.approx([15, 15, 15])


def predictions(logits: Tensor, judge: Classify) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in judge.predict(Fixed(), logits).items()}


@settings(max_examples=40, deadline=None)
@given(st.integers(6, 80), st.integers(0, 1000))
def test_scores_are_scikit_learns(num: int, seed: int) -> None:
    logits, target = rows(num, seed=seed)
    target[:3] = torch.arange(3)
    judge = task((1, 1, 9))
    predicted, truth = predictions(logits, judge), target.numpy()
    values = {name: score.value for name, score in judge.scores(predicted, truth).items()}
    recalls = metrics.recall_score(truth, predicted["class"], average=None, zero_division=0.0)
    expected = {
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted["class"]),
        "accuracy": metrics.accuracy_score(truth, predicted["class"]),
        "log_loss": metrics.log_loss(truth, logits.double().softmax(1).numpy(), labels=[0, 1, 2]),
        **{f"recall_{name}": recall for name, recall in zip(NAMES, recalls, strict=True)},
    }
    assert values == pytest.approx(expected, rel=1e-5)
    details = judge.details(predicted, truth)
    assert details["confusion"] == metrics.confusion_matrix(truth, predicted["class"], labels=[0, 1, 2]).tolist()


def test_scores_do_not_depend_on_how_rows_were_batched() -> None:
    judge = task((1, 1, 9))
    logits, target = rows(101)
    whole = predictions(logits, judge)
    parts = [predictions(part, judge) for part in logits.split(13)]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in whole}
    one, other = (
        class_scores.scores([*METRICS, "recall", "top_2"], judge.judged(given, target.numpy()))
        for given in (whole, joined)
    )
    assert {name: score.value for name, score in one.items()} == {name: score.value for name, score in other.items()}
    assert set(judge.scores(whole, target.numpy())) < set(one)


def test_unequal_classes_get_balanced_accuracy_first_without_asking() -> None:
    predicted = predictions(rows(20)[0], task())
    truth = rows(20)[1].numpy()
    assert task((15, 10, 12)).primary == "accuracy"
    assert list(task((15, 10, 12)).scores(predicted, truth)) == ["accuracy", "log_loss"]
    unequal = task((16, 10, 12))
    assert unequal.primary == "balanced_accuracy"
    assert next(iter(unequal.scores(predicted, truth))) == "balanced_accuracy"


def test_a_class_without_rows_in_the_part_has_no_recall_and_no_weight() -> None:
    judge = task((1, 1, 9))
    logits = torch.tensor([[3.0, 0, 0], [0, 3.0, 0], [3.0, 0, 0]])
    truth = np.array([0, 1, 1])
    scores = judge.scores(predictions(logits, judge), truth)
    assert "recall_cat" not in scores
    assert scores["balanced_accuracy"].value == pytest.approx((1 + 0.5) / 2)
    assert with_intervals(scores, 100)["recall_bee"]["n"] == 2  # its interval is over the class's own rows


def test_rank_prefers_more_right_then_less_surprised() -> None:
    judge = task()
    assert judge.rank({"accuracy": 0.9, "log_loss": 2}) > judge.rank({"accuracy": 0.8, "log_loss": 0.1})
    assert judge.rank({"accuracy": 0.9, "log_loss": 0.2}) > judge.rank({"accuracy": 0.9, "log_loss": 0.3})


def test_predictions_are_probabilities_in_the_users_words() -> None:
    logits, target = rows(5)
    judge = task()
    table = judge.table(predictions(logits, judge), target.numpy())
    assert list(table) == ["target", "prediction", "p_ant", "p_bee", "p_cat"]
    shares = np.array([table[f"p_{name}"] for name in NAMES])
    np.testing.assert_allclose(shares, logits.softmax(1).T, atol=1e-6)
    assert table["prediction"] == [NAMES[code] for code in logits.argmax(1)]
    assert "target" not in judge.table(predictions(logits, judge), None)


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 2), (4, 5), (1, 3), (4, 3, 1)])
def test_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as caught:
        task().loss(Fixed(), batch(torch.zeros(shape), torch.zeros(4, dtype=torch.long)))
    assert str(caught.value) == (
        f"The model gave outputs of shape {shape} for 4 rows: expected (4, 3), one number per class. "
        "Set the last layer's outputs to 3."
    )


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        task(class_weights=[1, 2])
    assert str(caught.value) == ("task.class_weights has 2 numbers for 3 classes: expected one each for ant, bee, cat.")
    with pytest.raises(RecipeError, match=r"task\.class_weights\.1 = -2: expected greater than 0\."):
        task(class_weights=[1, -2, 3])
    with pytest.raises(RecipeError, match=r"= 'even': expected 'none' or 'balanced', or a list in square brackets\."):
        task(class_weights="even")
    with pytest.raises(DataError, match=r"'classify' needs a target of classes; here it is numbers\. Choose 'regress'"):
        build({"name": "classify"}, Spec(Field("number", (2,)), Field("number", (1,))))
    with pytest.raises(RecipeError, match=r"task\.name: there is no 'clasify'\. Did you mean 'classify'\?"):
        build({"name": "clasify"}, Spec(Field("number", (2,))))
    assert set(TASKS) >= {"classify", "regress"}
