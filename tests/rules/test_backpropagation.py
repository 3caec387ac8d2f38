"""Backpropagation: autograd's gradient of the mean loss; micro-batches are the big batch; a failure changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.execution import Execution
from pellucid.optim.update import NonFinite
from pellucid.rules import build
from pellucid.spec import Field, Spec
from pellucid.tasks import build as build_task
from pellucid.tasks.task import Loss, Task

EXECUTION = Execution("cpu", "fp32", 1, "channels_last", "eager")
SPEC = Spec(Field("number", (4,)), Field("category", categories=("a", "b", "c"), counts=(5, 10, 30)))


def net() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def batch(rows: int, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    columns = {
        "input": torch.randn(rows, 4, generator=generator),
        "target": torch.randint(3, (rows,), generator=generator),
    }
    return Batch(columns, torch.arange(rows))


def rule_of(model: nn.Module, task: Task, **section: Any) -> Any:
    optimizer = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0}
    return build({"name": "backpropagation", "optimizer": optimizer, **section}, model, task, EXECUTION, 100)


def test_a_step_is_autograds() -> None:
    model, reference, rows = net(), net(), batch(20)
    rule = rule_of(model, build_task({"name": "classify"}, SPEC))
    told = rule.step(rows)
    loss = F.cross_entropy(reference(rows["input"]), rows["target"])
    loss.backward()
    norm = torch.cat([parameter.grad.flatten() for parameter in reference.parameters()]).norm()  # type: ignore[union-attr]
    torch.testing.assert_close(told["loss"], loss.detach())
    torch.testing.assert_close(told["gradient_norm"], norm)
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        assert theirs.grad is not None
        torch.testing.assert_close(ours, theirs - 0.1 * theirs.grad)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.sampled_from(["none", "balanced"]), st.sampled_from([0.0, 0.2]))
def test_micro_batches_are_the_big_batch(rows: int, parts: int, weights: str, smoothing: float) -> None:
    """Whatever the sizes, and where the weights of the micro-batches differ because their classes do."""
    task = build_task({"name": "classify", "class_weights": weights, "label_smoothing": smoothing}, SPEC)
    whole, cut = rule_of(net(), task), rule_of(net(), task, accumulate=parts)
    expected, told = whole.step(batch(rows)), cut.step(batch(rows))
    torch.testing.assert_close(cut.update.flat.gradient, whole.update.flat.gradient, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(cut.update.flat.values, whole.update.flat.values, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(told["loss"], expected["loss"])
    torch.testing.assert_close(told["gradient_norm"], expected["gradient_norm"])


def test_batches_of_two_sizes_have_their_own_mean() -> None:
    rule = rule_of(net(), build_task({"name": "classify"}, SPEC))
    for rows in (8, 7, 8):
        model = net()
        model.load_state_dict(rule.model.state_dict())
        expected = F.cross_entropy(model(batch(rows)["input"]), batch(rows)["target"])
        torch.testing.assert_close(rule.step(batch(rows))["loss"], expected.detach())


class Carrying:
    """A recurrent task in small: the carry counts the batches, and the third one's loss is NaN."""

    def __init__(self) -> None:
        self.carried: list[Any] = []

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        self.carried.append(carry)
        factor = float("nan") if len(self.carried) == 3 else 1.0
        return Loss(model(batch["input"]).square().sum() * factor, float(len(batch)), (carry or 0) + 1)


def test_a_step_that_fails_changes_nothing() -> None:
    task = Carrying()
    rule = rule_of(net(), task)  # type: ignore[arg-type]
    rule.step(batch(5))
    rule.step(batch(5))
    before: Tensor = rule.update.flat.values.clone()
    with pytest.raises(NonFinite, match=r"step 2: loss nan, gradient norm nan, at learning rate 0\.1"):
        rule.step(batch(5))
    assert torch.equal(rule.update.flat.values, before)
    assert rule.update.steps == 2
    rule.step(batch(5))
    assert task.carried == [None, 1, 2, 2]  # the failed step's carry was not kept


@pytest.mark.parametrize("section", [{}, {"ema": 0.9, "schedule": {"name": "plateau"}}])
def test_resumed_it_goes_on_to_the_same_bytes(section: dict[str, Any]) -> None:
    task = build_task({"name": "classify"}, SPEC)
    optimizer = {"name": "adam", "learning_rate": 0.01}
    one = rule_of(net(), task, optimizer=optimizer, **section)
    for step in range(4):
        one.step(batch(6, step))
        one.observe(0.5)
    state = {name: tensor.clone() for name, tensor in one.model.state_dict().items()}
    other = rule_of(net(), task, optimizer=optimizer, **section)
    other.model.load_state_dict(state)
    other.load_state_dict(one.state_dict())
    for rule in (one, other):
        for step in range(4, 8):
            rule.step(batch(6, step))
    assert torch.equal(one.update.flat.values, other.update.flat.values)
    with one.averaged(), other.averaged():
        assert torch.equal(one.update.flat.values, other.update.flat.values)
