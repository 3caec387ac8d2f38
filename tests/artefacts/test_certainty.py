"""What validation gives of certainty: kept with the artefact, used by `predict`, judged on test, told by the verbs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from scipy.special import log_softmax

import pellucid
from pellucid.errors import ArtefactError, PellucidError
from pellucid.evaluation.conformal import quantile
from tests.cli.test_contract import answer, call


def tabled(rows: int = 400, seed: int = 0) -> Path:
    """A table: two classes, easy at one place and hard at the other, with a column that nothing learns from."""
    random = np.random.default_rng(seed)
    place = np.array(["north", "south"])[random.integers(2, size=rows)]
    x, y = random.normal(size=(2, rows))
    noise = np.where(place == "south", 3.0, 0.1) * random.normal(size=rows)
    ill = np.where(x + y + noise > 0, "ill", "healthy")
    path = Path("table.csv")
    polars.DataFrame({"x": x, "y": y, "place": place, "outcome": ill}).write_csv(path)
    return path


QUICK = ["train.epochs=15", "evaluate.baselines=false", "execution.threads=1", "split.validation=0.4", "split.test=0.2"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> str:
    tabled()
    given = ["--data", "table.csv", "--target", "outcome", "data.types.place=ignore", *QUICK, "--no-report"]
    code, _, err = call(capsys, "train", *given, "--out", "run")
    assert code == 0, err
    return "run"


@pytest.fixture
def numbers() -> pellucid.Run:
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 3))
    y = X @ [1.0, 2.0, 3.0] + random.normal(size=300)
    return pellucid.fit(X, y, validation=0.4, test=0.2, epochs=10, out="numbers", report=False, quiet=True)


def kept(run: str | Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((Path(run) / "artefact/calibration.json").read_text())
    return values


def test_predict_says_how_sure_it_is(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    plain = answer(capsys, "predict", run, "table.csv")["predictions"]
    sure = answer(capsys, "predict", run, "table.csv", "predict.calibrated=true", "predict.coverage=0.9")["predictions"]
    told = kept(run)
    limit = told["quantiles"]["0.9"][0]
    for before, after in zip(plain, sure, strict=True):
        assert after["prediction"] == before["prediction"]
        p = np.array(list(before["probabilities"].values()))
        expected = np.exp(log_softmax(np.log(p) / told["temperature"]))
        assert list(after["probabilities"].values()) == pytest.approx(expected, abs=1e-3)
        held = {name for name, share in before["probabilities"].items() if 1 - share <= limit}
        assert set(after["set"]) == held | {before["prediction"]}
        assert after["set"][0] == before["prediction"]
    assert "set" not in plain[0]
    text = call(capsys, "predict", run, "table.csv", "predict.coverage=0.99")[1]
    assert "{healthy, ill}" in text or "{ill, healthy}" in text


def test_what_is_kept_is_of_validation(run: str) -> None:
    told, split = kept(run), json.loads(Path(run, "split.json").read_text())
    table = polars.read_csv(Path(run, "predictions/validation.csv"))
    assert (told["part"], told["rows"]) == ("validation", len(split["rows"]["validation"]))
    p = np.where(table["target"] == "ill", table["p_ill"], table["p_healthy"])
    assert told["quantiles"]["0.9"][0] == pytest.approx(quantile(1 - p, 0.9), abs=1e-6)


def test_the_test_part_is_judged_by_what_validation_gave(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, "evaluate", run, "--cost", "ill:healthy=5")
    before = kept(run)
    validation = json.loads(Path(run, "results/validation.json").read_text())
    tested = answer(capsys, "evaluate", run, "--split", "test", "--cost", "ill:healthy=5")
    assert kept(run) == before
    table = polars.read_csv(Path(run, "predictions/test.csv"))
    p = np.where(table["target"] == "ill", table["p_ill"], table["p_healthy"])
    covered = {each["coverage"]: each["measured"]["value"] for each in tested["conformal"]["coverages"]}
    limit = before["quantiles"]["0.9"][0]
    assert covered[0.9] == pytest.approx(
        np.mean((1 - p <= limit) | (table["target"] == table["prediction"]).to_numpy())
    )
    for told in (tested["calibration"]["temperature"], tested["conformal"], tested["cost"]):
        assert (told["fitted_on"]["part"], told["judged"]) == ("validation", "test")
    threshold = validation["cost"]["threshold"]["by_trying"]
    assert tested["cost"]["threshold"]["by_trying"] == threshold
    answers = (table["p_ill"] >= threshold).to_numpy()
    ill = (table["target"] == "ill").to_numpy()
    assert tested["cost"]["ways"]["threshold_by_trying"]["value"] == pytest.approx(
        np.mean(np.where(ill & ~answers, 5, np.where(~ill & answers, 1, 0)))
    )


def test_a_threshold_of_other_costs_is_not_used_on_test(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, "evaluate", run, "--cost", "ill:healthy=5")
    tested = answer(capsys, "evaluate", run, "--split", "test", "--cost", "ill:healthy=2")
    assert tested["cost"]["threshold"]["by_trying"] is None
    assert set(tested["cost"]["ways"]) == {"likeliest", "least_expected_cost", "least_expected_cost_calibrated"}
    page = Path(run, "report.html").read_text()
    first, second = (page.index(f"Decisions by cost, on {part}") for part in ("validation", "test"))
    assert page.count("No threshold was tried") == 1
    assert first < second < page.index("No threshold was tried")


def test_slices_by_a_column_that_is_not_learned_from(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "evaluate", run, "--slices", "place", "--slices", "x", "--slices", "outcome")["slices"]
    assert {each["column"] for each in found} == {"place", "x", "outcome"}
    assert [each["value"] for each in found if each["column"] == "place"] == ["south", "north"]
    south = next(each for each in found if each["value"] == "south")
    assert south["p_holm"] < 0.05
    assert south["difference"]["high"] < 0
    table = polars.read_csv(Path(run, "predictions/validation.csv"))
    rows = polars.read_csv("table.csv")["place"].to_numpy()[table["row"].to_numpy()] == "south"
    right = (table["target"] == table["prediction"]).to_numpy()
    assert (south["n"], south["metrics"]["accuracy"]["value"]) == (rows.sum(), pytest.approx(right[rows].mean()))
    text = call(capsys, "evaluate", run, "--slices", "place", "--cost", "ill:healthy=5")[1]
    assert text.index("place south") < text.index("place north")
    assert "Answer ill where its probability is at least" in text
    page = Path(run, "report.html").read_text()
    assert '<b class="wrong">south</b>' in page
    assert "Decisions by cost" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--slices", "plaice"], "plaice"),
        (["--cost", "ill:well=2"], "there is no class 'well'"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_the_seal_is_opened(
    run: str, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, _, err = call(capsys, "evaluate", run, "--split", "test", *arguments)
    assert code == 2
    assert words in err
    assert not Path(run, "looks.jsonl").exists()


def test_intervals_of_numbers(numbers: pellucid.Run) -> None:
    told = kept(numbers.folder)
    half = told["quantiles"]["0.9"][0]
    for each in numbers.predict(np.zeros((2, 3)), {"coverage": 0.9}):
        assert each["interval"] == pytest.approx([each["prediction"] - half, each["prediction"] + half])
    tested = numbers.evaluate("test")
    table = polars.read_csv(numbers.folder / "predictions/test.csv")
    covered = float(((table["target"] - table["prediction"]).abs() <= half).mean() or 0)
    nine = next(each for each in tested["conformal"]["coverages"] if each["coverage"] == 0.9)
    assert nine["measured"]["value"] == pytest.approx(covered, abs=0.02)
    assert nine["mean_width"] == pytest.approx(2 * half)
    with pytest.raises(PellucidError, match="of probabilities, and this run predicts numbers"):
        numbers.predict(np.zeros((2, 3)), {"calibrated": True})
    with pytest.raises(PellucidError, match="mistakes among classes"):
        pellucid.evaluate(numbers, costs=["a:b=2"])


def test_an_older_artefact_loads_and_says_what_it_lacks(numbers: pellucid.Run) -> None:
    (numbers.folder / "artefact/calibration.json").unlink()
    assert "interval" not in numbers.predict(np.zeros((1, 3)))[0]
    tested = numbers.evaluate("test")["conformal"]  # nothing is ever fitted on test
    assert (tested["fitted_on"], tested["coverages"]) == (None, [])
    with pytest.raises(PellucidError, match="Fit it first: pellucid evaluate"):
        numbers.predict(np.zeros((1, 3)), {"coverage": 0.9})
    numbers.evaluate("validation")
    assert "interval" in numbers.predict(np.zeros((1, 3)), {"coverage": 0.9})[0]


@pytest.mark.parametrize("damage", ["{", "[]", '{"version": 1}'])
def test_a_damaged_calibration_is_refused(numbers: pellucid.Run, damage: str) -> None:
    (numbers.folder / "artefact/calibration.json").write_text(damage)
    with pytest.raises(ArtefactError, match=r"calibration\.json"):
        numbers.predict(np.zeros((1, 3)))


def test_a_calibration_of_other_weights_is_refused(numbers: pellucid.Run) -> None:
    path = numbers.folder / "artefact/calibration.json"
    path.write_text(json.dumps({**kept(numbers.folder), "weights": "0" * 64}))
    with pytest.raises(ArtefactError, match="other weights"):
        numbers.predict(np.zeros((1, 3)))
