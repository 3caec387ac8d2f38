"""The verdict where it is told: the result, the command line, the report, several seeds; and that its advice helps."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

import pellucid
from pellucid import recipe as recipes
from pellucid.cli.app import main
from pellucid.recipes import RECIPES
from pellucid.verbs import recipe_of
from pellucid.verdict import VERDICTS
from tests.verdict.cases import ILL, Case, digits
from tests.verdict.made import record


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    """Type a command that goes well; return standard output and standard error."""
    with pytest.raises(SystemExit) as end:
        main(list(words))
    assert not end.value.code
    captured = capsys.readouterr()
    return captured.out, captured.err


TOO_HIGH = ["rule.optimizer.learning_rate=0.3", "train.epochs=8", "execution.threads=1"]


def test_the_command_line_tells_the_verdict_and_the_next_experiment_mends_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, err = typed(capsys, "train", "digits-mlp", *TOO_HIGH, "--out", "run", "--json")
    (finding,) = json.loads(out)["verdict"]
    assert finding["kind"] == "rate_too_high"
    assert set(finding) == {"kind", "message", "evidence", "next"}
    assert finding["message"] in err
    assert f"  Next: {finding['next']}" in err
    page = Path("run/report.html").read_text()
    assert '<section id="verdict">' in page
    assert "What ails it, and what to try next?" in page
    assert finding["next"] in page
    before = json.loads(out)["metrics"]["accuracy"]["value"]
    program, *words = shlex.split(finding["next"])
    assert program == "pellucid"
    mended = json.loads(typed(capsys, *words, "--no-report", "--json")[0])
    assert mended["run"] == "run-lower-rate"
    assert "rate_too_high" not in [each["kind"] for each in mended["verdict"]]
    assert mended["metrics"]["accuracy"]["value"] > before + 0.1


def test_the_verdict_is_the_same_when_it_is_judged_again(tmp_path: Path) -> None:
    run = pellucid.train("digits-mlp", ["train.epochs=4"], out=tmp_path / "run", report=False, quiet=True)
    told = run.result()["verdict"]
    assert run.evaluate("validation")["verdict"] == told
    assert run.evaluate("test")["verdict"] == []  # the test part chooses nothing


def test_training_rows_are_judged_as_validation_rows_are(tmp_path: Path) -> None:
    """Dropout and smoothing are in the training loss, and in no score."""
    case = Case(digits, epochs=2, settings={"model.dropout": 0.5, "task.label_smoothing": 0.2})
    run = case.train(tmp_path / "run")
    looked = json.loads((run.folder / "results/train.json").read_text())
    split = json.loads((run.folder / "split.json").read_text())["rows"]["train"]
    X, y = digits()
    said = run.predict(X[split])
    probabilities = np.array([list(each["probabilities"].values()) for each in said])
    loss = -np.log(probabilities[np.arange(len(split)), y[split]]).mean()
    assert looked["metrics"]["log_loss"]["value"] == pytest.approx(loss, abs=1e-4)
    assert looked["metrics"]["accuracy"]["n"] == len(split)


def test_seeds_that_disagree_are_told_as_unstable(capsys: pytest.CaptureFixture[str]) -> None:
    wild = ["rule.optimizer.learning_rate=0.1", "model.hidden=[32,32,32]", "train.epochs=4", "execution.threads=1"]
    out, err = typed(capsys, "train", "digits-mlp", *wild, "--seeds", "4", "--out", "wild", "--json")
    told = json.loads(out)
    assert told["verdict"][0]["kind"] == "unstable", told["metrics"]
    assert told["verdict"][0]["message"] in err
    assert "Do the runs agree" in Path("wild/report.html").read_text()
    words = shlex.split(told["verdict"][0]["next"])
    changed = recipe_of(words[2], [word for word in words[3:] if "=" in word])
    assert changed.rule["clip"] == 1.0


def test_every_next_experiment_is_one_that_the_recipe_can_be_changed_to(tmp_path: Path) -> None:
    """Whatever a model offers: each illness is put to the recipes of every family, and the settings are resolved."""
    from pellucid import experiment
    from pellucid.verdict import calibration, gradients, overfitting, underfitting

    for name in ("digits", "digits-mlp", "diabetes-mlp", "digits-softmax"):
        recipe = experiment.resolve(RECIPES[name].load()())
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.toml").write_text(recipes.to_toml(recipe))
        made = replace(record(), recipe=recipe.model_dump())
        for settings in (
            overfitting._remedy(made),
            underfitting._larger(made),
            gradients._remedy(made),
            [] if recipe.task["name"] != "classify" else calibration._remedy(made, 2.0),
        ):
            experiment.resolve(recipe_of(tmp_path / name / "recipe.toml", settings))


def test_an_independent_net_overfits_what_is_said_to_be_overfitted() -> None:
    """Scikit-learn's perceptron on the same rows: its loss on rows held out turns, too."""
    X, y = ILL["overfits"]["300 rows, 40 features"].rows()
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    net = MLPClassifier((256, 128), max_iter=1, warm_start=True, random_state=0, learning_rate_init=1e-3)
    losses = []
    for _ in range(60):
        net.partial_fit(X[:210], y[:210], classes=[0, 1])
        shares = np.clip(net.predict_proba(X[210:]), 1e-12, 1)
        losses.append(-np.log(shares[np.arange(90), y[210:]]).mean())
    assert losses[-1] > 1.5 * min(losses)
    assert int(np.argmin(losses)) < 15


def test_a_verdict_names_every_kind_that_it_can_find() -> None:
    page = Path(__file__).parents[2] / "docs/verdict.md"
    told = page.read_text(encoding="utf-8")
    for kind in (*VERDICTS, "unstable", "data_limited", "fits"):
        assert f"`{kind}`" in told
