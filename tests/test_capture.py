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


class Clock:
    """Something outside a model that goes on."""

    calls = 0


class Moody(nn.Module):
    """Its Python decides at each call, by what no module holds."""

    def __init__(self, change_at: int) -> None:
        super().__init__()
        self.linear, self.clock, self.change_at = nn.Linear(8, 3), Clock(), change_at

    def forward(self, x: Tensor) -> Tensor:
        self.clock.calls += 1
        return self.linear(x) * (2.0 if self.clock.calls >= self.change_at else 1.0)


class Curious(nn.Module):
    """It looks at a value."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) if x.sum() > 0 else -self.linear(x)


class Chunks(nn.Module):
    """Its parameters are used in pieces, seen as others, and have names that a program may want."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.kernel = nn.Parameter(torch.randn(2, 8, 3)), nn.Parameter(torch.randn(36))
        self.scale = nn.Parameter(torch.tensor(1.5))
        for name in ("v1", "step", "lambda", "gradient_of_scale"):
            self.register_parameter(name, nn.Parameter(torch.randn(3)))
        self.layer = nn.ModuleDict({"1": nn.Linear(8, 3)})
        self.layer_1 = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        one, other = self.pair.unbind(0)
        (again,) = x.unsqueeze(1).unbind(1)
        image = x.view(-1, 1, 2, 4)
        folded = torch.conv2d(image, self.kernel.view(4, 1, 3, 3), padding=1).flatten(1)[:, :3]
        named = sum(self.get_parameter(name) for name in ("v1", "step", "lambda", "gradient_of_scale"))
        return self.scale * (x @ one + again @ other) + folded + named + self.layer["1"](x) * self.layer_1(x)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attend, self.output = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        places = x.view(-1, 2, 4)
        return self.output(self.attend(places.flip(1), places, places)[0].flatten(1))


class Picks(nn.Module):
    """It takes columns by their numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.order = nn.Linear(8, 3), torch.tensor([7, 6, 5, 4, 3, 2, 1, 0])

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x[:, self.order])


MODELS: dict[str, Any] = {
    "pieces and names": Chunks,
    "attention of others": Attention,
    "columns by number": Picks,
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
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
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
    assert "other bytes" in gradient.reason
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

    with pytest.raises(PellucidError, match=r"(?s)other bytes.*do not resume.*execution\.variant=eager"):
        steps()


@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook"])
def test_hooks_see_the_layers(kind: str) -> None:
    model = MODELS["batch norm"]()
    gradient = Gradient(model, TASK, FlatParameters(model), CAPTURED)
    for step in range(4):
        gradient.fill(batch(step))
    seen: list[Any] = []
    with getattr(model[1], kind)(lambda *given: seen.append(given)):
        gradient.fill(batch(5))
    gradient.fill(batch(6))
    assert len(seen) == 1


def test_a_change_of_mode_is_another_program() -> None:
    model = MODELS["dropout, layer norm"]()
    flat = FlatParameters(model)
    gradient = Gradient(model, TASK, flat, CAPTURED)
    for step in range(4):
        gradient.fill(batch(step))
    model.eval()
    losses = {float(gradient.fill(batch(0))[0]) for _ in range(5)}
    assert losses == {float(Gradient(model, TASK, flat, EAGER).fill(batch(0))[0])}


class Averages(nn.Module):
    """It puts a new tensor in a buffer's place."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x: Tensor) -> Tensor:
        self.mean = (0.9 * self.mean + 0.1 * x.mean(0)).detach()
        return self.linear(x)


class Counts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.calls = nn.Linear(8, 3), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.linear(x)


class Collects(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(1.0)
        return self.linear(x)


class Overwrites(Counts):
    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.mul_(0.5).add_(1))


class Hooked(Counts):
    def __init__(self) -> None:
        super().__init__()
        self.linear.weight.register_hook(lambda gradient: 0 * gradient)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (Averages, "other tensors in its buffers' places"),
        (Counts, "Counts.calls changes from step to step"),
        (Collects, "it collects something"),
        (Overwrites, "it writes into its input"),
        (Hooked, "have hooks"),
    ],
)
def test_what_a_recording_would_not_do_again_is_not_recorded(made: type[nn.Module], reason: str) -> None:
    ends = []
    for execution in (EAGER, CAPTURED):
        torch.manual_seed(0)
        model = made()
        flat = FlatParameters(model)
        gradient = Gradient(model, TASK, flat, execution)
        for step in range(8):
            gradient.fill(batch(step))
            flat.values.sub_(0.1 * flat.gradient)
        ends.append([flat.values.clone(), *(buffer.clone() for buffer in model.buffers())])
    assert not gradient.captured
    assert reason in gradient.reason
    assert all(map(torch.equal, *ends))


def test_a_rehearsal_leaves_attributes_and_inputs_alone() -> None:
    for made in (Averages, Counts, Overwrites):
        model, given = made(), batch(0)
        before = model.state_dict(), given["input"].clone()
        kept = {name: tensor.clone() for name, tensor in before[0].items()}
        gradient = Gradient(model, TASK, FlatParameters(model), EAGER)
        with gradient.rehearsal(given):
            gradient.fill(given)
        assert getattr(model, "calls", 0) == 0
        assert torch.equal(given["input"], before[1])
        assert all(torch.equal(tensor, kept[name]) for name, tensor in model.state_dict().items())


def test_a_rehearsal_leaves_no_trace() -> None:
    model = MODELS["batch norm"]()
    gradient = Gradient(model, TASK, FlatParameters(model), EAGER)
    before = [buffer.clone() for buffer in model.buffers()]
    state = torch.get_rng_state()
    with gradient.rehearsal(batch(0)):
        gradient.fill(batch(0))
        torch.rand(3)
    assert all(map(torch.equal, before, model.buffers()))
    assert torch.equal(state, torch.get_rng_state())


def test_a_product_is_copied_to_where_it_would_round_differently() -> None:
    model = nn.Sequential(nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3))  # the second weight begins at byte 160
    source = Gradient(model, TASK, FlatParameters(model), CAPTURED).source(batch(0))
    assert "out=gradient_of_0_weight" in source
    assert "gradient_of_2_weight.copy_(" in source
