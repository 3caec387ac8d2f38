"""A series of the user's own: one command from the table to forecasts, resume, and predictions as evaluated."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import pellucid
from pellucid import recipe as recipes
from pellucid.errors import DataError
from tests.cli.test_contract import answer, call
from tests.data.test_series import days, write
from tests.training.runs import dying, outcome

QUICK = {"execution.threads": 1, "execution.variant": "eager", "train.epochs": 4}
LENGTH = 300


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


def waves() -> NDArray[np.float64]:
    """Weeks that repeat, and noise."""
    noise = np.random.default_rng(0).normal(0, 0.3, LENGTH)
    return np.round(20 + 3 * np.sin(2 * np.pi * np.arange(LENGTH) / 7) + noise, 3)


@pytest.fixture
def table() -> Path:
    rows = days(waves().tolist(), wind=["north", "south", "west"] * 100)
    rows[40]["y"] = ""
    return write(Path("waves.csv"), rows)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def evaluated(run: Path) -> dict[int, tuple[float, float]]:
    """Truth and prediction by row id."""
    rows = rows_of(run / "predictions/validation.csv")
    return {int(row["row"]): (float(row["target"]), float(row["prediction"])) for row in rows}


def test_one_command(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["execution.threads=1", "execution.variant=eager", "train.epochs=30"]
    code, out, err = call(capsys, "train", "--data", "waves.csv", "--target", "y", *settings, "--out", "run", "--json")
    assert code == 0
    assert "series: a row every day by day, 2024-01-01 to 2024-10-26; in order" in err
    assert "season: 7 steps; a window has 14 of them" in err
    assert "note: 'y' is missing in 0.33 % of the rows" in err
    kept = recipes.read(Path("run/recipe.toml"))
    assert (kept.data.kind, kept.data.time, kept.data.series) == ("series", ("day",), None)
    assert (kept.split.kind, kept.prepare.context, kept.prepare.horizon) == ("time", 14, 1)
    result = json.loads(out)
    assert set(result["baselines"]) == {"mean", "linear", "persistence", "seasonal_naive"}

    known = np.where(np.arange(LENGTH) == 40, waves()[39], waves())
    parts = json.loads(Path("run/split.json").read_text())["rows"]
    steps = np.delete(np.arange(14, LENGTH), 40 - 14)[parts["validation"]["start"] : parts["validation"]["stop"]]
    truth = waves()[steps]
    for name, forecast in (("persistence", known[steps - 1]), ("seasonal_naive", known[steps - 7])):
        mae = result["baselines"][name]["mae"]["value"]
        assert mae == pytest.approx(np.abs(truth - forecast).mean(), rel=1e-5)
    assert result["metrics"]["mae"]["value"] < result["baselines"]["seasonal_naive"]["mae"]["value"]
    assert "Forecasts of validation" in Path("run/report.html").read_text()
    assert answer(capsys, "evaluate", "run", "--split", "test")["looks"] == 1


@pytest.mark.parametrize("horizon", [1, 3])
def test_predicts_what_was_evaluated(horizon: int, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ahead = {"prepare.horizon": horizon, "split.gap": horizon - 1, **QUICK}
    run = pellucid.train(pellucid.propose(table, "y").recipe, ahead, out="run", report=False, quiet=True)
    places = np.delete(np.arange(13 + horizon, LENGTH), 40 - 13 - horizon)  # of the targets
    row, (truth, forecast) = list(evaluated(run.folder).items())[7]
    rows = rows_of(table)
    assert truth == pytest.approx(float(rows[places[row]]["y"]))
    write(Path("new.csv"), rows[: places[row] - horizon + 1][::-1])
    (predicted,) = answer(capsys, "predict", "run", "new.csv")["predictions"]
    assert predicted["prediction"] == pytest.approx(forecast, rel=1e-5)
    assert predicted["input"] == f"new.csv: {rows[places[row]]['day']}"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[-9:], "it has 9 steps of a day: expected 14 or more"),
        (lambda rows: [{**row, "y": ""} for row in rows], "'y' has no value where the last 14 steps begin"),
        (lambda rows: [{name: row[name] for name in ("day", "y")} for row in rows], "lacks the columns 'wind'"),
        (lambda rows: [{**row, "day": number} for number, row in enumerate(rows)], "are whole numbers: expected dates"),
        (lambda rows: [*rows, rows[-1]], "1 times occur twice"),
    ],
)
def test_tables_that_cannot_be_predicted_from(change, told: str, table: Path) -> None:  # type: ignore[no-untyped-def]
    run = pellucid.train(pellucid.propose(table, "y").recipe, QUICK, out="run", report=False, quiet=True)
    write(Path("new.csv"), change(rows_of(table)))
    (predicted,) = run.predict("new.csv")
    assert told in predicted["error"]


def test_several_series(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**row, "shop": shop} for shop in ("a", "b") for row in days((waves() * (1 + (shop == "b"))).tolist())]
    write(Path("shops.csv"), rows)
    proposed = pellucid.propose("shops.csv", "y")
    assert proposed.recipe.data.series == "shop"
    assert "2 series by shop" in proposed.because[0]
    ahead = {"prepare.horizon": 2, "split.gap": 2, **QUICK}
    run = pellucid.train(proposed.recipe, ahead, out="run", report=False, quiet=True)
    split = json.loads((run.folder / "split.json").read_text())["rows"]
    assert split["validation"]["start"] - split["train"]["stop"] == 2  # one step of two series
    write(Path("new.csv"), [row for row in rows if str(row["day"]) < "2024-02-01"])
    given = answer(capsys, "predict", "run", "new.csv")["predictions"]
    assert [each["input"] for each in given] == ["new.csv: a 2024-02-02", "new.csv: b 2024-02-02"]
    with pytest.raises(DataError, match=r"needs split\.gap = 2"):
        pellucid.train(proposed.recipe, {"prepare.horizon": 2, **QUICK}, out="other", quiet=True)


def test_resumed_to_the_same_bytes(table: Path) -> None:
    recipe = pellucid.propose(table, "y").recipe
    settings = {**QUICK, "train.checkpoint_every": 2}
    whole = pellucid.train(recipe, settings, out="whole", report=False, quiet=True)
    with dying(5):
        pellucid.train(recipe, settings, out="run", report=False, quiet=True)
    pellucid.resume("run", report=False, quiet=True)
    assert outcome(Path("run")) == outcome(whole.folder)


@pytest.mark.parametrize("model", ["mlp", "linear"])
def test_other_models_read_windows(model: str, table: Path) -> None:
    recipe = pellucid.propose(table, "y", model).recipe
    run = pellucid.train(recipe, {**QUICK, "evaluate.baselines": False}, out="run", report=False, quiet=True)
    assert run.metrics["r2"] > 0


def test_a_table_stays_one_where_it_is_said_so(table: Path) -> None:
    assert pellucid.propose(table, "y", settings={"data.kind": "table"}).recipe.data.kind == "table"
    told = pellucid.propose(table, "wind").because[0]
    assert told.startswith("no series, though day says when: 'wind' is no number")
