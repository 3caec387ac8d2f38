"""A table of the user's own, from the file to predictions on new files: one command, nothing guessed silently."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars
import pytest
from sklearn.datasets import load_diabetes

import pellucid
from pellucid import recipe as recipes
from pellucid.errors import DataError, LeakError, RunError
from tests.cli.test_contract import answer, call
from tests.training.runs import dying, outcome

QUICK = {"execution.threads": 1, "execution.variant": "eager", "train.epochs": 8}


@pytest.fixture
def people() -> Path:
    """400 people whose income follows from age and work; some values are missing."""
    draw = np.random.default_rng(0)
    age, work = draw.integers(18, 80, 400), draw.choice(["farm", "office", "sea"], 400)
    rich = (age > 45) ^ (work == "sea")
    ages = np.where(draw.random(400) < 0.05, "?", age.astype(str))
    lines = [f"{i},{a},{w},{'high' if r else 'low'}" for i, (a, w, r) in enumerate(zip(ages, work, rich, strict=True))]
    path = Path("people.csv")
    path.write_text("\n".join(["number,age,work,income", *lines]) + "\n")
    return path


def test_one_command(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [f"{name}={value}" for name, value in {**QUICK, "train.epochs": 40}.items()]
    code, out, err = call(
        capsys, "train", "--data", str(people), "--target", "income", *settings, "--out", "run", "--json"
    )
    assert code == 0
    assert "number: id (it counts the rows); not learned from" in err
    assert "work: category (3 different values); input" in err
    assert "types = {" in err or "[data.types]" in err
    result = json.loads(out)
    assert result["metrics"]["accuracy"]["value"] > 0.9
    assert result["baselines"]["linear"]["accuracy"]["value"] < 0.9  # an exclusive or
    kept = recipes.read(Path("run/recipe.toml"))
    assert kept.data.types["age"] == "number"
    assert kept.data.source == str(people.resolve())
    new = Path("new.csv")
    new.write_text("work,age,comment\nsea,25,x\nmoon,,y\n")
    predicted = answer(capsys, "predict", "run", "new.csv")["predictions"]
    assert predicted[0]["prediction"] == "high"
    assert predicted[1]["prediction"] in ("high", "low")  # a place and an age that training never saw


def test_frames_are_predicted_too(people: Path) -> None:
    run = pellucid.train(pellucid.propose(people, "income").recipe, QUICK, out="run", report=False, quiet=True)
    frame = polars.read_csv(people)
    mine = [each["prediction"] for each in run.predict(frame.head(5))]
    assert mine == [each["prediction"] for each in run.predict(frame.head(5).to_dict(as_series=False))]
    with pytest.raises(DataError, match="expected a data frame with the columns age, work"):
        run.predict(np.zeros((2, 2)))
    with pytest.raises(DataError, match="lacks the columns 'work'"):
        run.predict(frame.select("age"))


def test_numbers_are_regressed(capsys: pytest.CaptureFixture[str]) -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=False)
    frame = polars.DataFrame({**{f"x{i}": X[:, i] for i in range(10)}, "progress": y + 0.5})
    frame.write_parquet("diabetes.parquet")
    proposed = pellucid.propose("diabetes.parquet", "progress")
    assert proposed.recipe.task == {"name": "regress"}
    assert proposed.recipe.split.kind == "random"
    run = pellucid.train(proposed.recipe, QUICK, out="run", report=False, quiet=True)
    assert run.metrics["r2"] > 0.2


def test_resumed_to_the_same_bytes(people: Path) -> None:
    recipe = pellucid.propose(people, "income").recipe
    settings = {**QUICK, "train.checkpoint_every": 3}
    whole = pellucid.train(recipe, settings, out="whole", report=False, quiet=True)
    with dying(10):
        pellucid.train(recipe, settings, out="run", report=False, quiet=True)
    pellucid.resume("run", report=False, quiet=True)
    assert outcome(Path("run")) == outcome(whole.folder)


def test_a_changed_file_is_refused(people: Path) -> None:
    recipe = pellucid.propose(people, "income").recipe
    run = pellucid.train(recipe, QUICK, out="run", report=False, quiet=True)
    people.write_text(people.read_text().replace(",office,", ",farm,", 1))
    with pytest.raises(RunError, match="not what run was trained on"):
        run.evaluate("test")


def test_steps_fitted_on_other_rows_are_refused(people: Path) -> None:
    from pellucid.data import world

    recipe = pellucid.propose(people, "income").recipe
    mine = world.open(recipe)
    other = world.open(recipe.model_copy(update={"split": recipe.split.model_copy(update={"seed": 1})}))
    with pytest.raises(LeakError):
        mine.with_preprocessing(other.preprocessing).check()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", "nowhere.csv"], "There is no nowhere.csv"),
        (["--data", "people.csv"], "Which column of people.csv is to be predicted? Give --target, one of: number, age"),
        (["--data", "people.csv", "--target", "wage"], "no column 'wage'"),
        (["--data", "."], "holds no picture: it holds 1 files that end in .csv, 1 files that end in .txt"),
        (["--data", "people.txt"], "is no table"),
        (["--target", "income"], "go with --data"),
        (["digits", "--data", "people.csv", "--target", "income"], "digits"),
        (["--data", "people.csv", "--target", "income", "--model", "lstm"], "text"),
        (["--data", "people.csv", "--target", "income", "data.types.work=number"], "data.types.work = 'number': "),
    ],
)
def test_wrong_input(arguments: list[str], told: str, people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("people.txt").write_text("no table")
    code, _, err = call(capsys, "train", *arguments, "--out", "run")
    assert code == 2
    assert told in err
    assert "Traceback" not in err
    assert not Path("run").exists()
