"""The command line's contract: exit codes, one message, one JSON object as the last line of standard output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pellucid.cli.app import main

QUICK = ["train.epochs=1", "evaluate.baselines=false", "execution.threads=1", "--no-report"]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process; return its exit code, standard output and standard error."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code, out, _ = call(capsys, *arguments, "--json")
    assert code == 0
    assert len(out.splitlines()) == 1
    values: dict[str, Any] = json.loads(out)
    return values


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> str:
    assert call(capsys, "train", "digits-mlp", *QUICK, "--out", "run")[0] == 0
    return "run"


def test_train_and_evaluate_answer_the_same_keys(capsys: pytest.CaptureFixture[str]) -> None:
    trained = answer(
        capsys, "train", "digits-mlp", "train.epochs=1", "execution.threads=1", "--no-report", "--out", "run"
    )
    assert (trained["run"], trained["split"], trained["looks"]) == ("run", "validation", 0)
    tested = answer(capsys, "evaluate", "run", "--split", "test")
    assert (tested["split"], tested["looks"]) == ("test", 1)
    for result in (trained, tested):
        assert set(result) >= {
            "run",
            "split",
            "looks",
            "metrics",
            "baselines",
            "verdict",
            "steps",
            "samples_per_second",
        }
        for score in result["metrics"].values():
            assert score["low"] <= score["value"] <= score["high"]
            assert score["n"] == (180 if result["split"] == "validation" else 359)
        assert set(result["baselines"]) == {"majority", "linear", "k_nearest"}
        assert set(result["baselines"]["linear"]) == set(result["metrics"])


def test_train_never_opens_the_seal(run: str) -> None:
    assert not Path("run/results/test.json").exists()
    assert not Path("run/looks.jsonl").exists()


def test_every_rows_prediction_is_kept(run: str) -> None:
    import polars

    kept = polars.read_csv("run/predictions/validation.csv")
    split = json.loads(Path("run/split.json").read_text())
    assert kept["row"].to_list() == split["rows"]["validation"]
    result = json.loads(Path("run/results/validation.json").read_text())
    assert (kept["target"] == kept["prediction"]).mean() == result["metrics"]["accuracy"]["value"]


def test_predict_names_the_wrong_input_and_goes_on(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.full((8, 8), 7, np.uint8)).save("good.png")
    Image.fromarray(np.full((20, 30, 3), 7, np.uint8)).save("large.jpg")
    Path("bad.png").write_text("not a picture")
    code, out, err = call(capsys, "predict", run, "good.png", "bad.png", "absent.png", "large.jpg", "--json")
    assert code == 2, err
    good, bad, absent, large = json.loads(out)["predictions"]
    assert good["prediction"] in "0123456789"
    assert sum(good["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert bad["error"].startswith("it is not a picture")
    assert absent["error"] == "there is no such file."
    assert large["note"] == "resized from 30x20 to 8x8"


def test_predict_without_inputs_uses_rows_that_were_held_out(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert [p["input"] for p in answer(capsys, "predict", run)["predictions"]] == [f"golden {n}" for n in range(8)]


@pytest.mark.parametrize("table", ["recipes", "models", "tasks", "rules", "sources", "data", "optimizers", "schedules"])
def test_ls(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys, "ls", table)[table]
    assert rows
    assert all(set(row) == {"name", "family", "paper", "year", "line"} for row in rows)


def test_show_tells_parameters_shapes_and_multiply_adds(capsys: pytest.CaptureFixture[str]) -> None:
    shown = answer(capsys, "show", "mnist-lenet5")
    assert shown["parameters"] == 61_706
    assert shown["layers"][0].keys() == {"name", "kind", "output_shape", "parameters", "multiply_adds"}
    assert sum(layer["parameters"] for layer in shown["layers"]) == 61_706


def test_show_a_recipe_of_text_with_its_own_context(capsys: pytest.CaptureFixture[str]) -> None:
    shown = answer(capsys, "show", "descriptions-gpt")  # 32 characters at once, where the table's example has 128
    assert shown["input_shape"] == [32]
    assert next(layer for layer in shown["layers"] if layer["name"] == "places")["parameters"] == 32 * 64


def test_copy_is_a_recipe_that_trains_to_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    toml = answer(capsys, "copy", "digits-mlp")["toml"]
    assert toml.count("#") > 30
    Path("mine.toml").write_text(toml)
    assert call(capsys, "train", "mine.toml", *QUICK, "--out", "a")[0] == 0
    assert call(capsys, "train", "digits-mlp", *QUICK, "--out", "b")[0] == 0
    assert Path("a/artefact/model.safetensors").read_bytes() == Path("b/artefact/model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (["train", "digit"], "recipe", "Did you mean 'digits'"),
        (["train", "nowhere.toml"], "recipe", "cannot be read: No such file"),
        (["train", "digits", "trian.epochs=3"], "recipe", "trian: there is no such field. Did you mean 'train'?"),
        (["train", "digits", "model.widht=3"], "recipe", "model.widht: there is no such field. Did you mean 'widths'?"),
        (
            ["train", "digits", "rule.optimizer.learning_rate=-1"],
            "recipe",
            "rule.optimizer.learning_rate = -1: expected",
        ),
        (
            ["train", "digits", "rule.optimizer.learning_rate=nan"],
            "recipe",
            "rule.optimizer.learning_rate = nan: expected",
        ),
        (["train", "digits", "train.epochs=many"], "recipe", "train.epochs = 'many': expected"),
        (["train", "digits", "train.epochs"], "recipe", "expected section.field=value, such as train.epochs=3"),
        (["train", "digits", "train.batch_size=5000"], "data", "there are 1258 rows to train on. Choose at most 1258"),
        (["train", "digits", "model.name=resnet", "model.depth=9"], "recipe", "depth"),
        (["train", "diabetes-mlp", "task.name=classify"], "data", "Choose 'regress'"),
        (["train", "digits", "task.name=regress"], "data", "Choose 'classify'"),
        (["train", "digits", "split.validation=0.6", "split.test=0.5"], "recipe", "split"),
        (["train", "digits", "execution.device=mps"], "input", "torch sees no such device here"),
        (["train"], "input", "Give exactly one of"),
        (["train", "--resume", "nowhere"], "run", "nowhere: there is no such run folder"),
        (["train", "--resume", "."], "run", ". is not a run folder: it has no recipe.toml"),
        (["train", "digits", "--resume", "x"], "input", "keeps its own recipe"),
        (["evaluate", "nowhere"], "run", "there is no such run folder"),
        (["predict", "nowhere"], "run", "there is no such run folder"),
        (["ls", "modles"], "input", "Did you mean 'models'?"),
        (["show", "resnt"], "input", "Did you mean 'resnet'?"),
        (["frobnicate"], "usage", "No such command 'frobnicate'"),
        (["train", "digits", "--epochs", "3"], "usage", "No such option: --epochs"),
    ],
)
def test_wrong_input(arguments: list[str], kind: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, *arguments, "--json")
    assert code == 2
    error = json.loads(out.splitlines()[-1])["error"]
    assert error["kind"] == kind
    assert words in error["message"]
    assert error["message"] in err
    assert "Traceback" not in err
    assert list(Path().iterdir()) == []  # nothing was made


def test_all_problems_of_a_recipe_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["model.widht=3", "task.label_smoothing=2", "rule.optimizer.lr=1", "rule.schedule.name=cosin"]
    _, _, err = call(capsys, "train", "digits", *settings, "train.batch_size=many", "trian.epochs=3")
    for field in (
        "train.batch_size = 'many'",
        "trian",
        "model.widht",
        "task.label_smoothing = 2",
        "rule.optimizer.lr",
        "'cosin'",
    ):
        assert field in err


def test_missing_data_says_which_file_goes_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELLUCID_DATA", "elsewhere")
    code, _, err = call(capsys, "train", "mnist-mlp")
    assert code == 2
    assert "Put these files into elsewhere/mnist/" in err
    assert "train-images-idx3-ubyte.gz or train-images-idx3-ubyte" in err
    assert not Path("runs").exists()


def test_failed_work_is_exit_1_and_replays(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "train", "digits-mlp", *QUICK, "rule.optimizer.learning_rate=1e30", "--out", "run")
    assert code == 1
    command = next(line for line in err.splitlines() if "--replay" in line).partition("pellucid ")[2].split()
    code, _, again = call(capsys, *command)
    assert code == 1
    assert again.strip() in err


def test_a_run_that_is_not_finished_has_no_artefact(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    shutil.rmtree("run/artefact")
    code, _, err = call(capsys, "predict", run)
    assert code == 2
    assert "the run has not ended, or it was removed. Go on with: pellucid train --resume run" in err


def test_a_bug_is_said_to_be_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import pellucid.listing

    def broken(table: str) -> list[dict[str, Any]]:
        raise KeyError("colour")

    monkeypatch.setattr(pellucid.listing, "ls", broken)
    code, out, err = call(capsys, "ls", "--json")
    assert code == 1
    assert json.loads(out)["error"]["kind"] == "bug"
    assert "This is a bug; --debug shows where." in err
    assert "Traceback" not in err
    assert "Traceback" in call(capsys, "ls", "--debug")[2]
