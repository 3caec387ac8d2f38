"""Folds that learn in one pass: the same folders and predictions, resumed to the same bytes; the reason is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars
import pytest

import pellucid
from pellucid import experiment, stacking
from pellucid.stacking import carrying
from pellucid.stacking.measuring import Measured
from tests.validation.test_crossval import bytes_of, crossval

SETTINGS = {"train.epochs": 3, "model.dropout": 0.2, "evaluate.baselines": False}


def it_pays(group: stacking.Group, execution: Any) -> Measured:
    return Measured(True, "It is a test.") if len(group.members) > 1 else Measured(False, group.reason)


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "pays", it_pays)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> pellucid.CrossValidation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carrying, "pays", it_pays)
        return crossval(tmp_path_factory.mktemp("together") / "out", settings=SETTINGS)


def test_both_ways_predict_alike(together: pellucid.CrossValidation, tmp_path: Path) -> None:
    alone = crossval(tmp_path / "alone", settings=SETTINGS, stack=False)
    assert together.result["stacking"] == [
        {"folds": ["fold-1", "fold-2", "fold-3"], "stacked": True, "reason": "It is a test."}
    ]
    assert [each["stacked"] for each in alone.result["stacking"]] == [False] * 3
    one, other = (polars.read_csv(each.predictions) for each in (together, alone))
    assert one["row"].to_list() == other["row"].to_list()
    assert (one["prediction"] == other["prediction"]).mean() >= 0.99
    for name in ("fold-1", "fold-2", "fold-3"):
        lines = [
            [json.loads(line) for line in (each.folder / name / "metrics.jsonl").read_text().splitlines()]
            for each in (together, alone)
        ]
        losses = [[line["loss"] for line in each if line["kind"] == "train"] for each in lines]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)
        assert [set(line) for line in lines[0]] == [set(line) for line in lines[1]]


def test_a_folds_folder_is_as_if_it_had_been_alone(together: pellucid.CrossValidation, tmp_path: Path) -> None:
    alone = crossval(tmp_path / "alone", settings=SETTINGS, stack=False, artefacts=True)
    names = {path.relative_to(together.folder).as_posix() for path in together.folder.rglob("*") if path.is_file()}
    others = {path.relative_to(alone.folder).as_posix() for path in alone.folder.rglob("*") if path.is_file()}
    slim = {name for name in others if "/artefact/" not in name and "/checkpoints/" not in name}
    assert {name for name in slim if "journal" not in name and ".lock" not in name} <= names


def test_killed_in_the_pass_or_after_it_the_bytes_are_the_same(
    together: pellucid.CrossValidation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopt, calls = experiment.adopt, []

    def dies(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise MemoryError("killed")
        return adopt(*arguments)

    monkeypatch.setattr(experiment, "adopt", dies)
    with pytest.raises(MemoryError):
        crossval(tmp_path / "out", settings=SETTINGS)
    assert (tmp_path / "out/pass-1/checkpoints").exists()
    monkeypatch.setattr(carrying, "pays", lambda group, execution: Measured(False, "Decided anew."))
    found = crossval(tmp_path / "out", settings=SETTINGS)  # goes on as it was decided
    assert bytes_of(found.folder) == bytes_of(together.folder)
    assert not (tmp_path / "out/pass-1").exists()


def test_large_nets_are_not_assembled_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "LARGEST", 1000)
    monkeypatch.setattr(stacking.groups, "LARGEST", 1000)
    found = crossval(tmp_path / "out", settings={**SETTINGS, "train.epochs": 1})
    assert {each["stacked"] for each in found.result["stacking"]} == {False}
    assert "fills the processor by itself" in found.result["stacking"][0]["reason"]
