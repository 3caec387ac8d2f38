"""A table of the user's own, from the file to predictions on new files: one command, nothing guessed silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
        (["--data", "."], "has no class folders, and 1 of its 1 files hold one line (people.txt)"),
        (["--data", "people.txt"], "people.txt holds text, for which no recipe is proposed"),
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


def predictions(run: pellucid.Run, text: str) -> list[dict[str, Any]]:
    Path("new.csv").write_text(text)
    return run.predict("new.csv")


def trained(text: str, settings: dict[str, Any] | None = None, target: str = "t") -> pellucid.Run:
    Path("mine.csv").write_text(text)
    recipe = pellucid.propose("mine.csv", target, settings=settings or {}).recipe
    return pellucid.train(recipe, {**QUICK, "train.epochs": 60}, out="run", report=False, quiet=True)


def test_new_rows_are_read_as_the_table_was() -> None:
    """Here -99 stands for a missing value, and every row that lacks one is a yes."""
    lines = [f"{'-99' if row % 2 else row},{'y' if row % 2 else 'n'}" for row in range(200)]
    run = trained("\n".join(["x,t", *lines]), {"data.missing": ["-99"]})
    assert [each["prediction"] for each in predictions(run, "x\n-99\n40\n")] == ["y", "n"]


def test_a_table_without_names_predicts_tables_without_names() -> None:
    lines = [f"{row % 7},{row % 5},{'a' if row % 7 > 3 else 'b'}" for row in range(200)]
    run = trained("\n".join(lines), target="column_3")
    assert [each["prediction"] for each in predictions(run, "6,1\n0,2\n")] == ["a", "b"]
    assert [each["prediction"] for each in predictions(run, "column_2,column_1\n1,6\n2,0\n")] == ["a", "b"]


def test_one_truth_in_several_formats_and_one_that_is_new() -> None:
    lines = [f"{row % 3 == 0},{row % 4},{'y' if row % 3 == 0 else 'n'}" for row in range(240)]
    run = trained("\n".join(["flag,level,t", *lines]), {"data.types.level": "category"})
    said = [each["prediction"] for each in predictions(run, "flag,level\nTrue,1\nFalse,2\n")]
    assert said == ["y", "n"]
    polars.DataFrame({"flag": [True, False], "level": [1.0, 2.0]}).write_parquet("new.parquet")
    typed = run.predict("new.parquet")
    assert [each["prediction"] for each in typed] == said
    assert "note" not in typed[0]
    assert "flag = 'perhaps' was not trained on (1 of 1 rows)" in predictions(run, "flag,level\nperhaps,1\n")[0]["note"]


@pytest.mark.parametrize("first", ["region,2019,2020,t", ",2019,2020,t"])
def test_the_target_tells_which_line_names_the_columns(first: str) -> None:
    lines = [f"{'ab'[row % 2]},{row % 9},{row % 4},{'y' if row % 2 else 'n'}" for row in range(60)]
    Path("mine.csv").write_text("\n".join([first, *lines]))
    proposed = pellucid.propose("mine.csv", "t")
    assert proposed.recipe.data.header
    assert proposed.because[0] == "mine.csv: separated by commas; the first line names the columns"
    assert list(proposed.recipe.data.types or ()) == [first.split(",")[0] or "column_1", "2019", "2020", "t"]


def test_types_that_are_given_decide_the_question() -> None:
    Path("mine.csv").write_text("\n".join(["kind.of,t", *(f"{row % 5},{row % 3}" for row in range(90))]))
    assert pellucid.propose("mine.csv", "t").recipe.task["name"] == "classify"
    settings = {"data.types.t": "number", "data.types.kind.of": "category"}
    numbers = pellucid.propose("mine.csv", "t", settings=settings).recipe
    assert (numbers.task["name"], numbers.split.kind) == ("regress", "random")
    assert numbers.data.types == {"kind.of": "category", "t": "number"}
    assert recipes.override(numbers, ["data.types.kind.of=number"]).data.types == {"kind.of": "number", "t": "number"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x,t\n1,a\n", "at least 3 are needed"),
        ("x,x,t\n1,2,a\n3,4,b\n", "two columns are called 'x'"),
        (
            "x,t\n" + "\n".join(f"{1_700_000_000 + row * 7 % 90},{'ab'[row % 2]}" for row in range(90)),
            "Subtract a constant",
        ),
        ("x,t\n" + "\n".join(f"{row % 8},{1e12 + row}" for row in range(90)), "Subtract a constant"),
    ],
)
def test_tables_that_cannot_be_learned(text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.csv").write_text(text)
    code, _, err = call(capsys, "train", "--data", "mine.csv", "--target", "t", "--out", "run", "--no-check")
    assert code == 2
    assert told in err
    assert not Path("run").exists()


def test_codes_with_leading_zeros_are_no_numbers() -> None:
    Path("mine.csv").write_text("zip,t\n" + "\n".join(f"0{row % 4}301,{'ab'[row % 2]}" for row in range(90)))
    assert pellucid.propose("mine.csv", "t").recipe.data.types == {"zip": "category", "t": "category"}


@pytest.mark.parametrize("target", ["income", "wage"])
def test_what_was_judged_is_what_the_file_predicts(target: str, people: Path) -> None:
    """Row by row, the validation's predictions and truths are those of the file's lines, gaps and all."""
    frame = polars.read_csv(people)
    wages = 1000.0 + 500.0 * (frame["income"] == "high").cast(polars.Float64) + 2.5 * frame["work"].str.len_chars()
    frame = frame.with_columns(wages.alias("wage")).drop("income" if target == "wage" else "wage")
    frame.write_csv(people)
    people.write_text(people.read_text().replace("\n7,", "\n\n7,"))  # an empty line is no row
    recipe = pellucid.propose(people, target).recipe
    run = pellucid.train(recipe, QUICK, out="run", report=False, quiet=True)
    judged = polars.read_csv("run/predictions/validation.csv")
    from_file = run.predict(str(people))
    truths = frame[target]
    assert len(from_file) == len(truths) == 400
    for row, truth, prediction in judged.select("row", "target", "prediction").iter_rows():
        said = from_file[row]["prediction"]
        if target == "income":
            assert (prediction, truth) == (said, truths[row])
        else:
            assert (prediction, truth) == (pytest.approx(said, rel=1e-4), pytest.approx(truths[row], rel=1e-5))
    if target == "wage":
        residual = (judged["prediction"] - judged["target"]).to_numpy()
        spread = judged["target"].to_numpy() - judged["target"].mean()
        assert run.metrics["r2"] == pytest.approx(1 - (residual**2).sum() / (spread**2).sum(), abs=1e-4)
