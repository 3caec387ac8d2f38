"""Regression: torch's losses, scikit-learn's scores in the user's own units, for one target and for several."""

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
from pellucid.spec import Field, Spec
from pellucid.tasks import build
from pellucid.tasks.regress import Regress


class Fixed(nn.Module):
    """A model whose outputs are its inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def task(num_targets: int = 1, mean: Any = (), std: Any = (), names: Any = (), **settings: Any) -> Regress:
    target = Field("number", (num_targets,), mean=mean, std=std, names=names)
    built = build({"name": "regress", **settings}, Spec(Field("number", (3,)), target))
    assert isinstance(built, Regress)
    return built


def batch(outputs: Tensor, target: Tensor) -> Batch:
    return Batch({"input": outputs, "target": target}, torch.arange(len(target)))


@pytest.mark.parametrize("num_targets", [1, 3])
@pytest.mark.parametrize(
    ("settings", "reference"),
    [
        ({}, F.mse_loss),
        ({"loss": "absolute"}, F.l1_loss),
        ({"loss": "huber", "delta": 0.5}, lambda x, y: F.huber_loss(x, y, delta=0.5)),
        ({"loss": "pinball"}, lambda x, y: F.l1_loss(x, y) / 2),
        (
            {"loss": "pinball", "quantile": 0.9},
            lambda x, y: torch.tensor(metrics.mean_pinball_loss(y.numpy(), x.numpy(), alpha=0.9)).float(),
        ),
    ],
)
def test_the_loss_over_its_count_is_torchs_mean(settings: dict[str, Any], reference: Any, num_targets: int) -> None:
    outputs, target = torch.randn(2, 20, num_targets, generator=torch.Generator().manual_seed(0))
    judge = task(num_targets, **settings)
    loss = judge.loss(Fixed(), batch(outputs, target))
    torch.testing.assert_close(loss.total / loss.rows, reference(outputs, target))
    parts = [judge.loss(Fixed(), part) for part in batch(outputs, target).split(3)]
    torch.testing.assert_close(sum(part.total for part in parts), loss.total)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 60), st.integers(1, 3), st.integers(0, 1000))
def test_scores_are_scikit_learns_in_the_users_units(num: int, num_targets: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    mean, std = random.normal(size=num_targets) * 100, random.uniform(0.1, 50, size=num_targets)
    standardised = random.normal(size=(num, num_targets)).astype(np.float32)
    outputs = torch.from_numpy(standardised + random.normal(size=(num, num_targets)) * 0.4).float()
    judge = task(num_targets, tuple(mean), tuple(std))
    predicted = {name: tensor.numpy() for name, tensor in judge.predict(Fixed(), outputs).items()}
    truth = standardised.astype(np.float64) * std + mean
    np.testing.assert_allclose(predicted["number"], outputs.double().numpy() * std + mean, rtol=1e-5, atol=1e-4)
    values = {name: score.value for name, score in judge.scores(predicted, standardised).items()}
    assert values == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(truth, predicted["number"]),
            "mae": metrics.mean_absolute_error(truth, predicted["number"]),
            "r2": metrics.r2_score(truth, predicted["number"]),
        },
        rel=1e-6,
        abs=1e-6,
    )


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("num_targets", [1, 2])
def test_a_quantile_is_judged_by_what_it_makes_smallest(quantile: float, num_targets: int) -> None:
    random = np.random.default_rng(0)
    truth, said = random.normal(size=(2, 50, num_targets))
    judge = task(num_targets, loss="pinball", quantile=quantile)
    scores = judge.scores({"number": said}, truth)
    assert next(iter(scores)) == judge.primary == judge.metrics[0] == "pinball"
    assert scores["pinball"].value == pytest.approx(metrics.mean_pinball_loss(truth, said, alpha=quantile))
    assert judge.rank({"pinball": 1.0, "rmse": 9.0}) > judge.rank({"pinball": 2.0, "rmse": 1.0})


def test_a_net_of_one_number_learns_the_quantile() -> None:
    target = torch.distributions.Exponential(1.0).sample((20_000, 1))
    judge, guess = task(loss="pinball", quantile=0.9), torch.nn.Parameter(torch.zeros(1))
    for _ in range(400):
        guess.grad = None
        loss = judge.loss(Fixed(), batch(guess.expand(len(target), 1), target))
        (loss.total / loss.rows).backward()
        guess.data -= 0.5 * guess.grad
    assert (target <= guess).float().mean() == pytest.approx(0.9, abs=0.005)


def test_metrics_are_chosen_by_name() -> None:
    assert task().metrics == ("rmse", "mae", "r2")
    assert task(metrics=["pinball", "mae"]).metrics == ("rmse", "pinball", "mae")
    with pytest.raises(RecipeError) as caught:
        task(metrics=["rmsee", "mase"])
    assert caught.value.problems == [
        "task.metrics: there is no 'rmsee'. Did you mean 'rmse'?",
        "task.metrics: 'mase' compares with the last season, and these rows are no series. Leave it out.",
    ]


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_a_constant_target_is_scored_as_by_scikit_learn(error: float) -> None:
    truth = np.array([[2.0, 1], [2, 2], [2, 3]], np.float32)
    predicted = {"number": truth + np.float32([error, 0.5])}
    assert task(2).scores(predicted, truth)["r2"].value == pytest.approx(metrics.r2_score(truth, predicted["number"]))


def test_the_bootstraps_resamples_of_few_rows_stay_finite() -> None:
    truth = np.array([[0.1], [0.2], [1e4]], np.float32)
    score = task().scores({"number": truth + 1}, truth)["r2"]
    same_row_thrice = 3 * score.moments[:1]
    assert score.of_sums(same_row_thrice).tolist() == [0.0]


def test_predictions_are_in_the_users_units_and_words() -> None:
    judge = task(2, (10.0, 0.0), (2.0, 1.0), names=("up", "down"))
    outputs = torch.tensor([[1.0, -1], [0, 0]])
    predicted = {name: tensor.numpy() for name, tensor in judge.predict(Fixed(), outputs).items()}
    table = judge.table(predicted, np.float32([[0, 1], [2, 3]]))
    assert table == {
        "target_up": [10, 14],
        "prediction_up": [12, 10],
        "target_down": [1, 3],
        "prediction_down": [-1, 0],
    }
    assert judge.judge(predicted, np.float32([[0, 1], [2, 3]]))["loss"].tolist() == [4, 12.5]
    assert list(task().table({"number": np.zeros((1, 1))}, None)) == ["prediction"]
    assert judge.rank({"rmse": 1}) > judge.rank({"rmse": 2})


@pytest.mark.parametrize(
    ("shape", "num_targets", "expected", "remedy"),
    [
        ((4,), 1, (4, 1), "end the model with .unsqueeze(1)."),
        ((4,), 2, (4, 2), "set the last layer's outputs to 2."),
        ((4, 4), 1, (4, 1), "set the last layer's outputs to 1."),
        ((1, 1), 1, (4, 1), "set the last layer's outputs to 1."),
    ],
)
def test_outputs_that_broadcasting_would_hide_are_refused(
    shape: tuple[int, ...], num_targets: int, expected: tuple[int, ...], remedy: str
) -> None:
    for call in (
        lambda: task(num_targets).loss(Fixed(), batch(torch.zeros(shape), torch.zeros(4, num_targets))),
        lambda: task(num_targets)._check(torch.zeros(shape), 4),
    ):
        with pytest.raises(ShapeError) as caught:
            call()
        assert str(caught.value) == (
            f"The model gave outputs of shape {shape} for 4 rows: expected {expected}. "
            f"Broadcasting would compare every row with every other; {remedy}"
        )


def test_classes_are_refused() -> None:
    with pytest.raises(DataError, match=r"'regress' needs a target of numbers; here it is classes\. Choose 'classify'"):
        build({"name": "regress"}, Spec(Field("number", (2,)), Field("category", categories=("a", "b"))))
