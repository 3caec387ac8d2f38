"""The loop: what it logs, keeps and stops for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pellucid import rundir, train
from pellucid.recipe import TrainSection
from pellucid.training.interrupt import Interrupted
from pellucid.training.plan import plan
from tests.training.runs import QUICK, outcome


def run(settings: dict[str, Any], recipe: str = "digits-mlp", out: str = "run") -> Path:
    return train(recipe, {**QUICK, **settings}, out=out, report=False, quiet=True).folder


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [line for line in rundir.read_lines(folder / "metrics.jsonl") if line["kind"] == kind]


def test_one_seed_one_outcome() -> None:
    settings = {"train.epochs": 2, "model.dropout": 0.2}
    first, second, other = (run(settings | {"seed": seed}, out=out) for seed, out in ((3, "a"), (3, "b"), (4, "c")))
    assert outcome(first) == outcome(second)
    assert outcome(first)[0] != outcome(other)[0]


def test_looking_more_often_changes_nothing() -> None:
    """Validation draws nothing and leaves every mode as it was: the weights are the same however often it happens."""
    settings = {"train.epochs": 2, "model.dropout": 0.2, "model.norm": "batch", "train.keep": "last"}
    often, seldom = (
        run(settings | {"train.evaluate_every": 1}, out="a"),
        run(settings | {"train.evaluate_every": 40}, out="b"),
    )
    assert outcome(often)[0] == outcome(seldom)[0]


def test_the_best_weights_are_kept() -> None:
    folder = run({"train.epochs": 6, "rule.optimizer.learning_rate": 0.02})
    seen = lines(folder, "validation")
    ranks = [(line["metrics"]["accuracy"], -line["metrics"]["log_loss"]) for line in seen]
    best = seen[ranks.index(max(ranks))]
    result = rundir.read_json(folder / "results/validation.json")
    assert result["best_step"] == best["step"]
    assert result["metrics"]["accuracy"]["value"] == best["metrics"]["accuracy"]
    assert [line["best"] for line in seen] == [rank > max(ranks[:i], default=(-1,)) for i, rank in enumerate(ranks)]


def test_early_stopping_counts_validations_without_a_better_one() -> None:
    folder = run({"train.epochs": 50, "train.patience": 2, "rule.optimizer.learning_rate": 0.05})
    best = [line["best"] for line in lines(folder, "validation")]
    assert len(best) < 50
    assert best[-3:] == [True, False, False]
    assert rundir.read_json(folder / "results/training.json")["stopped_early"]


def test_the_logged_loss_is_the_mean_since_the_last_line() -> None:
    every, fifth = (
        run({"train.epochs": 1, "train.log_every": 1}, out="a"),
        run({"train.epochs": 1, "train.log_every": 5}, out="b"),
    )
    losses = [line["loss"] for line in lines(every, "train")]
    means = [sum(losses[start : start + 5]) / 5 for start in range(0, 20, 5)]
    assert [line["loss"] for line in lines(fifth, "train")] == pytest.approx(means, rel=1e-6)


def test_instruments_say_what_a_hand_would_measure() -> None:
    """Plain SGD: an update is the gradient times the rate, so ratio = rate * gradient norm / weight norm."""
    optimizer = {"rule.optimizer.name": "sgd", "rule.optimizer.learning_rate": 0.1, "rule.optimizer.momentum": 0.0}
    folder = run({**optimizer, "train.steps": 1, "train.log_every": 1})
    line = lines(folder, "train")[0]
    names = rundir.read_json(folder / "layers.json")["parameter_names"]
    weights = load_file(folder / "artefact/model.safetensors")
    assert sorted(names) == sorted(weights)
    for name, gradient, ratio in zip(names, line["gradient_norms"], line["update_ratios"], strict=True):
        size = float(weights[name].norm())  # after one small step, so nearly the norm before it
        assert ratio == pytest.approx(0.1 * gradient / size, rel=0.05), name
    total = sum(norm**2 for norm in line["gradient_norms"]) ** 0.5
    assert total == pytest.approx(line["gradient_norm"], rel=1e-4)


def test_nothing_is_validated_when_nothing_is_held_out() -> None:
    folder = run({"train.epochs": 1, "split.validation": 0.0})
    assert lines(folder, "validation") == []
    assert rundir.read_json(folder / "results/validation.json")["metrics"] == {}
    assert (folder / "artefact/model.safetensors").exists()


def test_own_weights_of_a_moving_average_are_kept() -> None:
    averaged = run({"train.epochs": 1, "rule.ema": 0.99, "train.keep": "last"}, out="a")
    plain = run({"train.epochs": 1, "train.keep": "last"}, out="b")
    kept, last = (load_file(path / "artefact/model.safetensors") for path in (averaged, plain))
    assert any(not torch.equal(kept[name], last[name]) for name in kept)
    newest = max((averaged / "checkpoints").glob("step-*.safetensors"))
    running = load_file(newest)
    for name, weight in last.items():  # the average is kept aside: training itself went on as without it
        assert torch.equal(running[f"model/{name}"], weight)


def test_interrupt_saves_and_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.sources.shuffled import Shuffled

    whole = run({"train.epochs": 2}, out="whole")
    give = Shuffled.next

    def press(self: Shuffled, policy: Any = None) -> Any:
        if self._step == 11:
            os.kill(os.getpid(), signal.SIGINT)
        return give(self, policy)

    with monkeypatch.context() as patch:
        patch.setattr(Shuffled, "next", press)
        with pytest.raises(Interrupted, match=r"the run is saved. Go on with: pellucid train --resume stopped"):
            run({"train.epochs": 2}, out="stopped")
    assert max(Path("stopped/checkpoints").glob("*.json")).name == "step-000000012.json"
    done = subprocess.run(
        [sys.executable, "-m", "pellucid", "train", "--resume", "stopped", "--json", "--no-report"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1])["split"] == "validation"
    assert outcome(Path("stopped")) == outcome(whole)


@pytest.mark.parametrize(
    ("section", "steps_per_epoch", "expected"),
    [
        (TrainSection(epochs=3), 20, (60, 20, 3)),
        (TrainSection(steps=1000), 1, (1000, 10, 50)),
        (TrainSection(steps=100), None, (100, 5, 5)),
        (TrainSection(epochs=1, evaluate_every=7, log_every=3), 20, (20, 7, 3)),
    ],
)
def test_plan(section: TrainSection, steps_per_epoch: int | None, expected: tuple[int, int, int]) -> None:
    made = plan(section, steps_per_epoch)
    assert (made.total_steps, made.evaluate_every, made.log_every) == expected


def test_epochs_need_epochs() -> None:
    with pytest.raises(ValueError, match=r"this source has no epochs. Give train.steps"):
        plan(TrainSection(epochs=1), None)
