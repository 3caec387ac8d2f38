"""L-BFGS: the solution that scikit-learn finds, and a line search that backtracks."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

from pellucid.catalogue import configure
from pellucid.errors import PellucidError
from pellucid.optim import OPTIMIZERS
from pellucid.optim.flat import FlatParameters


def lbfgs(flat, **fields):
    config = configure(OPTIMIZERS, {"name": "lbfgs", **fields}, "optimizer")
    return OPTIMIZERS["lbfgs"].load()(config, flat)


def test_equals_scikit_learns_softmax_regression_on_digits():
    inputs, target = load_digits(return_X_y=True)
    inputs = inputs / 16
    reference = LogisticRegression(C=1.0, tol=1e-9, max_iter=10_000).fit(inputs, target)
    x, y = torch.tensor(inputs, dtype=torch.float32), torch.tensor(target)
    model = nn.Linear(64, 10)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    flat = FlatParameters(model)
    optimizer = lbfgs(flat, weight_decay=1 / len(x))
    scale = torch.tensor(1 / len(x))
    for _ in range(300):
        total = F.cross_entropy(model(x), y, reduction="sum")
        flat.fill(total * scale)
        optimizer.step(1.0, total.detach() * scale)
    assert torch.allclose(model.weight.detach().double(), torch.tensor(reference.coef_), atol=1e-3, rtol=0)
    bias = model.bias.detach().double()
    assert torch.allclose(bias - bias.mean(), torch.tensor(reference.intercept_), atol=1e-3, rtol=0)


class Point(nn.Module):
    """A function of two numbers."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.tensor([x, y], dtype=torch.float64))


def rosenbrock(at):
    return (1 - at[0]) ** 2 + 100 * (at[1] - at[0] ** 2) ** 2


def test_finds_the_minimum_of_a_curved_valley():
    model = Point(-1.2, 1.0)
    flat = FlatParameters(model)
    optimizer = lbfgs(flat)
    for _ in range(100):
        loss = rosenbrock(model.at)
        flat.fill(loss)
        optimizer.step(1.0, loss.detach())
    assert torch.allclose(flat.values, torch.ones(2, dtype=torch.float64), atol=1e-6)


def test_an_overlong_trial_is_halved_until_it_is_lower():
    model = Point(1.0, 0.0)
    flat = FlatParameters(model)
    optimizer = lbfgs(flat, learning_rate=16.0)
    seen = []
    for _ in range(8):
        loss = flat.values.square().sum()
        flat.gradient.copy_(2 * flat.values)
        seen.append(float(flat.values[0]))
        optimizer.step(16.0, loss)
    # From 1 along -2 by 16 / |gradient|_1 = 8; refused at 8, 4, 2 and 1 (no lower), accepted at 0.5: the minimum.
    assert seen[:6] == [1.0, -15.0, -7.0, -3.0, -1.0, 0.0]


def test_needs_the_loss():
    with pytest.raises(PellucidError, match="needs the loss"):
        lbfgs(FlatParameters(nn.Linear(2, 2))).step(1.0)
