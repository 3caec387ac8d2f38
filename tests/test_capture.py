"""A recorded gradient does, to the byte, what the chain rule does; and what cannot be recorded is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pellucid import experiment, verbs
from pellucid.capture import NotCapturable
from pellucid.data.batch import Batch
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.optim.flat import FlatParameters
from pellucid.rules.gradient import Gradient
from pellucid.spec import Field, Spec
from pellucid.tasks import build as build_task
from tests.training.runs import QUICK, outcome

CAPTURED = Execution("cpu", "fp32", 1, "channels_last", "captured")
EAGER = Execution("cpu", "fp32", 1, "channels_last", "eager")
TASK = build_task({"name": "classify"}, Spec(Field("numbers", (8,)), Field("category", (), categories=("a", "b", "c"))))


class Residual(nn.Module):
    """A sum over two ways, with a weight that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(x + torch.tanh(self.inner(torch.relu_(self.inner(x)))))


class Moody(nn.Module):
    """Its Python decides at each call."""

    def __init__(self, change_at: int) -> None:
        super().__init__()
        self.linear, self.calls, self.change_at = nn.Linear(8, 3), 0, change_at

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.linear(x) * (2.0 if self.calls >= self.change_at else 1.0)


class Curious(nn.Module):
    """It looks at a value."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) if x.sum() > 0 else -self.linear(x)


MODELS: dict[str, Any] = {
    "linear": lambda: nn.Linear(8, 3),
    "without bias": lambda: nn.Sequential(nn.Linear(8, 5, bias=False), nn.Tanh(), nn.Linear(5, 3)),
    "batch norm": lambda: nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.GELU(), nn.Linear(6, 3)),
    "dropout, layer norm": lambda: nn.Sequential(nn.LayerNorm(8), nn.Dropout(0.4), nn.Linear(8, 3)),
    "residual, shared": Residual,
    "convolution": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 2, 4)), nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    ),
    "attention": lambda: nn.Sequential(
        nn.Unflatten(1, (2, 4)), nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), nn.Flatten(), nn.Linear(8, 3)
    ),
}


def batch(seed: int, rows: int = 7) -> Batch:
    chance = torch.Generator().manual_seed(seed)
    columns = {
        "input": torch.randn(rows, 8, generator=chance),
        "target": torch.randint(3, (rows,), generator=chance),
    }
    return Batch(columns, torch.arange(rows))


def trained(model: nn.Module, execution: Execution, steps: int = 6) -> list[Tensor]:
    """Losses, gradients and buffers of some plain steps, on batches of two sizes."""
    flat = FlatParameters(model)
    gradient = Gradient(model, TASK, flat, execution)
    seen = []
    for step in range(steps):
        torch.manual_seed(step)
        loss, _ = gradient.fill(batch(step, rows=7 - step % 2))
        flat.values.sub_(0.1 * flat.gradient)
        seen += [loss.clone(), flat.gradient.clone(), *(buffer.clone() for buffer in model.buffers())]
    assert gradient.captured == (execution.variant == "captured"), gradient.reason
    return seen


@pytest.mark.parametrize("name", MODELS)
def test_the_recording_computes_the_same_bytes(name: str) -> None:
    results = []
    for execution in (EAGER, CAPTURED):
        torch.manual_seed(0)
        model = MODELS[name]()
        execution.place(model)
        results.append(trained(model, execution))
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_runs_end_with_the_same_bytes() -> None:
    settings = {**QUICK, "model.dropout": 0.3, "train.epochs": 3, "rule.clip": 1.0, "train.batch_size": 50}
    runs = []
    for variant in ("eager", "captured"):
        recipe = verbs.recipe_of("digits-mlp", {**settings, "execution.variant": variant})
        runs.append(experiment.train(recipe, Path(variant), experiment.Given(report=False, quiet=True)))
    (one, lines), (other, other_lines) = map(outcome, runs)
    assert one["model.safetensors"] == other["model.safetensors"]
    assert lines == other_lines


def test_a_program_reads_like_the_model() -> None:
    model = nn.Sequential(nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3))
    source = Gradient(model, TASK, FlatParameters(model), CAPTURED).source(batch(0))
    lines = [line.strip() for line in source.splitlines()]
    assert lines[:3] == [
        "def step(input, target):",
        "v0 = torch.addmm(layer0_bias, input, layer0_weight_T)",
        "v1 = torch.relu(v0)",
    ]
    assert lines[3] == "del v0"  # let go as soon as nobody needs it
    assert sum(line.endswith("_T, input, out=gradient_of_0_weight)") for line in lines) == 1
    assert not any("detach" in line or "copy_" in line for line in lines)


def test_what_looks_at_values_is_not_recorded() -> None:
    model = Curious()
    gradient = Gradient(model, TASK, FlatParameters(model), CAPTURED)
    with pytest.raises(NotCapturable, match="looks at a tensor's values"):
        gradient.source(batch(0))
    gradient.fill(batch(0))
    assert not gradient.captured
    assert "looks at a tensor's values" in gradient.reason


def test_what_decides_anew_is_noticed_before_it_is_used() -> None:
    model = Moody(change_at=3)  # recorded at the first call, computed at the second, compared at the third
    flat = FlatParameters(model)
    gradient = Gradient(model, TASK, flat, CAPTURED)
    gradient.fill(batch(0))
    gradient.fill(batch(1))
    assert not gradient.captured
    assert "decides anew" in gradient.reason
    found = flat.gradient.clone()
    FlatParameters(model)
    reference = Gradient(model, TASK, flat, EAGER)
    reference.fill(batch(1))
    assert torch.equal(found, flat.gradient)


def test_what_changes_later_is_an_error() -> None:
    model = Moody(change_at=6)
    gradient = Gradient(model, TASK, FlatParameters(model), CAPTURED)

    def steps() -> None:
        for step in range(9):
            gradient.fill(batch(step))

    with pytest.raises(PellucidError, match=r"decides anew from step to step.*execution\.variant=eager"):
        steps()


def test_hooks_see_the_layers() -> None:
    model = MODELS["batch norm"]()
    gradient = Gradient(model, TASK, FlatParameters(model), CAPTURED)
    for step in range(4):
        gradient.fill(batch(step))
    seen = []
    with model[1].register_forward_hook(lambda *given: seen.append(given)):
        gradient.fill(batch(5))
    gradient.fill(batch(6))
    assert len(seen) == 1


def test_a_rehearsal_leaves_no_trace() -> None:
    model = MODELS["batch norm"]()
    gradient = Gradient(model, TASK, FlatParameters(model), EAGER)
    before = [buffer.clone() for buffer in model.buffers()]
    state = torch.get_rng_state()
    with gradient.rehearsal():
        gradient.fill(batch(0))
        torch.rand(3)
    assert all(map(torch.equal, before, model.buffers()))
    assert torch.equal(state, torch.get_rng_state())
