"""The perceptron's rule: Rosenblatt's correction, within Novikoff's bound; the wrong model or task is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pellucid import models
from pellucid.data.batch import Batch
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.rules import build
from pellucid.spec import Field, Spec
from pellucid.tasks import build as build_task

EXECUTION = Execution("cpu", "fp32", 1, "channels_last", "eager")


def spec_of(features: int, num_classes: int) -> Spec:
    names = tuple("abcdef"[:num_classes])
    return Spec(Field("number", (features,)), Field("category", categories=names, counts=(1,) * num_classes))


def rule_of(spec: Spec, learning_rate: float = 1.0) -> Any:
    model = models.build({"name": "perceptron"}, spec, seed=0)
    section = {"name": "perceptron", "learning_rate": learning_rate}
    return build(section, model, build_task({"name": "classify"}, spec), EXECUTION, 1000)


def batch(inputs: np.ndarray, targets: np.ndarray) -> Batch:
    columns = {"input": torch.from_numpy(inputs.astype(np.float32)), "target": torch.from_numpy(targets)}
    return Batch(columns, torch.arange(len(targets)))


def by_hand(inputs: np.ndarray, targets: np.ndarray, num_classes: int, epochs: int) -> tuple[np.ndarray, int]:
    """Rosenblatt's rule as it is taught, one row at a time; the last weight is the bias."""
    augmented = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    weights = np.zeros((num_classes, augmented.shape[1]))
    mistakes = 0
    for _ in range(epochs):
        for x, target in zip(augmented, targets, strict=True):
            answer = int((weights @ x).argmax())
            if answer != target:
                weights[target] += x
                weights[answer] -= x
                mistakes += 1
    return weights, mistakes


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 5), st.integers(1, 6), st.integers(0, 1000))
def test_row_by_row_it_is_rosenblatts(num_classes: int, features: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    inputs = random.integers(-8, 9, size=(30, features)).astype(float)  # whole numbers: no rounding, ties alike
    targets = random.integers(num_classes, size=30)
    rule = rule_of(spec_of(features, num_classes))
    mistakes = 0
    for _ in range(2):
        for row in range(30):
            mistakes += int(rule.step(batch(inputs[row : row + 1], targets[row : row + 1]))["loss"])
    weights, expected = by_hand(inputs, targets, num_classes, epochs=2)
    assert mistakes == expected
    units = rule.model.units
    assert np.array_equal(units.weight.detach(), weights[:, :-1])
    assert np.array_equal(units.bias.detach(), weights[:, -1])


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.floats(0.05, 0.5), st.integers(0, 1000))
def test_mistakes_stay_within_novikoffs_bound(features: int, margin: float, seed: int) -> None:
    """On two classes that a plane through a unit normal parts by `margin`: at most (R / margin)^2 mistakes in all."""
    random = np.random.default_rng(seed)
    normal = random.normal(size=features + 1)
    normal /= np.linalg.norm(normal)
    inputs = random.normal(size=(200, features))
    augmented = np.concatenate([inputs, np.ones((200, 1))], axis=1)
    distance = augmented @ normal
    kept = np.abs(distance) >= margin
    inputs, targets = inputs[kept], (distance[kept] > 0).astype(np.int64)
    radius = np.linalg.norm(augmented[kept], axis=1).max()
    rule = rule_of(spec_of(features, 2))
    mistakes = 0
    for _ in range(3):
        for row in range(len(inputs)):
            mistakes += int(rule.step(batch(inputs[row : row + 1], targets[row : row + 1]))["loss"])
    assert mistakes <= (radius / margin) ** 2


def test_on_separable_rows_it_comes_to_rest() -> None:
    random = np.random.default_rng(0)
    targets = np.arange(60) % 3
    inputs = np.eye(3)[targets] * 6 + random.normal(size=(60, 3))
    rule = rule_of(spec_of(3, 3))
    for _ in range(30):
        for row in range(60):
            rule.step(batch(inputs[row : row + 1], targets[row : row + 1]))
    before = rule.update.flat.values.clone()
    assert rule.step(batch(inputs, targets)) == {"loss": 0, "gradient_norm": 0}
    assert torch.equal(rule.update.flat.values, before)


def test_the_corrections_of_a_batch_are_summed_and_the_rate_scales_them() -> None:
    random = np.random.default_rng(1)
    inputs, targets = random.normal(size=(12, 4)).astype(np.float32), random.integers(1, 3, size=12)
    one, double = (rule_of(spec_of(4, 3), rate) for rate in (1.0, 2.0))
    told = one.step(batch(inputs, targets))
    double.step(batch(inputs, targets))
    assert told["loss"] == 1  # zero weights answer class 0
    expected = np.zeros((3, 4))
    np.add.at(expected, targets, inputs)
    expected[0] -= inputs.sum(axis=0)
    np.testing.assert_allclose(one.model.units.weight.detach(), expected, atol=1e-5)
    torch.testing.assert_close(double.update.flat.values, 2 * one.update.flat.values)


def test_resumed_it_goes_on_alike() -> None:
    one, other = rule_of(spec_of(2, 2)), rule_of(spec_of(2, 2))
    rows = batch(np.array([[1.0, 2], [3, -1]]), np.array([1, 0]))
    one.step(rows)
    other.model.load_state_dict({name: tensor.clone() for name, tensor in one.model.state_dict().items()})
    other.load_state_dict(one.state_dict())
    one.step(rows)
    other.step(rows)
    assert torch.equal(one.update.flat.values, other.update.flat.values)
    one.observe(1.0)
    with one.averaged():
        assert torch.equal(one.update.flat.values, other.update.flat.values)


def test_another_model_is_refused() -> None:
    spec = spec_of(4, 3)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    with pytest.raises(PellucidError) as caught:
        build({"name": "perceptron"}, model, build_task({"name": "classify"}, spec), EXECUTION, 10)
    assert str(caught.value) == (
        "rule.name = 'perceptron' corrects one layer of linear units, and Sequential has 2 linear layers and "
        "67 parameters. Choose model.name = 'perceptron' or 'linear', or rule.name = 'backpropagation'."
    )


def test_another_task_is_refused() -> None:
    spec = Spec(Field("number", (4,)), Field("number", (1,)))
    with pytest.raises(PellucidError) as caught:
        build({"name": "perceptron"}, nn.Linear(4, 1), build_task({"name": "regress"}, spec), EXECUTION, 10)
    assert str(caught.value) == (
        "rule.name = 'perceptron' learns from wrong classes, and this task has none. "
        "Choose task.name = 'classify', or rule.name = 'backpropagation'."
    )
