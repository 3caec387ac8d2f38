"""Faults planted in a real table are named with the right rows, and a clean one has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from sklearn.datasets import load_iris, load_wine

import pellucid
from pellucid.errors import RecipeError
from pellucid.preflight import Finding
from pellucid.preflight.check import check, of_data
from pellucid.recipe import DataSection
from tests.cli.test_contract import answer, call

Table = dict[str, list[Any]]


def wine() -> Table:
    """178 wines, 13 measurements, three growers, as a user's file would hold them."""
    X, y = load_wine(return_X_y=True)
    columns: Table = {f"x{place}": X[:, place].tolist() for place in range(13)}
    draw = np.random.default_rng(0)
    columns["region"] = draw.choice(["north", "south", "east"], len(y)).tolist()
    return columns | {"grower": np.array(["anna", "bert", "carl"])[y].tolist()}


def found(columns: Table, target: str | None = "grower", **section: Any) -> list[Finding]:
    polars.DataFrame(columns, strict=False).write_csv("wine.csv")
    return of_data(DataSection(source="wine.csv", target=target, **section))


def test_a_clean_table_has_no_finding() -> None:
    assert found(wine()) == []
    assert check("wine.csv", {"execution.threads": 1}, target="grower") == []


def put(column: str, rows: list[int], value: Any) -> Callable[[Table], None]:
    def plant(columns: Table) -> None:
        columns[column] = [value if row in rows else old for row, old in enumerate(columns[column])]

    return plant


def add(name: str, values: Callable[[Table], list[Any]]) -> Callable[[Table], None]:
    def plant(columns: Table) -> None:
        columns[name] = values(columns)

    return plant


def repeat(rows: list[int], **changed: Any) -> Callable[[Table], None]:
    def plant(columns: Table) -> None:
        for name, values in columns.items():
            values += [changed.get(name, values[row]) for row in rows]

    return plant


FAULTS: list[tuple[str, Callable[[Table], None], str, list[int]]] = [
    ("missing target", put("grower", [5, 90], None), "missing_target", [5, 90]),
    ("missing numbers", put("x3", [1, 2, 3], None), "missing_values", [1, 2, 3]),
    ("missing categories", put("region", [7], "?"), "missing_values", [7]),
    ("mostly missing", put("x3", list(range(100)), None), "missing_values", list(range(100))),
    ("no value at all", put("x3", list(range(178)), None), "empty_column", []),
    ("constant", put("x3", list(range(178)), 1.5), "constant_column", []),
    ("the same column twice", add("again", lambda columns: list(columns["x4"])), "duplicate_column", []),
    (
        "a number per row",
        add("patient", lambda c: np.random.default_rng(1).permutation(9000)[:178].tolist()),
        "id_like_column",
        [],
    ),
    (
        "the target by another name",
        add("code", lambda c: ["acdb".index(name[0]) for name in c["grower"]]),
        "target_in_inputs",
        [],
    ),
    ("a slip among numbers", put("x5", [40], "12,3 g"), "almost_numbers", [40]),
    ("another unit", put("x6", [13], 2800.0), "outlier", [13]),
    ("infinity", put("x6", [14], float("inf")), "infinite", [14]),
    ("two spellings", put("region", [3, 8], "North "), "spellings", [3, 8]),
    ("another encoding", put("region", [20, 21], "s\u00c3\u00bcden"), "wrong_encoding", [20, 21]),
    ("a rare class", put("grower", [0, 1], "dora"), "rare_class", [0, 1]),
    ("unequal classes", put("grower", list(range(170)), "anna"), "imbalance", []),
    ("copies", repeat([10, 11]), "duplicate_rows", [10, 11, 178, 179]),
    ("contradictions", repeat([10], grower="bert"), "contradiction", [10, 178]),
    ("one class only", put("grower", list(range(178)), "anna"), "constant_column", []),
]


@pytest.mark.parametrize(("plant", "kind", "rows"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_planted_fault_is_named_with_its_rows(plant: Callable[[Table], None], kind: str, rows: list[int]) -> None:
    columns = wine()
    plant(columns)
    of_kind = [finding for finding in found(columns) if finding.kind == kind]
    assert len(of_kind) == 1
    assert list(of_kind[0].rows) == rows


def test_a_number_that_gives_a_number_away() -> None:
    X, _ = load_iris(return_X_y=True)
    columns: Table = {f"x{place}": X[:, place].tolist() for place in range(3)}
    columns |= {"inches": (X[:, 3] / 2.54 + 1).tolist(), "width": X[:, 3].tolist()}
    findings = found(columns, target="width")
    assert [finding.kind for finding in findings if finding.weight == "wrong"] == ["target_in_inputs"]
    assert "'inches' settles 'width'" in findings[0].message


def test_copies_across_parts_are_found() -> None:
    columns = wine()
    repeat(list(range(0, 178, 9)))(columns)
    polars.DataFrame(columns).write_csv("wine.csv")
    recipe = pellucid.propose("wine.csv", "grower").recipe
    across = [finding for finding in check(recipe) if finding.kind == "duplicates_across_parts"]
    from pellucid.data import world

    parts = world.open(recipe).split.parts  # type: ignore[attr-defined]
    copies = {row: 178 + place for place, row in enumerate(range(0, 178, 9))}
    copies |= {copy: row for row, copy in copies.items()}
    train = set(parts["train"].tolist())
    for part in ("validation", "test"):
        expected = sorted(row for row in parts[part].tolist() if copies.get(row) in train)
        assert [list(finding.rows) for finding in across if part in finding.message] == ([expected] if expected else [])


def test_a_recipe_that_cannot_learn() -> None:
    settings = {"rule.optimizer.learning_rate": 1e-9, "execution.threads": 1}
    assert [finding.kind for finding in check("digits-mlp", settings)] == ["cannot_learn_a_batch"]
    assert check("digits-mlp", {"execution.threads": 1}) == []


def test_a_first_loss_that_is_too_large() -> None:
    settings = {"prepare.standardize": False, "execution.threads": 1}
    columns = wine()
    columns["x12"] = [1e4 * value for value in columns["x12"]]
    polars.DataFrame(columns).write_csv("wine.csv")
    kinds = {finding.kind for finding in check("wine.csv", settings, target="grower")}
    assert "first_loss" in kinds


def test_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    columns = wine()
    put("grower", [5], None)(columns)
    polars.DataFrame(columns).write_csv("wine.csv")
    findings = answer(capsys, "check", "wine.csv", "--target", "grower")["findings"]
    assert [(each["kind"], each["rows"]) for each in findings] == [("missing_target", [5])]
    assert call(capsys, "check", "wine.csv", "--target", "grower")[0] == 0
    assert call(capsys, "check", "wine.csv", "--target", "grower", "--strict")[0] == 1
    assert call(capsys, "check", "nowhere.csv")[0] == 2
    assert call(capsys, "check", "digits", "--target", "x")[0] == 2
    code, _, err = call(capsys, "train", "--data", "wine.csv", "--target", "region", "train.epochs=1", "--no-report")
    assert code == 0
    assert "--no-check leaves that out" in err
    assert Path("runs/wine").exists()


def test_what_is_no_number_in_a_typed_file_is_missing() -> None:
    columns = wine()
    put("x3", [4], float("nan"))(columns)
    polars.DataFrame(columns).write_parquet("wine.parquet")
    findings = of_data(DataSection(source="wine.parquet", target="grower"))
    assert [(finding.kind, list(finding.rows)) for finding in findings] == [("missing_values", [4])]


def test_settings_hold_without_a_target_too() -> None:
    values = np.random.default_rng(0).normal(size=60)
    values[::20] = -99
    polars.DataFrame({"x": values, "y": np.arange(60) % 7}).write_csv("t.csv")
    assert "missing_values" not in {finding.kind for finding in check("t.csv")}
    (missing,) = [finding for finding in check("t.csv", ["data.missing=['-99.0']"]) if finding.kind == "missing_values"]
    assert list(missing.rows) == [0, 20, 40]
    with pytest.raises(RecipeError, match=r"data\.nonsense: there is no such field"):
        check("t.csv", ["data.nonsense=3"])
    assert {f.kind for f in check("t.csv", {"data.target": "y"})} == {f.kind for f in check("t.csv", target="y")}
