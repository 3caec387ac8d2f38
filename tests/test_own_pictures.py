"""Pictures of the user's own, from the folder to predictions on new files: one command, resume, clear refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

import pellucid
from pellucid import recipe as recipes
from pellucid import rundir
from pellucid.errors import DataError, RunError
from tests.cli.test_contract import answer, call
from tests.data.folders import COLOURS, classes, picture
from tests.training.runs import dying, outcome

QUICK = {"execution.threads": 1, "execution.variant": "eager", "train.epochs": 4, "data.size": [16, 16]}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def colours() -> Path:
    return classes(Path("colours"), each=30, size=(40, 30))


def test_one_command(colours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [f"{name}={value}" for name, value in QUICK.items() if name != "data.size"]
    code, out, err = call(capsys, "train", "--data", "colours", *settings, "--out", "run", "--json")
    assert code == 0
    assert "pictures: 60 of 2 classes, RGB, 40x30 to 40x30, brought to 40x32" in err
    assert "classes: green 30, red 30" in err
    result = json.loads(out)
    assert result["metrics"]["accuracy"]["value"] == 1
    assert set(result["baselines"]) == {"majority", "linear", "k_nearest"}
    assert (Path("run") / "report.html").is_file()
    kept = recipes.read(Path("run/recipe.toml"))
    assert (kept.data.source, kept.data.size) == (str(colours.resolve()), (32, 40))
    assert (kept.split.kind, kept.model["name"]) == ("stratified", "resnet")
    picture(COLOURS["red"], (70, 70), 9).save("new.jpg")
    (predicted,) = answer(capsys, "predict", "run", "new.jpg")["predictions"]
    assert (predicted["prediction"], predicted["note"]) == ("red", "resized from 70x70 to 40x32")
    assert answer(capsys, "evaluate", "run", "--split", "test")["looks"] == 1


def test_given_parts_are_proposed_as_given() -> None:
    classes(Path("data/train"), each=20)
    classes(Path("data/val"), each=4)
    proposed = pellucid.propose("data")
    assert proposed.recipe.split.kind == "given"
    assert proposed.because[1:] == ["train: green 20, red 20", "validation: green 4, red 4"]
    run = pellucid.train(proposed.recipe, QUICK, out="run", report=False, quiet=True)
    counts = json.loads((run.folder / "split.json").read_text())["counts"]
    assert counts == {"train": 34, "validation": 8, "test": 6}


def test_resumed_to_the_same_bytes(colours: Path) -> None:
    recipe = pellucid.propose(colours).recipe
    settings = {**QUICK, "train.checkpoint_every": 2}
    whole = pellucid.train(recipe, settings, out="whole", report=False, quiet=True)
    with dying(5):
        pellucid.train(recipe, settings, out="run", report=False, quiet=True)
    rundir.clear_cache()  # packed anew on the way
    pellucid.resume("run", report=False, quiet=True)
    assert outcome(Path("run")) == outcome(whole.folder)


def test_a_changed_folder_is_refused(colours: Path) -> None:
    run = pellucid.train(pellucid.propose(colours).recipe, QUICK, out="run", report=False, quiet=True)
    Image.new("RGB", (40, 30)).save(colours / "red/000.png")
    with pytest.raises(RunError, match="not what run was trained on"):
        run.evaluate("test")


def test_the_cache_is_shown_and_cleared(colours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "cache")["cache"] == []
    recipe = pellucid.propose(colours).recipe
    run = pellucid.train(recipe, {**QUICK, "evaluate.baselines": False}, out="run", report=False, quiet=True)
    told = answer(capsys, "cache", "ls")
    assert told["folder"] == str(rundir.cache())
    packs = list((rundir.cache() / "packed").iterdir())
    (row,) = told["cache"]
    assert (row["name"], row["files"]) == ("packed", len(packs))
    assert row["bytes"] == sum(path.stat().st_size for path in packs) > 60 * 3 * 16 * 16
    assert answer(capsys, "cache", "clear")["removed"] == row["bytes"]
    assert list(rundir.cache().iterdir()) == []
    assert run.evaluate("test")["metrics"]["accuracy"]["value"] > 0.5  # made again
    code, _, err = call(capsys, "cache", "wipe")
    assert (code, err) == (2, "pellucid cache wipe: expected ls or clear.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", "nowhere"], "There is no nowhere"),
        (["--data", "colours", "--target", "red"], "--target is a piece of the files' names between underscores"),
        (["--data", "colours/red"], "30 pictures lie beside the class folders (000.png, 001.png"),
        (["--data", "empty"], "empty holds nothing that is known (it is empty)"),
        (["--data", "colours", "data.size="], "Give data.size = [32, 40]"),
        (["--data", "colours", "data.size=[0, 8]"], "data.size"),
        (["--data", "colours", "--model", "lstm"], "text"),
        (["--data", "damaged"], "damaged: 1 of 4 pictures cannot be read:\n  red/000.png: it is not a picture"),
        (
            ["digits", "data.size=[8, 8]"],
            "data.size is of data of one's own, and data.source = 'digits' is a data set.",
        ),
    ],
)
def test_wrong_input(arguments: list[str], told: str, colours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    damaged = classes(Path("damaged"), each=2)
    (damaged / "red/000.png").write_bytes(b"no picture")
    code, _, err = call(capsys, "train", *arguments, "--out", "run")
    assert code == 2
    assert told in err
    assert "Traceback" not in err
    assert not Path("run").exists()


def test_a_folder_named_as_a_data_set_is_not_taken_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    classes(Path("digits"))
    assert call(capsys, "train", "digits-mlp", "train.epochs=1", "execution.threads=1", "--no-report")[0] == 0
    with pytest.raises(DataError, match="is a data set"):
        pellucid.train("digits-mlp", {"data.size": [8, 8]}, quiet=True)


def test_a_table_names_pictures(colours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(path.relative_to(colours).as_posix() for path in colours.rglob("*.png"))
    lines = [f"{file};{file[:3]};{number % 7}" for number, file in enumerate(files)]
    (colours / "list.csv").write_text("\n".join(["path;shade;camera", *lines]))
    settings = [f"{name}={value}" for name, value in QUICK.items() if name != "data.size"]
    arguments = ["--data", "colours/list.csv", "--target", "shade", "data.input=path", *settings, "--out", "run"]
    code, out, err = call(capsys, "train", *arguments, "--json")
    assert code == 0, err
    assert json.loads(out)["metrics"]["accuracy"]["value"] == 1
    kept = recipes.read(Path("run/recipe.toml"))
    assert (kept.data.kind, kept.data.input, kept.data.target) == ("pictures", "path", "shade")
    (predicted,) = answer(capsys, "predict", "run", str(colours / files[0]))["predictions"]
    assert predicted["prediction"] == files[0][:3]


def test_files_are_named_wherever_rows_are_told(colours: Path) -> None:
    for number in range(6):
        (colours / f"red/00{number}.png").rename(colours / f"green/wrong{number}.png")
    settings = {**QUICK, "split.validation": 0.5, "split.test": 0.0, "train.epochs": 6}
    run = pellucid.train(pellucid.propose(colours).recipe, settings, out="run", quiet=True)
    with Path("run/predictions/validation.csv").open(encoding="utf-8", newline="") as file:
        told = {row["name"]: row for row in csv.DictReader(file)}
    assert {name: row["target"] for name, row in told.items()} == {name: name.split("/")[0] for name in told}
    assert all((colours / name).is_file() for name in told)
    wrong = [name for name, row in told.items() if row["target"] != row["prediction"]]
    assert wrong
    assert {mistake["name"] for mistake in run.result()["worst"]} == set(wrong)
    assert all(name in run.report.read_text(encoding="utf-8") for name in wrong)
