"""Faults planted in the split of a real table are named with their rows; a clean split has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars
import pytest

import pellucid
from pellucid import preflight
from pellucid.data import locate, world
from pellucid.data.ragged import Ragged
from pellucid.data.split import Split
from pellucid.preflight import Finding, parts
from pellucid.preflight.check import check
from pellucid.recipe import Recipe, SplitSection
from tests.cli.test_contract import call
from tests.preflight.test_tables import Table, wine

SETTINGS = {"execution.threads": 1, "model.name": "linear"}


def recipe_of(columns: Table, **split: Any) -> Recipe:
    """The recipe that is proposed for a table, its split changed."""
    polars.DataFrame(columns).write_csv("wine.csv")
    proposed: Recipe = pellucid.propose("wine.csv", "grower", settings=split.pop("settings", ())).recipe
    return proposed.model_copy(update={"split": SplitSection(**split)})


def found(recipe: Recipe) -> list[Finding]:
    return list(parts.check(world.open(recipe), recipe.data))  # type: ignore[arg-type]


def held_out(recipe: Recipe, part: str) -> np.ndarray:
    opened: Any = world.open(recipe)
    return np.asarray(opened.split.parts[part])


def cellars(columns: Table) -> np.ndarray:
    """Put thirty cellars into the table, each with wines of all growers."""
    who = np.random.default_rng(0).integers(0, 30, len(columns["x0"]))
    columns["cellar"] = [f"cellar {number}" for number in who]
    return who


def days(columns: Table) -> np.ndarray:
    """Put a day into the table, in no order."""
    when = np.random.default_rng(0).permutation(len(columns["x0"]))
    columns["day"] = [str(np.datetime64("2024-01-01") + int(day)) for day in when]
    return when


def test_groups_that_are_drawn_apart_are_wrong() -> None:
    columns = wine()
    who = cellars(columns)
    recipe = recipe_of(columns, kind="stratified", group="cellar")
    findings = [finding for finding in found(recipe) if finding.kind == "group_across_parts"]
    train = set(who[held_out(recipe, "train")])
    expected = {
        part: [row for row in held_out(recipe, part).tolist() if who[row] in train] for part in ("validation", "test")
    }
    assert {part: list(f.rows) for f, part in zip(findings, ("validation", "test"), strict=True)} == expected
    assert all(finding.weight == "wrong" and "choose split.kind = 'grouped'" in finding.message for finding in findings)
    assert "group_across_parts" in {finding.kind for finding in check(recipe, SETTINGS)}


def test_groups_that_are_kept_whole_are_not() -> None:
    columns = wine()
    cellars(columns)
    assert found(recipe_of(columns, kind="grouped", group="cellar")) == []


def test_a_column_that_says_who_was_measured_is_noted() -> None:
    columns = wine()
    cellars(columns)
    columns["patient_no"] = columns.pop("cellar")
    recipe = recipe_of(columns, kind="stratified", settings={"data.types": {"patient_no": "ignore"}})
    (finding,) = found(recipe)
    assert (finding.kind, finding.weight) == ("possible_groups", "note")
    assert "split.group = 'patient_no'" in finding.message
    assert found(recipe.model_copy(update={"split": SplitSection(kind="grouped", group="patient_no")})) == []


def test_training_on_what_came_later_is_doubtful() -> None:
    columns = wine()
    when = days(columns)
    recipe = recipe_of(columns, kind="stratified")
    findings = found(recipe)
    assert [(finding.kind, finding.weight) for finding in findings] == [("time_leak", "doubtful")] * 2
    latest = when[held_out(recipe, "train")].max()
    for part, finding in zip(("validation", "test"), findings, strict=True):
        assert list(finding.rows) == [row for row in held_out(recipe, part).tolist() if when[row] < latest]
        assert "split.kind = 'time' with split.time = 'day'" in finding.message
    named = found(recipe.model_copy(update={"split": SplitSection(kind="random", time="day")}))
    assert [finding.kind for finding in named] == ["time_leak"] * 2


def test_a_split_in_time_is_not() -> None:
    columns = wine()
    days(columns)
    columns["x3"] = columns["day"]  # a second column of times says no more
    assert found(recipe_of(columns, kind="time", time="day")) == []


def test_a_table_in_the_order_of_time_may_be_cut_in_its_order() -> None:
    columns = wine()
    order = np.random.default_rng(0).permutation(178)  # the file is sorted by grower
    columns = {name: [values[row] for row in order] for name, values in columns.items()}
    columns["day"] = [str(np.datetime64("2024-01-01") + day) for day in range(178)]
    assert found(recipe_of(columns, kind="contiguous")) == []


def test_copies_among_rows_of_unequal_length() -> None:
    texts = [bytes(f"review {number}" * (1 + number % 5), "utf-8") for number in range(100)]
    texts[90], texts[95] = texts[3], texts[4]
    values = Ragged.of([np.frombuffer(text, np.uint8) for text in texts])
    ids = {"train": np.arange(80), "validation": np.arange(80, 92), "test": np.arange(92, 100)}
    findings = list(parts.copies(values, Split(ids, "", SplitSection())))
    assert [(finding.kind, list(finding.rows)) for finding in findings] == [
        ("duplicates_across_parts", [r]) for r in (90, 95)
    ]


def test_inputs_that_take_few_values_are_no_copies() -> None:
    values = np.random.default_rng(0).integers(0, 3, (100, 2)).astype(np.float32)
    ids = {"train": np.arange(80), "validation": np.arange(80, 92), "test": np.arange(92, 100)}
    assert list(parts.copies(values, Split(ids, "", SplitSection()))) == []


@pytest.mark.skipif(not locate.folder("tabular").is_dir(), reason="the tables are not there; set PELLUCID_DATA")
@pytest.mark.parametrize(
    ("file", "target"), [("adult-train.csv", "column_15"), ("california_housing.csv", "median_house_value")]
)
def test_clean_tables_have_neither_groups_nor_times(file: str, target: str) -> None:
    recipe = pellucid.propose(locate.folder("tabular") / file, target).recipe
    assert {finding.kind for finding in found(recipe)} <= {"duplicates_across_parts"}


def test_training_tells_of_a_leak_across_its_parts_first(capsys: pytest.CaptureFixture[str]) -> None:
    polars.DataFrame({name: values + values[:30] for name, values in wine().items()}).write_csv("wine.csv")
    settings = ["train.epochs=1", "execution.threads=1", "evaluate.baselines=false", "--no-report"]
    code, _, err = call(capsys, "train", "--data", "wine.csv", "--target", "grower", *settings, "--out", "first")
    assert code == 0
    assert "of the validation rows have the inputs of a training row" in err
    assert err.index("Looked at the data before training") < err.index("of the validation rows")
    for recipe, more in (("first/recipe.toml", []), ("first/recipe.toml", ["--no-check"])):
        code, _, err = call(capsys, "train", recipe, *more, "--no-report", "--out", "again" + "".join(more))
        assert code == 0
        assert ("of the validation rows have" in err) == (not more)


def test_all_is_said_of_all_alone() -> None:
    assert [preflight.per_cent(share) for share in (0.00123, 0.256, 0.996, 1.0)] == ["0.12", "26", "99", "100"]
