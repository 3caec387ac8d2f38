"""Runs are compared on the rows that both judged, what is not comparable is refused, and the answer is in words."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import pellucid
from pellucid import rundir
from pellucid.comparison import sentences
from pellucid.comparison.compare import compare
from pellucid.errors import PellucidError
from pellucid.tasks.score import mean_score
from tests.cli.test_contract import answer, call
from tests.comparison.folders import NUM_ROWS, make_crossval, make_run, scores

ROWS = range(NUM_ROWS)


@pytest.fixture
def runs() -> list[Path]:
    """Two that are alike, and one that is far better."""
    return [
        make_run(Path(f"runs/{name}"), scores(seed, NUM_ROWS, share), ROWS, rate=rate)
        for seed, (name, share, rate) in enumerate([("a", 0.6, 0.1), ("b", 0.6, 0.2), ("c", 0.8, 0.1)])
    ]


def test_the_answer_keeps_the_contract(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(capsys, "compare", *map(str, runs))
    assert [(each["a"], each["b"]) for each in told["comparisons"]] == [
        ("runs/a", "runs/b"),
        ("runs/a", "runs/c"),
        ("runs/b", "runs/c"),
    ]
    for each in told["comparisons"]:
        assert set(each) >= {"a", "b", "difference", "low", "high", "p", "p_holm", "test", "n", "effect_size", "metric"}
        assert each["low"] <= each["difference"] <= each["high"]
        assert each["p"] <= each["p_holm"] <= 1
    assert told["config"] == {"rule.optimizer.learning_rate": [0.1, 0.2, 0.1]}
    assert Path(told["page"]) == Path("runs/compare.html")


def test_accuracy_is_tested_by_mcnemar(runs: list[Path]) -> None:
    told = pellucid.compare(runs[0], runs[2], report=False)
    (each,) = told["comparisons"]
    a, c = (scores(seed, NUM_ROWS, share)["accuracy"].units for seed, share in ((0, 0.6), (2, 0.8)))
    only_a, only_c = int((a > c).sum()), int((c > a).sum())
    assert each["p"] == each["p_holm"] == pytest.approx(stats.binomtest(only_a, only_a + only_c).pvalue)
    assert each["difference"] == pytest.approx(a.mean() - c.mean())
    assert re.fullmatch(
        r"c is better than a by \d+\.\d points of accuracy \(\d+\.\d to \d+\.\d; McNemar's test, p < 0.001\)\.",
        told["sentences"][0],
    )
    assert not Path("runs/compare.html").exists()


def test_what_is_not_shown_is_said_with_what_would_have_been(runs: list[Path]) -> None:
    (sentence,) = pellucid.compare(*runs[:2], metric="log_loss", report=False)["sentences"]
    assert re.match(
        r"[ab] is not shown to be better than [ab] \(log loss: difference 0\.0\d+, −0\.\d+ to 0\.", sentence
    )
    assert re.search(
        r"With 200 rows a difference of 0\.\d+ is found 8 times in 10; one of this size needs about [\d,]+ rows\.$",
        sentence,
    )


def test_a_lower_loss_is_better(runs: list[Path]) -> None:
    loss = scores(9, NUM_ROWS)
    moments = loss["log_loss"].moments * [0.5, 1]
    better = {**loss, "log_loss": type(loss["log_loss"])(moments, "ratio", "min")}
    make_run(Path("runs/low"), better, ROWS)
    told = pellucid.compare("runs/a", "runs/low", metric="log_loss", report=False)
    assert told["comparisons"][0]["difference"] > 0
    assert told["sentences"][0].startswith("low is better than a by 0.5")


def test_one_run_is_compared_with_its_baselines() -> None:
    baselines = {"majority": {"accuracy": scores(3, 200, 0.2)["accuracy"]}, "linear": scores(4, 200, 0.6)}
    run = make_run(Path("run"), scores(0, 200, 0.6), ROWS, baselines=baselines)
    told = pellucid.compare(run, report=False)
    assert [(each["a"], each["b"]) for each in told["comparisons"]] == [("run", "majority"), ("run", "linear")]
    assert told["sentences"][0].startswith("run is better than largest class by")
    only = pellucid.compare(run, metric="log_loss", report=False)["comparisons"]
    assert [each["b"] for each in only] == ["linear"]


def test_more_than_four_are_compared_with_the_first() -> None:
    for n in range(5):
        make_run(Path(f"run-{n}"), scores(n, 200), ROWS)
    told = compare([Path(f"run-{n}") for n in range(5)], report=False)
    assert [(each["a"], each["b"]) for each in told["comparisons"]] == [("run-0", f"run-{n}") for n in range(1, 5)]


def test_groups_are_the_evidence_where_there_are_any() -> None:
    for n in range(2):
        make_run(Path(f"run-{n}"), scores(n, 200), ROWS, clusters=np.repeat(np.arange(20), 10))
    told = pellucid.compare("run-0", "run-1", report=False)
    assert (told["comparisons"][0]["test"], told["comparisons"][0]["n"]) == ("student", 20)
    assert "With 20 groups" in told["sentences"][0]


def test_rows_that_both_judged(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("half"), scores(5, 100), range(100))
    code, _, err = call(capsys, "compare", "runs/a", "half")
    assert code == 2
    assert "they judged different validation rows (200 and 100, 100 of them the same)" in err
    assert "compare the 100 that all judged: --common" in err
    told = answer(capsys, "compare", "runs/a", "half", "--common")
    assert told["comparable"]["units"] == told["comparisons"][0]["n"] == 100
    a, half = scores(0, NUM_ROWS, 0.6)["accuracy"].units[:100], scores(5, 100)["accuracy"].units
    assert told["comparisons"][0]["difference"] == pytest.approx(a.mean() - half.mean())
    assert "Only the 100 rows that all of them judged are compared" in told["comparable"]["notes"][0]


def test_other_training_rows_are_noted(runs: list[Path]) -> None:
    make_run(Path("fewer"), scores(5, NUM_ROWS), ROWS, train=range(500, 600))
    notes = pellucid.compare("runs/a", "fewer", report=False)["comparable"]["notes"]
    assert notes[0].startswith("They were not trained on the same rows (runs/a on 400, fewer on 100)")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["runs/a", "other-data"],
            "runs/a and other-data are not comparable: their data differ (hash data against else)",
        ),
        (
            ["runs/a", "other-rows"],
            "they judged different validation rows (200 and 50, 0 of them the same). Train both",
        ),
        (["runs/a", "runs/../runs/a"], "runs/../runs/a is given twice."),
        (["runs/a", "nowhere"], "nowhere: there is no such run folder."),
        (["runs/a", "seeds"], "seeds holds several runs of one recipe"),
        (["runs/a", "begun"], "begun has no result yet. Let it end: pellucid train --resume begun"),
        (
            ["runs/a", "runs/b", "--metric", "acuracy"],
            "metric = 'acuracy': there is no such score. Did you mean 'accuracy'?",
        ),
        (["runs/a", "runs/b", "--split", "train"], "split = 'train': expected validation or test."),
        (
            ["runs/a", "runs/b", "--split", "test"],
            "The test part is still sealed in runs/a, and compare opens no seal.",
        ),
        (["runs/a", "runs/b", "--out", "runs"], "runs is a folder. Give the page's file: --out runs/compare.html"),
        (["runs/a"], "runs/a has no baselines to be compared with."),
        (["runs/a", "folds"], "folds is a cross-validation and runs/a a single run"),
        (
            ["folds", "unended"],
            "unended is a cross-validation that has not ended. Go on with it: pellucid crossval --res",
        ),
    ],
)
def test_what_is_not_comparable_is_refused(
    arguments: list[str], told: str, runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(Path("other-data"), scores(5, NUM_ROWS), ROWS, data_hash="else")
    make_run(Path("other-rows"), scores(5, 50), range(300, 350))
    make_crossval(Path("folds"), [[0.5], [0.6]], "ab")
    for folder, file in (
        ("seeds", "seeds.json"),
        ("begun", "recipe.toml"),
        ("unended", "recipe.toml"),
        ("unended", "crossval.json"),
    ):
        Path(folder).mkdir(exist_ok=True)
        (Path(folder) / file).touch()
    code, out, err = call(capsys, "compare", *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert not Path("runs/compare.html").exists()


def test_a_test_part_that_both_opened_is_compared_and_no_seal_is_broken() -> None:
    for n in range(2):
        make_run(Path(f"run-{n}"), scores(n, 200), ROWS, parts=("validation", "test"))
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    told = pellucid.compare("run-0", "run-1", split="test", report=False)
    assert told["comparable"]["looks"] == {"run-0": 1, "run-1": 1}
    assert "The test part has been opened 1 time; compare opens nothing." in told["comparable"]["notes"]
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_folds_are_compared_by_pairs_and_their_seeds_are_averaged() -> None:
    a = make_crossval(Path("a"), [[0.9, 0.8], [0.8, 0.9], [0.7, 0.9]], "xyz")
    b = make_crossval(Path("b"), [[0.6], [0.7], [0.65]], "xyz")
    (each,) = pellucid.compare(a, b, report=False)["comparisons"]
    differences = np.array([0.25, 0.15, 0.15])
    error = np.sqrt((1 / 3 + 20 / 80) * differences.var(ddof=1))
    assert each["difference"] == pytest.approx(differences.mean())
    assert each["p"] == pytest.approx(2 * stats.t.sf(differences.mean() / error, 2))
    assert (each["test"], each["n"]) == ("corrected_t", 3)
    others = make_crossval(Path("c"), [[0.6], [0.7], [0.65]], "xyw")
    with pytest.raises(PellucidError, match=r"their folds differ \(3 and 3, 2 of them the same\)"):
        pellucid.compare(a, others)


def test_the_page_is_whole_and_needs_no_other_file(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(rundir, "write_atomically", lambda path, content: written.append((path, content.decode())))
    told = pellucid.compare(*runs, out="deep/er/page.html")
    ((path, html),) = written
    assert path == Path("deep/er/page.html")
    assert html.count("<svg") == 2  # the differences, and the one score that was validated
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", html).replace("http-equiv", "")
    assert told["sentences"][0].replace("'", "&#x27;") in html
    assert "rule.optimizer.learning_rate" in html


def test_odds_without_an_end_are_told_as_infinite() -> None:
    ahead = {"accuracy": mean_score(np.arange(200) < 150, "max", "wilson")}
    behind = {"accuracy": mean_score(np.arange(200) < 145, "max", "wilson")}
    for name, found in (("ahead", ahead), ("behind", behind)):
        make_run(Path(name), found, ROWS)
    pellucid.compare("ahead", "behind")
    assert re.search(r"<td>∞<small>odds, 0\.\d\d – ∞</small>", Path("runs/compare.html").read_text())
    pellucid.compare("ahead", make_run(Path("same"), ahead, ROWS))
    assert "odds" not in Path("runs/compare.html").read_text()


def test_names_from_outside_are_escaped() -> None:
    for name in ("<b>", "a&b"):
        make_run(Path("runs") / name, scores(0, 200), ROWS)
    pellucid.compare("runs/<b>", "runs/a&b")
    html = Path("runs/compare.html").read_text()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_runs_are_called_by_their_folders_where_that_is_clear() -> None:
    assert sentences.labels(["x/a", "y/b"]) == {"x/a": "a", "y/b": "b"}
    assert sentences.labels(["x/a", "y/a"]) == {"x/a": "x/a", "y/a": "y/a"}
    assert sentences.labels(["my_run"], ["k_nearest"]) == {"my_run": "my_run", "k_nearest": "nearest neighbours"}


def test_runs_that_were_really_trained(capsys: pytest.CaptureFixture[str]) -> None:
    for name, epochs in (("one", 1), ("twenty", 20)):
        pellucid.train(
            "digits-softmax", {"train.epochs": epochs, "evaluate.baselines": False}, out=name, quiet=True, report=False
        )
    code, out, _ = call(capsys, "compare", "one", "twenty")
    assert code == 0
    assert out.splitlines()[0] == "accuracy, validation, 180 rows; 95 % intervals"
    assert "twenty is better than one by" in out
    assert re.search(r"^  train\.epochs +1 +20$", out, re.MULTILINE)
