"""`pellucid crossval` answers by the contract, and refuses in one sentence; looks at a test part are told by number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_contract import answer, call

QUICK = ["train.epochs=1", "execution.threads=1", "execution.variant=eager", "--no-report"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_answers_what_train_answers_and_the_folds(capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(capsys, "crossval", "diabetes-mlp", *QUICK, "--folds", "3", "--out", "out")
    assert set(told) >= {"run", "split", "looks", "metrics", "baselines", "verdict", "steps", "samples_per_second"}
    assert [set(fold) for fold in told["folds"]] == [set(told["metrics"])] * 3
    for score in told["metrics"].values():
        assert score["low"] <= score["value"] <= score["high"]
        assert score["n"] == 3
    for scores in told["baselines"].values():
        assert set(scores["rmse"]["difference"]) == {"value", "low", "high", "p", "p_holm", "test"}
    again = answer(capsys, "crossval", "--resume", "out", "--no-report")
    assert again["metrics"] == told["metrics"]


def test_it_says_how_the_net_stands(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "crossval", "diabetes-mlp", *QUICK[:-1], "--folds", "2", "--out", "out")
    assert code == 0
    assert "Against linear model the net is" in out
    verdict = json.loads(Path("out/results/crossval.json").read_text())["verdict"]
    assert all(f"{finding['message']}\n  Next: {finding['next']}" in out for finding in verdict)
    assert "p-values by the same t, over all baselines by Holm" in out
    assert "fold-2 (2 of 2)" in err
    page = Path("out/report.html").read_text()
    assert "Cross-validation, 2 folds" in page
    assert "\\begin{tabular}" in page
    assert "| RMSE |" in page
    assert json.loads(Path("out/results/crossval.json").read_text())["plan"]["folds"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["crossval"], "Give exactly one of"),
        (["crossval", "diabetes-mlp", "--resume", "out"], "Give exactly one of"),
        (["crossval", "--resume", "out", "--folds", "3"], "keeps its own recipe and numbers"),
        (["crossval", "diabetes-mlp", "--folds", "1"], "folds = 1: expected 2 or more"),
        (["crossval", "diabetes-mlp", "--folds", "400"], "leaves none to train on|too few|Choose fewer folds"),
        (["crossval", "--resume", "nowhere"], "there is no such run folder"),
        (["crossval", "nothing"], "there is no 'nothing'"),
    ],
)
def test_refusals_are_one_message(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    import re

    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert re.search(message, err)
    assert "Traceback" not in err
    assert not Path("runs").exists()


def test_looks_at_a_test_part_are_counted_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (0, 1):
        call(capsys, "train", "diabetes-mlp", *QUICK, f"seed={seed}", "--out", f"run-{seed}")
    assert "first look at this test part." in call(capsys, "evaluate", "run-0", "--split", "test")[1]
    second = call(capsys, "evaluate", "run-1", "--split", "test")[1]
    assert "This was the second look at this test part, 1 of them by other runs." in second
    assert "Other runs have looked at these test rows once." in call(capsys, "evaluate", "run-0")[1]
    assert "This was the third look" in call(capsys, "evaluate", "run-1", "--split", "test")[1]
