"""A run that moves: another device, another machine, a torn or missing journal of looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pellucid import evaluate, resume, rundir, train
from tests.training.runs import QUICK, outcome

SETTINGS = {**QUICK, "train.epochs": 2}


@pytest.fixture
def run() -> Path:
    return train("digits-mlp", SETTINGS, out="run", report=False, quiet=True).folder


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_run_of_an_absent_device_is_judged_and_resumed_here(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = json.loads((run / "results/validation.json").read_text())["metrics"]
    absent = "mps"  # no machine that runs these tests on a CPU has one
    change(run / "execution.json", device=absent)
    assert evaluate(run)["metrics"] == before
    assert "The run began on mps; here it goes on on" in capsys.readouterr().err
    resume(run, report=False, quiet=True)
    assert '"event": "device", "began": "mps"' in (run / "journal.jsonl").read_text()


def test_another_machine_is_said_to_round_differently(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = outcome(run)
    change(run / "environment.json", processor="another one")
    resume(run, report=False)
    assert "its bytes may differ from an unbroken one's: processor was another one and is" in capsys.readouterr().err
    assert outcome(run) == whole


def test_looks_are_not_forgotten_with_their_journal(run: Path) -> None:
    assert [evaluate(run, "test")["looks"] for _ in range(2)] == [1, 2]
    (run / "looks.jsonl").unlink()
    assert evaluate(run)["looks"] == 2


def test_a_torn_line_does_not_spoil_the_next(run: Path) -> None:
    evaluate(run, "test")
    with (run / "looks.jsonl").open("a") as file:
        file.write('{"when": "2026-')
    assert evaluate(run, "test")["looks"] == 2
    assert [line["split"] for line in rundir.read_lines(run / "looks.jsonl")] == ["test", "test"]


def test_gradient_norms_are_told_as_they_were_before_clipping() -> None:
    """The layers' norms belong to the whole gradient's, whether it was clipped afterwards or not."""
    settings = {**QUICK, "rule.clip": 1e-3, "train.log_every": 1, "train.steps": 3}
    folder = train("digits-mlp", settings, out="clipped", report=False, quiet=True).folder
    for line in rundir.read_lines(folder / "metrics.jsonl"):
        if line["kind"] == "train":
            assert sum(norm**2 for norm in line["gradient_norms"]) ** 0.5 == pytest.approx(
                line["gradient_norm"], rel=1e-3
            )
            assert line["gradient_norm"] > 0.1
