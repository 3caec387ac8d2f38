"""Artefacts: they predict as the trained model did, and notice every change made to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars
import pytest
from safetensors.numpy import load_file, save_file

import pellucid
from pellucid.artefacts.artefact import read
from pellucid.data import world
from pellucid.errors import ArtefactError, LeakError, RunError
from pellucid.recipe import DataSection
from tests.training.runs import QUICK


@pytest.fixture
def run() -> pellucid.Run:
    return pellucid.train("digits-mlp", {**QUICK, "train.epochs": 2}, out="run", report=False, quiet=True)


def test_predictions_are_those_that_were_judged(run: pellucid.Run) -> None:
    kept = polars.read_csv("run/predictions/validation.csv")
    images = world.read(DataSection(source="digits")).values["input"][kept["row"].to_numpy()]
    answers = pellucid.predict(run, images)
    assert [answer["prediction"] for answer in answers] == [str(value) for value in kept["prediction"].to_list()]
    for answer, share in zip(answers, kept["p_3"].to_list(), strict=True):
        assert answer["probabilities"]["3"] == pytest.approx(share, abs=1e-5)


def test_no_pickle_and_whole(run: pellucid.Run) -> None:
    names = {path.name for path in Path("run/artefact").iterdir()}
    kept = {"model.safetensors", "model.json", "preprocessing.json", "golden.safetensors", "card.md"}
    assert names == {*kept, "calibration.json"}


def alter_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def alter_scale(folder: Path) -> None:
    path = folder / "preprocessing.json"
    values = json.loads(path.read_text())
    values["steps"][0]["std"] = [2 * value for value in values["steps"][0]["std"]]
    path.write_text(json.dumps(values))


def alter_golden(folder: Path) -> None:
    golden = dict(load_file(folder / "golden.safetensors"))
    golden["input"] = np.ascontiguousarray(golden["input"][:, :, ::-1])
    save_file(golden, folder / "golden.safetensors")


def seal_again(folder: Path) -> None:
    """Write the hashes of the files as they are now, as a careful forger would."""
    described = json.loads((folder / "model.json").read_text())
    for name in described["sha256"]:
        described["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(described))


@pytest.mark.parametrize("harm", [alter_scale, alter_golden], ids=lambda harm: harm.__name__)
def test_golden_outputs_catch_what_hashes_do_not(harm: Callable[[Path], object], run: pellucid.Run) -> None:
    harm(Path("run/artefact"))
    seal_again(Path("run/artefact"))
    with pytest.raises(ArtefactError, match="does not give its golden outputs any more"):
        pellucid.load(run)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (alter_weights, "model.safetensors was altered since it was written"),
        (alter_scale, "preprocessing.json was altered since it was written"),
        (alter_golden, "golden.safetensors was altered since it was written"),
        (lambda folder: (folder / "golden.safetensors").unlink(), "golden.safetensors cannot be read: No such file"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"short"), "was altered"),
    ],
)
def test_a_changed_artefact_is_refused(harm: Callable[[Path], object], message: str, run: pellucid.Run) -> None:
    harm(Path("run/artefact"))
    with pytest.raises(ArtefactError, match=message):
        pellucid.load(run)


def test_damaged_json_is_said(run: pellucid.Run) -> None:
    Path("run/artefact/model.json").write_text("{")
    with pytest.raises(RunError, match=r"model.json cannot be read: it is damaged"):
        pellucid.load(run)


def test_steps_fitted_on_other_rows_are_a_leak(run: pellucid.Run) -> None:
    path = Path("run/artefact/preprocessing.json")
    values = json.loads(path.read_text())
    values["steps"][0]["fitted_on"]["hash"] = "0" * 64
    path.write_text(json.dumps(values))
    seal_again(Path("run/artefact"))
    with pytest.raises(LeakError, match=r"rows that are held out here may have been seen"):
        pellucid.evaluate(run, "validation")


def test_a_changed_split_is_refused(run: pellucid.Run) -> None:
    path = Path("run/split.json")
    path.write_text(path.read_text().replace('"hash": "', '"hash": "0'))
    with pytest.raises(RunError, match="is not what run was trained on"):
        pellucid.evaluate(run, "test")


def test_an_artefact_of_the_first_format_still_loads() -> None:
    """Written by tests/artefacts/make_first.py when the format was new; its golden outputs are its own check."""
    kept = Path(__file__).parent / "first"
    artefact = read(kept)
    assert [answer.values["prediction"] for answer in artefact.answer()] == json.loads(
        (kept / "expected.json").read_text()
    )
