"""Exact resume: a run that was stopped anywhere ends with the bytes of the run that was not."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pellucid import experiment, verbs
from pellucid.errors import RunError
from pellucid.experiment import Given
from tests.training.runs import FAMILIES, QUICK, outcome

QUIET = Given(report=False, quiet=True)


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


def train(family: str, out: str, extra: dict[str, Any] | None = None) -> Path:
    name, settings = FAMILIES[family]
    recipe = verbs.recipe_of(name, {**QUICK, **settings, **(extra or {})})
    return experiment.train(recipe, Path(out), QUIET)


@pytest.mark.parametrize("family", FAMILIES)
def test_stopped_at_random_steps_ends_with_the_same_bytes(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run dies inside the step three times, once before the first checkpoint, and goes on each time."""
    whole = train(family, "whole")
    total = outcome(whole)[1][-1]["step"]
    chance = random.Random(family)
    deaths = [2, *sorted(chance.sample(range(3, total), 2))]

    from pellucid.sources.shuffled import Shuffled

    give = Shuffled.next

    def die_sometimes(self: Shuffled, policy: Any = None) -> Any:
        if deaths and self._step + 1 == deaths[0]:
            deaths.pop(0)
            raise Killed
        return give(self, policy)

    monkeypatch.setattr(Shuffled, "next", die_sometimes)
    with pytest.raises(Killed):
        train(family, "killed")
    while deaths:
        with pytest.raises(Killed):
            experiment.resume(Path("killed"), QUIET)
    experiment.resume(Path("killed"), QUIET)
    assert outcome(Path("killed")) == outcome(whole)


@pytest.mark.parametrize(("rows", "features", "batch"), [(331, 5, 37), (200, 10, 23), (257, 13, 31)])
def test_odd_sizes_resume_exactly(rows: int, features: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products round by where their rows lie in memory: a resumed run must gather as the unbroken one did."""
    import numpy as np

    from pellucid import fit
    from pellucid.sources.shuffled import Shuffled

    X = np.random.default_rng(rows).normal(size=(rows, features)).astype(np.float32)
    y = X[:, 0] + X[:, 1] > 0
    settings = {
        **QUICK,
        "train.batch_size": batch,
        "model.hidden": [8],
        "train.keep": "last",
        "train.checkpoint_every": 1,
    }
    whole = fit(X, y, epochs=4, settings=settings, out="whole", report=False, quiet=True)
    give, deaths = Shuffled.next, [3, 6, 9]

    def die_sometimes(self: Shuffled, policy: Any = None) -> Any:
        if deaths and self._step == deaths[0]:
            deaths.pop(0)
            raise Killed
        return give(self, policy)

    monkeypatch.setattr(Shuffled, "next", die_sometimes)
    with pytest.raises(Killed):
        fit(X, y, epochs=4, settings=settings, out="killed", report=False, quiet=True)
    while deaths:
        with pytest.raises(Killed):
            experiment.resume(Path("killed"), QUIET)
    experiment.resume(Path("killed"), QUIET)
    assert outcome(Path("killed")) == outcome(whole.folder)


def test_an_altered_recipe_is_refused() -> None:
    whole = train("momentum, plateau", "whole")
    recipe = whole / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("momentum = 0.9", "momentum = 0.5"))
    with pytest.raises(RunError, match=r"recipe.toml was altered since the run was made.* as a run of its own"):
        experiment.resume(whole, QUIET)


def test_killed_processes_end_with_the_same_bytes() -> None:
    """A real process, killed by the kernel at random moments, from its first imports on."""
    settings = [f"{key}={value}".lower() for key, value in QUICK.items()]
    command = [sys.executable, "-m", "pellucid", "train"]
    recipe = ["digits-mlp", *settings, "train.epochs=40", "train.checkpoint_every=50", "--no-report"]
    start = time.perf_counter()
    subprocess.run([*command, *recipe, "--out", "whole"], check=True, capture_output=True)
    length = time.perf_counter() - start
    chance = random.Random(11)
    kills = 0

    def next_command() -> list[str]:
        begun = Path("killed").exists()
        return [*command, *(["--resume", "killed", "--no-report"] if begun else [*recipe, "--out", "killed"])]

    for _ in range(6):
        process = subprocess.Popen(next_command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(chance.uniform(0.3, 1.0) * length)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills > 0
    subprocess.run(next_command(), check=True, capture_output=True)
    assert outcome(Path("killed")) == outcome(Path("whole"))


def test_a_damaged_checkpoint_is_said_and_the_end_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    family = "momentum, plateau"
    whole = train(family, "whole")
    newest = sorted((whole / "checkpoints").glob("step-*.safetensors"))[-1]
    before = outcome(whole)
    newest.write_bytes(newest.read_bytes()[:-100])
    experiment.resume(whole, Given(report=False))
    assert outcome(whole) == before
    assert "is damaged" in capsys.readouterr().err
    assert "damaged checkpoint" in (whole / "journal.jsonl").read_text()


def test_a_kill_between_a_checkpoint_and_its_tidying_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid import checkpoint

    whole = train("momentum, plateau", "whole")
    with monkeypatch.context() as during:
        during.setattr(checkpoint, "prune", lambda folder: None)
        killed = train("momentum, plateau", "killed")
    names = {path.name for path in (whole / "checkpoints").iterdir()}
    assert {path.name for path in (killed / "checkpoints").iterdir()} > names
    experiment.resume(killed, QUIET)
    assert {path.name for path in (killed / "checkpoints").iterdir()} == names


def test_a_finished_run_resumes_to_itself() -> None:
    whole = train("momentum, plateau", "whole")
    before = outcome(whole)
    experiment.resume(whole, QUIET)
    assert outcome(whole) == before


def test_other_data_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from pellucid import fit, resume

    X = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    run = fit(X, X[:, 0] > 0, epochs=1, report=False, quiet=True)
    with pytest.raises(RunError, match=r"The data is not what runs/arrays began with .* Restore the files"):
        fit(X + 1, X[:, 0] > 0, resume=run, report=False, quiet=True)
    resume(run, report=False, quiet=True)  # the arrays are small: they were kept with the run


def test_a_run_in_use_is_refused() -> None:
    from pellucid import rundir

    run = train("momentum, plateau", "whole")
    code = (
        "from pathlib import Path; from pellucid import rundir\n"
        f"with rundir.lock(Path({str(run)!r})): print('in', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(RunError, match=f"is being written by process {other.pid}"):
            experiment.resume(run, QUIET)
        other.kill()
    assert rundir.check(run) == run
    experiment.resume(run, QUIET)
