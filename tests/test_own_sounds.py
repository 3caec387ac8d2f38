"""Sounds of the user's own, from the folder to predictions on new files: one command, resume, clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import pellucid
from pellucid import recipe as recipes
from pellucid import rundir
from pellucid.data import locate
from tests.cli.test_contract import answer, call
from tests.data.noises import classes, tone
from tests.training.runs import dying, outcome

QUICK = {
    "execution.threads": 1,
    "execution.variant": "eager",
    "train.epochs": 6,
    "train.batch_size": 8,
    "model.widths": [4, 8],
    "prepare.mels": 16,
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def tones() -> Path:
    return classes(Path("tones"), each=30)


def test_one_command(tones: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [f"{name}={value}" for name, value in (QUICK | {"train.epochs": 40}).items()]
    code, out, err = call(capsys, "train", "--data", "tones", *settings, "--out", "run", "--json")
    assert code == 0
    assert "sounds: 60 of 2 classes, 0.30 to 0.30 s" in err
    assert json.loads(out)["metrics"]["accuracy"]["value"] == 1
    assert "trained on 42 sounds" in Path("run/report.html").read_text(encoding="utf-8")
    assert "\nepochs = 40\n" in err  # what is shown is what is carried out
    kept = recipes.read(Path("run/recipe.toml"))
    assert (kept.data.rate, kept.data.seconds, kept.split.kind) == (8000, 0.3, "stratified")
    soundfile.write("new.flac", np.stack([tone(300, 44100, 1.0)] * 2, axis=1), 44100)
    (predicted,) = answer(capsys, "predict", "run", "new.flac")["predictions"]
    assert predicted["prediction"] == "low"
    assert predicted["note"] == "brought from 44,100 to 8,000 Hz, cut from 1.00 to 0.30 s"
    wrong = call(capsys, "predict", "run", "tones")
    assert "the folder holds no sound" in wrong[1] + wrong[2]
    assert answer(capsys, "evaluate", "run", "--split", "test")["looks"] == 1


def test_the_report_says_what_it_shows_of_a_sound(tones: Path) -> None:
    untrained = QUICK | {"train.epochs": 1, "rule.optimizer.learning_rate": 1e-9}
    run = pellucid.train(pellucid.propose(tones).recipe, untrained, out="run", quiet=True)
    page = run.report.read_text(encoding="utf-8")
    assert "What do its worst mistakes look like?" in page
    assert "time runs to the right, frequency upwards" in page


def test_sounds_in_memory_are_heard_as_files_are(tones: Path) -> None:
    run = pellucid.train(pellucid.propose(tones).recipe, QUICK, out="run", report=False, quiet=True)
    samples, _ = soundfile.read(tones / "low/003.wav", dtype="int16")
    (file,) = run.predict([str(tones / "low/003.wav")])
    for given in (samples, samples / 32768):
        (memory,) = run.predict(given)
        assert memory["probabilities"] == file["probabilities"]


def test_mistakes_are_drawn(tones: Path) -> None:
    for number in range(0, 30, 3):  # classes that cannot be told apart
        (tones / f"high/{number:03}.wav").replace(tones / f"low/x{number:03}.wav")
    run = pellucid.train(pellucid.propose(tones).recipe, {**QUICK, "train.epochs": 1}, out="run", quiet=True)
    assert run.metrics["accuracy"] < 1
    assert 'src="data:image/png;base64,' in (run.folder / "report.html").read_text()


def test_resumed_to_the_same_bytes(tones: Path) -> None:
    recipe = pellucid.propose(tones).recipe
    augment = [{"name": "speed"}, {"name": "shift"}, {"name": "equalise"}, {"name": "spec_augment"}]
    settings = {**QUICK, "train.checkpoint_every": 2, "augment": augment}
    whole = pellucid.train(recipe, settings, out="whole", report=False, quiet=True)
    with dying(5):
        pellucid.train(recipe, settings, out="run", report=False, quiet=True)
    rundir.clear_cache()  # packed anew on the way
    pellucid.resume("run", report=False, quiet=True)
    assert outcome(Path("run")) == outcome(whole.folder)


def test_groups_in_the_names_are_pointed_out() -> None:
    Path("flat").mkdir()
    for row in range(40):
        digit, who = row % 2, row // 2 % 4
        soundfile.write(f"flat/{digit}_who{who}_{row}.wav", tone(300 + 900 * digit, 8000, 0.2, row), 8000)
    proposed = pellucid.propose("flat", "name_1")
    assert [line for line in proposed.because if "split.group" in line] == [
        "name_2 of the names has 4 values: if they are speakers, places or devices, judge by new ones: "
        "split.kind=grouped split.group=name_2"
    ]
    settings = {**QUICK, "train.epochs": 1, "split.kind": "grouped", "split.group": "name_2"}
    run = pellucid.train(proposed.recipe, settings, out="run", report=False, quiet=True)
    rows = json.loads((run.folder / "split.json").read_text())["rows"]
    files = sorted(path.name for path in Path("flat").iterdir())
    heard = {part: {files[row].split("_")[1] for row in rows[part]} for part in ("train", "validation", "test")}
    assert sum(map(len, heard.values())) == 4  # nobody speaks in two parts


@pytest.mark.skipif(not locate.folder("free-spoken-digit").is_dir(), reason="no free-spoken-digit in PELLUCID_DATA")
def test_the_spoken_digits_are_proposed() -> None:
    proposed = pellucid.propose(locate.folder("free-spoken-digit") / "recordings", "name_1")
    assert (proposed.recipe.data.rate, proposed.recipe.data.seconds) == (8000, 0.7)
    assert proposed.because[0] == "sounds: 2,000 of 10 classes, 0.14 to 2.28 s"
