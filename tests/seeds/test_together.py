"""Seeds in one pass: the runs of one by one but for rounding, as resumable, and more seeds may follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pellucid
from pellucid import experiment, rundir
from pellucid.cli.app import main
from pellucid.errors import PellucidError, RunError
from pellucid.stacking import Group, carrying
from pellucid.stacking.measuring import Measured

SETTINGS = {
    "train.epochs": 3,
    "model.dropout": 0,
    "evaluate.baselines": False,
    "execution.threads": 1,
    "execution.variant": "eager",
}


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """It pays."""
    monkeypatch.setattr(carrying, "pays", lambda group, execution: Measured(len(group.members) > 1, "It is a test."))


def train(out: Path, seeds: int = 3, **more: Any) -> pellucid.Runs:
    settings = SETTINGS | more.pop("settings", {})
    return pellucid.train("diabetes-mlp", settings, seeds=seeds, out=out, report=False, quiet=True, **more)


def losses(runs: pellucid.Runs) -> list[float]:
    return [each["metrics"]["rmse"] for each in runs.result["seeds"]]


def test_each_ends_where_it_would_have_ended_alone(tmp_path: Path) -> None:
    together, alone = train(tmp_path / "together", stack=True), train(tmp_path / "alone")
    (group,) = rundir.read_json(tmp_path / "together/stacking.json")["groups"]
    assert group["stacked"]
    assert group["names"] == ["seed-0", "seed-1", "seed-2"]
    assert losses(together) == pytest.approx(losses(alone), rel=1e-4)
    assert len(set(losses(together))) == 3
    assert {path.name for path in (tmp_path / "together/seed-1").iterdir()} >= {"artefact", "split.json", "results"}
    assert pellucid.predict(tmp_path / "together/seed-1")
    assert not (tmp_path / "together/pass-1").exists()


def test_killed_it_goes_on_and_more_may_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(tmp_path / "whole", stack=True)
    adopt, calls = experiment.adopt, []

    def dies(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise MemoryError("killed")
        return adopt(*arguments)

    monkeypatch.setattr(experiment, "adopt", dies)
    with pytest.raises(MemoryError):
        train(tmp_path / "out", stack=True)
    with pytest.raises(RunError, match="in one pass, which needs all of them"):
        train(tmp_path / "out", seeds=2)
    found = train(tmp_path / "out")  # as it began, asked or not
    assert losses(found) == losses(whole)
    before = (tmp_path / "out/seed-0/results/validation.json").stat().st_mtime_ns
    more = train(tmp_path / "out", seeds=4)
    assert losses(more)[:3] == losses(whole)
    assert (tmp_path / "out/seed-0/results/validation.json").stat().st_mtime_ns == before


def test_what_was_begun_alone_ends_alone(tmp_path: Path) -> None:
    train(tmp_path / "out", seeds=2)
    train(tmp_path / "out", seeds=4, stack=True)
    groups = rundir.read_json(tmp_path / "out/stacking.json")["groups"]
    assert [(each["names"], each["stacked"]) for each in groups] == [
        (["seed-0"], False),
        (["seed-1"], False),
        (["seed-2", "seed-3"], True),
    ]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    train(tmp_path / "out", seeds=2, stack=True)
    with rundir.hold(tmp_path / "out"), pytest.raises(RunError, match="is being written by process"):
        train(tmp_path / "out", seeds=3, stack=True)


def test_it_is_kept_whether_they_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nets with dropout each part of an uneven batch begins with the draws of its step: the pass must know."""
    seen: list[Group] = []
    fit = carrying.fit

    def noted(group: Group, *arguments: Any, **more: Any) -> Any:
        seen.append(group)
        return fit(group, *arguments, **more)

    monkeypatch.setattr(carrying, "fit", noted)
    settings = {**SETTINGS, "model.dropout": 0.2, "train.epochs": 1}
    pellucid.crossval("diabetes-mlp", settings, folds=2, out=tmp_path / "out", report=False, quiet=True)
    (group,) = seen
    assert group.draws
    assert rundir.read_json(tmp_path / "out/stacking.json")["groups"][0]["draws"]


def test_one_run_has_none_to_learn_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PellucidError, match="stack goes with seeds"):
        pellucid.train("diabetes-mlp", out=tmp_path / "out", stack=True)
    with pytest.raises(SystemExit) as end:
        main(["train", "diabetes-mlp", "--stack"])
    assert end.value.code == 2
    assert "--stack goes with --seeds" in capsys.readouterr().err


def test_an_interval_over_seeds_holds_nothing_that_cannot_be(tmp_path: Path) -> None:
    told = pellucid.train("digits-mlp", SETTINGS, seeds=2, out=tmp_path / "out", report=False, quiet=True).result
    assert told["metrics"]["auc"]["high"] == 1  # Student's t of two has 12.7 deviations
    assert all(0 <= score["low"] <= score["value"] <= score["high"] for score in told["metrics"].values())
