"""What a newcomer does first, and is told: data for a recipe, a name that is none, columns that nothing learns from."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid import studies
from pellucid.cli.outcome import Outcome
from tests.cli.test_contract import call


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "mine.csv"], "mine.csv is no recipe. If it is data of your own: pellucid train --data mine.csv"),
        (["train", "earlier"], "earlier is a run: --resume earlier goes on with it"),
        (["crossval", "train.epochs=3"], "train.epochs=3 is a setting, and goes after a recipe: pellucid train digits"),
        (["crossval", "digits", "--folds", "x"], "Invalid value for '--folds'"),
        (["compare"], "Missing argument 'RUN ...'. See pellucid --help."),
        (["check", "nowhere"], "There is no file, folder or recipe 'nowhere'."),
        (["check", "digit"], "There is no file, folder or recipe 'digit'. Did you mean 'digits'"),
        (
            ["train", "--data", "reviews.csv", "--target", "grade"],
            "(review holds text): expected numbers or categories beside the target. "
            "Texts are read as documents: data.input=review.",
        ),
        (
            ["train", "--data", "mine.csv", "--target", "price"],
            "Its columns: column_1, column_2. Its first line was read as values; data.header=true reads it as names.",
        ),
    ],
)
def test_a_first_mistake_is_told_how_it_is_done(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.csv").write_text("1,2\n" * 50)
    Path("reviews.csv").write_text("review,grade\n" + "".join(f"the {n}th of many words,{n % 2}\n" for n in range(60)))
    Path("earlier").mkdir()
    Path("earlier/recipe.toml").touch()
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert told in err


def test_the_recipe_that_is_shown_is_the_one_that_is_carried_out(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.csv").write_text("a,b,t\n" + "".join(f"{n % 7},{n % 5},{'xy'[n % 7 > 3]}\n" for n in range(90)))
    settings = ["train.epochs=1", "split.seed=7", "execution.threads=1", "execution.variant=eager"]
    code, _, err = call(capsys, "train", "--data", "mine.csv", "--target", "t", *settings, "--out", "run")
    assert code == 0
    kept = Path("run/recipe.toml").read_text()
    for line in ("epochs = 1", "seed = 7", "threads = 1", 'variant = "eager"'):
        assert f"\n{line}\n" in err
        assert f"\n{line}\n" in kept


def test_what_is_noted_of_a_table_stands_beside_its_first_row_and_of_a_file_beside_it() -> None:
    rows = [{"input": f"new.csv:{row}", "prediction": "a", "note": "one is new"} for row in range(3)]
    files = [{"input": name, "prediction": "a", "note": "resized"} for name in ("a.png", "b.png")]
    assert Outcome.of_predictions([*rows, *files]).text.splitlines() == [
        "new.csv:0: a  one is new",
        "new.csv:1: a",
        "new.csv:2: a",
        "a.png: a  resized",
        "b.png: a  resized",
    ]


def test_numbers_by_name_are_written_as_such() -> None:
    told = Outcome.of_predictions(
        [{"input": "a.png", "shares": {"road": 0.35226851, "sky": 0.1}, "file": "a-mask.png"}]
    )
    assert told.text == "a.png: shares road 0.352, sky 0.1  file a-mask.png"


def test_the_verbs_stand_in_the_order_in_which_one_comes_to_need_them(capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, "--help")[1]
    verbs = [line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line[:2] == "  " < line[2:3]]
    assert verbs[:7] == ["train", "evaluate", "predict", "crossval", "compare", "curve", "check"]


def test_a_curve_that_is_stopped_between_runs_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*given: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(studies, "curve", stopped)
    code, _, err = call(capsys, "curve", "digits-mlp")
    assert code == 130
    assert "The same command goes on with it." in err
