"""Several threads that wait for each other are given up for one, at a checkpoint, and a resumed run does the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid import experiment, verbs
from pellucid.experiment import Given
from pellucid.training.threads import WINDOW, ThreadWatch
from tests.training.runs import dying, outcome

pytestmark = pytest.mark.usefixtures("two_threads")


class Clock:
    """Lets a watch see windows of a hundred steps each."""

    def __init__(self, watch: ThreadWatch) -> None:
        self.watch, self.step, self.seconds = watch, 0, 0.0

    def window(self, milliseconds: float) -> str:
        self.step += 100
        self.seconds += 100 * milliseconds / 1000
        return self.watch.judge(self.step, self.seconds)


def test_threads_that_wait_are_given_up() -> None:
    clock = Clock(ThreadWatch(True, alone=0.010))
    assert clock.window(6) == ""
    assert clock.window(13) == ""  # the update takes its time too
    assert "goes on with one" in clock.window(30)
    assert torch.get_num_threads() == 1
    assert clock.window(11) == ""
    assert clock.window(99) == ""  # whatever comes
    assert torch.get_num_threads() == 1


def test_one_thread_that_is_slower_still_is_given_up_again() -> None:
    clock = Clock(ThreadWatch(True, alone=0.010))
    clock.window(30)
    assert "goes on with 2" in clock.window(50)
    assert torch.get_num_threads() == 2
    assert clock.window(99) == ""


def test_without_a_measurement_the_best_window_tells() -> None:
    clock = Clock(ThreadWatch(True))
    assert clock.window(5) == ""
    assert clock.window(13) == ""
    assert "one thread should need about 10" in clock.window(25)


def test_what_the_recipe_says_stays() -> None:
    assert Clock(ThreadWatch(False, alone=0.001)).window(100) == ""
    torch.set_num_threads(1)
    assert Clock(ThreadWatch(True, alone=0.001)).window(100) == ""


def test_short_windows_are_not_judged() -> None:
    watch = ThreadWatch(True, alone=1e-6)
    assert watch.judge(10, 0.9 * WINDOW) == ""
    assert watch.judge(11, 1.1 * WINDOW) != ""


def test_what_was_decided_is_restored() -> None:
    watch = ThreadWatch(True, alone=0.010)
    Clock(watch).window(30)
    torch.set_num_threads(2)
    resumed = ThreadWatch(True)
    resumed.load_state_dict(watch.state_dict())
    assert torch.get_num_threads() == 1
    assert resumed.state_dict() == watch.state_dict()


@pytest.mark.parametrize("checkpoint_every", [None, 5])  # 5: a checkpoint is due at the very step of the change
def test_a_run_steps_down_and_a_resumed_one_too(checkpoint_every: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {
        "evaluate.baselines": False,
        "train.epochs": 3,
        "train.log_every": 5,
        "train.checkpoint_every": checkpoint_every,
        "execution.variant": "eager",
    }
    judge, begin = ThreadWatch.judge, ThreadWatch.begin

    def pretended(step: int) -> float:
        """Every step seems to take a tenth of a second, and those after the twentieth ten."""
        return 0.1 * step + 10.0 * max(0, step - 20)

    monkeypatch.setattr(ThreadWatch, "judge", lambda self, step, seconds: judge(self, step, pretended(step)))
    monkeypatch.setattr(ThreadWatch, "begin", lambda self, step, seconds: begin(self, step, pretended(step)))
    recipe = verbs.recipe_of("digits-mlp", settings)
    monkeypatch.setattr(experiment, "tune", lambda execution, *given: experiment.Tuned(execution, {}))
    whole = experiment.train(recipe, Path("whole"), Given(report=False, quiet=True))
    assert torch.get_num_threads() == 2  # the next run decides for itself
    with dying(29):
        experiment.train(recipe, Path("run"), Given(report=False, quiet=True))
    torch.set_num_threads(2)  # a process that was killed would have left none
    assert (Path("run") / "journal.jsonl").read_text().count("goes on with one") == 1
    experiment.resume(Path("run"), Given(report=False, quiet=True))
    assert (Path("run") / "journal.jsonl").read_text().count("goes on with one") == 1
    assert outcome(Path("run")) == outcome(whole)
