"""Linear, perceptron and multilayer perceptron: counted by hand, computed by hand."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pellucid.errors import PellucidError, RecipeError, ShapeError
from pellucid.models import build
from pellucid.models.perceptron import Perceptron
from pellucid.spec import Field, Spec

DIGITS = Spec(Field("image", (1, 28, 28)), Field("category", categories=tuple("0123456789")))
HOUSES = Spec(Field("number", (13,)), Field("number", (1,)))


def num_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_parameters() -> None:
    assert num_parameters(build({"name": "linear"}, DIGITS, seed=0)) == 784 * 10 + 10
    assert num_parameters(build({"name": "linear", "bias": False}, HOUSES, seed=0)) == 13
    assert num_parameters(build({"name": "perceptron"}, DIGITS, seed=0)) == 784 * 10 + 10
    mlp = build({"name": "mlp", "hidden": [300, 100]}, DIGITS, seed=0)
    assert num_parameters(mlp) == (784 * 300 + 300) + (300 * 100 + 100) + (100 * 10 + 10) == 266_610
    maxout = build({"name": "mlp", "hidden": [20], "activation": "maxout", "pieces": 3}, HOUSES, seed=0)
    assert num_parameters(maxout) == (13 * 60 + 60) + (20 * 1 + 1)


def test_softmax_regression_begins_knowing_nothing() -> None:
    model = build({"name": "linear"}, DIGITS, seed=0)
    loss = F.cross_entropy(model(torch.randn(5, 1, 28, 28)), torch.arange(5))
    assert loss.item() == pytest.approx(math.log(10))


def test_mlp_equals_its_equations() -> None:
    model = build({"name": "mlp", "hidden": [7, 5], "activation": "tanh"}, HOUSES, seed=0)
    w1, b1, w2, b2, w3, b3 = model.parameters()
    x = torch.randn(4, 13)
    expected = torch.tanh(torch.tanh(x @ w1.T + b1) @ w2.T + b2) @ w3.T + b3
    torch.testing.assert_close(model(x), expected)


def test_dropout_acts_in_training_only() -> None:
    model, x = build({"name": "mlp", "dropout": 0.5}, HOUSES, seed=0), torch.randn(4, 13)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_a_perceptron_fires_above_zero() -> None:
    model = build(
        {"name": "perceptron"}, Spec(Field("number", (2,)), Field("category", categories=("no", "yes"))), seed=0
    )
    assert isinstance(model, Perceptron)
    with torch.no_grad():
        model.units.weight[1] = 1.0
        model.units.bias[1] = -1.5  # McCulloch and Pitts' AND
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert model.fires(x)[:, 1].tolist() == [False, False, False, True]
    assert not model.fires(x)[:, 0].any()


def test_a_perceptron_decides_between_classes() -> None:
    with pytest.raises(PellucidError, match=r"there is a target of kind 'number'\. Choose linear or mlp\."):
        build({"name": "perceptron"}, HOUSES, seed=0)


def test_widths_are_positive() -> None:
    with pytest.raises(RecipeError, match=r"model\.hidden\.1 = 0: expected greater than 0\."):
        build({"name": "mlp", "hidden": [8, 0]}, HOUSES, seed=0)


def test_he_keeps_a_gradient_alive_where_sigmoid_loses_it() -> None:
    """The dying gradient: at depth 20 the first layer of a sigmoid net hears next to nothing of the loss."""
    inputs, labels = torch.randn(64, 1, 28, 28, generator=torch.Generator().manual_seed(0)), torch.arange(64) % 10
    ratios = {}
    for activation, initialiser in (("sigmoid", "xavier"), ("relu", "he")):
        section = {"name": "mlp", "hidden": [64] * 20, "activation": activation, "initialiser": initialiser}
        model = build(section, DIGITS, seed=0)
        weights = [layer.sums.weight for layer in model.get_submodule("hidden").children()]
        gradients = torch.autograd.grad(F.cross_entropy(model(inputs), labels), weights[1:])
        ratios[activation] = (gradients[0].norm() / gradients[-1].norm()).item()
    assert ratios["sigmoid"] < 1e-8
    assert ratios["relu"] > 0.05


def test_a_forecaster_without_hidden_layers_is_a_linear_map_around_the_last_value() -> None:
    """NLinear by hand: the last value, plus the weights times the window relative to it; other channels as they are."""
    spec = Spec(Field("series", (2, 5)), Field("number", (1,)))
    model = build({"name": "forecaster", "hidden": []}, spec, seed=0)
    x = torch.randn(7, 2, 5, generator=torch.Generator().manual_seed(1))
    weights = model.linear.weight[0].detach()  # type: ignore[union-attr,index]
    last = x[:, 0, -1]
    expected = last + (x[:, 0] - last[:, None]) @ weights[:5] + x[:, 1] @ weights[5:]
    torch.testing.assert_close(model(x)[:, 0], expected)
    shifted = x + torch.tensor([3.0, 0.0])[:, None]  # a series at another level is forecast at that level
    torch.testing.assert_close(model(shifted), model(x) + 3)


def test_a_forecaster_wants_windows() -> None:
    with pytest.raises(ShapeError, match=r"reads windows \(channels, steps\)"):
        build({"name": "forecaster"}, Spec(Field("number", (4,)), Field("number", (1,))), seed=0)
