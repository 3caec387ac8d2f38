"""What the recipe leaves open is measured, recorded, replayed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid import experiment, verbs
from pellucid.execution import Execution
from pellucid.experiment import Given
from pellucid.training import tuning
from pellucid.training.tuning import Tuned
from tests.training.runs import dying, outcome

QUIET = Given(report=False, quiet=True)
SMALL: dict[str, Any] = {"evaluate.baselines": False, "train.epochs": 3, "train.checkpoint_every": 10}


pytestmark = pytest.mark.usefixtures("two_threads")


def pretend(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """Let a gradient take this long, by variant and threads: `captured_1=0.5`."""

    monkeypatch.setattr(tuning, "LONGEST", 0.0)
    monkeypatch.setattr(tuning, "FEWEST_TO_RECORD", 0)

    def measured(execution: Execution, *given: Any) -> float:
        return seconds[f"{execution.variant}_{execution.threads}"]

    monkeypatch.setattr(tuning, "_seconds", measured)


def decided(run: Path) -> tuple[str, int]:
    execution = json.loads((run / "execution.json").read_text())
    return execution["variant"], execution["threads"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({"eager_1": 4e-4, "captured_1": 2e-4, "eager_2": 5e-4, "captured_2": 3e-4}, ("captured", 1)),
        ({"eager_1": 4e-3, "captured_1": 3.9e-3, "eager_2": 2e-3, "captured_2": 1.9e-3}, ("eager", 2)),
        ({"eager_1": 4e-3, "captured_1": 3e-3, "eager_2": 2e-3, "captured_2": 1.5e-3}, ("captured", 2)),
        ({"eager_1": 1e-3, "captured_1": 1e-3, "eager_2": 9e-4, "captured_2": 9e-4}, ("eager", 1)),
        ({"eager_1": 9.0, "captured_1": 1.0, "eager_2": 5.0, "captured_2": 1.0}, ("eager", 2)),  # large
        ({"eager_1": 1e-3, "captured_1": 5e-4, "eager_2": 9.0, "captured_2": 9.0}, ("captured", 1)),  # a neighbour
    ],
)
def test_the_simplest_that_is_not_slower(
    seconds: dict[str, float], expected: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, **seconds)
    run = experiment.train(verbs.recipe_of("digits-mlp", {**SMALL, "train.epochs": 1}), Path("run"), QUIET)
    assert decided(run) == expected


def test_what_one_thread_takes_is_told_to_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, eager_1=4e-3, captured_1=3e-3, eager_2=2e-3, captured_2=1.5e-3)
    told = []

    class Watch(experiment.ThreadWatch):
        def __init__(self, watched: bool, alone: float | None = None) -> None:
            told.append((watched, alone))
            super().__init__(watched, alone)

    monkeypatch.setattr(experiment, "ThreadWatch", Watch)
    for threads in (None, 2):
        settings = {**SMALL, "train.epochs": 1, "execution.threads": threads}
        experiment.train(verbs.recipe_of("digits-mlp", settings), Path(f"run-{threads}"), QUIET)
    assert told == [(True, 3e-3), (False, None)]


def test_what_the_recipe_says_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    settings = {**SMALL, "execution.threads": 1, "execution.variant": "eager"}
    run = experiment.train(verbs.recipe_of("digits-mlp", settings), Path("run"), QUIET)
    assert decided(run) == ("eager", 1)


def test_a_resumed_run_keeps_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = verbs.recipe_of("digits-mlp", {**SMALL, "model.dropout": 0.2, "execution.threads": 1})
    fast = {"eager_1": 4e-4, "captured_1": 2e-4}
    pretend(monkeypatch, **fast)
    whole = experiment.train(recipe, Path("whole"), QUIET)
    with dying(37):
        experiment.train(recipe, Path("killed"), QUIET)
    pretend(monkeypatch)  # nothing may be measured again
    experiment.resume(Path("killed"), QUIET)
    assert decided(Path("killed")) == ("captured", 1)
    assert outcome(Path("killed")) == outcome(whole)


def test_measuring_changes_nothing() -> None:
    settings = {**SMALL, "model.dropout": 0.2, "execution.threads": 1}
    measured = experiment.train(verbs.recipe_of("digits-mlp", settings), Path("measured"), QUIET)
    said = verbs.recipe_of("digits-mlp", {**settings, "execution.variant": "eager"})
    plain = experiment.train(said, Path("plain"), QUIET)
    (one, lines), (other, other_lines) = outcome(measured), outcome(plain)
    assert one["model.safetensors"] == other["model.safetensors"]
    assert lines == other_lines


def test_the_line_says_what_it_brings_and_costs() -> None:
    eager = Execution("cpu", "fp32", 2, "contiguous", "eager")
    captured = replace(eager, threads=1, variant="captured")
    tuned = Tuned(captured, {replace(eager, threads=1): 3e-4, captured: 1e-4, eager: 4e-4}, spent=0.3)
    assert str(tuned) == "captured step, 1 thread: 4.0x as fast as eager step, 2 threads, pays after 1,000 steps"
    assert str(Tuned(eager, {eager: 4e-4, captured: 5e-4}, 0.3)) == "eager step, 2 threads, measured in 0.30 s"


@pytest.mark.parametrize("recipe", ["digits-mlp", "digits"])
def test_all_variants_give_the_same_losses(recipe: str) -> None:
    losses = {}
    for variant in ("eager", "captured"):
        for threads in (1, 2):
            settings = {**SMALL, "train.epochs": 2, "execution.variant": variant, "execution.threads": threads}
            run = experiment.train(verbs.recipe_of(recipe, settings), Path(f"{variant}-{threads}"), QUIET)
            lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
            losses[variant, threads] = [line["loss"] for line in lines if line["kind"] == "train"]
    assert len(losses["eager", 1]) > 5
    assert losses["captured", 1] == losses["eager", 1]  # to the byte
    assert losses["captured", 2] == losses["eager", 2]
    assert losses["eager", 2] == pytest.approx(losses["eager", 1], rel=1e-3)


def test_short_runs_are_not_measured_for_longer_than_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(tuning, "_seconds", lambda execution, *given: asked.append(execution) or 0.01)
    for steps, gradients in ((19, 0), (199, 4)):
        asked.clear()
        settings = {**SMALL, "train.epochs": None, "train.steps": steps}
        experiment.train(verbs.recipe_of("digits-mlp", settings), Path(f"run-{steps}"), QUIET)
        assert len(asked) == gradients


def test_gradients_in_parts_are_measured_by_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    fill = tuning.Gradient.fill

    def watched(self: tuning.Gradient, batch: Any, carry: Any = None) -> Any:
        rows.append(len(batch))
        return fill(self, batch, carry)

    monkeypatch.setattr(tuning.Gradient, "fill", watched)
    settings = {**SMALL, "rule.accumulate": 8, "train.batch_size": 64, "execution.variant": "captured"}
    run = experiment.train(verbs.recipe_of("digits-mlp", settings), Path("run"), QUIET)
    assert decided(run)[0] == "eager"
    assert max(rows) == 8
    assert "its gradient is added up in parts" in (run / "journal.jsonl").read_text()


def test_a_model_that_cannot_be_recorded_is_said_to_be_eager() -> None:
    class Looks(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(x) if x.sum() > 0 else -self.linear(x)

    draw = torch.Generator().manual_seed(0)
    X = torch.randn(200, 4, generator=draw)
    settings = {"execution.variant": "captured", "evaluate.baselines": False}
    run = verbs.fit(X, (X[:, 0] > 0).long(), model=Looks(), epochs=2, settings=settings, out="run", report=False)
    assert decided(run.folder)[0] == "eager"
    assert "not recorded: the model looks at a tensor's values" in (run.folder / "journal.jsonl").read_text()


@pytest.mark.parametrize("variant", ["auto", "captured"])
def test_what_was_measured_on_one_batch_is_compared_anew_on_those_of_the_run(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ranks(torch.nn.Module):
        """NumPy computes a part of it, which no recording sees."""

        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(x) * torch.from_numpy(x.detach().numpy().argsort(axis=0)[:, :1] + 1.0).float()

    if variant == "auto":
        pretend(monkeypatch, eager_1=4e-4, captured_1=1e-4)
    X = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    ends = []
    for name in (variant, "eager"):
        torch.manual_seed(0)
        settings = {"execution.variant": name, "execution.threads": 1, "evaluate.baselines": False}
        run = verbs.fit(X, (X[:, 0] > 0).long(), model=Ranks(), epochs=4, settings=settings, out=name, report=False)
        ends.append((run.folder / "artefact/model.safetensors").read_bytes())
    assert ends[0] == ends[1]
