"""What is said of series: faults that were planted are found with their rows, and nothing is made up of clean ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.data import locate
from pellucid.preflight import Finding
from pellucid.preflight.check import check, of_data
from pellucid.proposals import propose
from pellucid.recipe import DataSection
from tests.data.test_series import days, write


def found(path: Path, rows: list[dict[str, Any]], **section: Any) -> dict[str, Finding]:
    write(path, rows)
    return {f.kind: f for f in of_data(DataSection(source=str(path), kind="series", target="y", **section))}


@pytest.fixture
def clean() -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    y = np.round(random.normal(size=80).cumsum(), 3).tolist()
    return days(y, x=np.round(random.normal(size=80), 3).tolist())


def test_each_fault_is_found(tmp_path: Path, clean: list[dict[str, Any]]) -> None:
    path = tmp_path / "s.csv"
    assert found(path, clean) == {}
    swapped = [*clean[:10], clean[11], clean[10], *clean[12:]]
    assert list(found(path, swapped)["backwards"].rows) == [11]
    twice = found(path, [*clean, clean[5]])["duplicate_times"]
    assert (list(twice.rows), twice.weight) == ([5, 80], "wrong")
    gap = found(path, [*clean[:20], *clean[23:]])["steps_not_there"]
    assert list(gap.rows) == [19]
    assert gap.message.startswith("3 steps")
    absent = found(path, [{**row, "y": "" if 30 <= n < 34 else row["y"]} for n, row in enumerate(clean)])
    assert list(absent["missing_values"].rows) == [30, 31, 32, 33]
    assert "4 steps on end" in absent["missing_values"].message
    late = found(path, [{**row, "x": "" if n < 20 else row["x"]} for n, row in enumerate(clean)])["begins_late"]
    assert list(late.rows) == list(range(20))
    assert found(path, [{**row, "y": 4} for row in clean])["constant_column"].weight == "wrong"
    assert "outlier" in found(path, [{**row, "x": 1e6 if n == 9 else row["x"]} for n, row in enumerate(clean)])
    assert found(path, clean[:12])["short_series"].weight == "wrong"
    assert "uneven_times" in found(path, [row for n, row in enumerate(clean) if n % 9 in (0, 2, 4, 7)])


@pytest.mark.parametrize("steps", [1, 3, 24])
def test_a_column_that_knows_the_future(steps: int, tmp_path: Path, clean: list[dict[str, Any]]) -> None:
    y = [row["y"] for row in clean]
    leaking = [{**row, "x": round(2 * y[n + steps] + 1, 3)} for n, row in enumerate(clean[:-steps])]
    finding = found(tmp_path / "s.csv", leaking)["knows_the_future"]
    assert finding.weight == "wrong"
    assert f"'x' changes as 'y' does {steps} steps later" in finding.message
    past = [{**row, "x": y[n - steps]} for n, row in enumerate(clean) if n >= steps]
    assert "knows_the_future" not in found(tmp_path / "s.csv", past)


@pytest.mark.skipif(not locate.folder("tabular").is_dir(), reason="needs the tables")
@pytest.mark.parametrize(
    ("name", "target", "kinds"),
    [
        ("airline-passengers", "Passengers", set()),
        ("daily-min-temperatures", "Temp", {"steps_not_there"}),
        ("pollution", "pm2.5", {"missing_values"}),
    ],
)
def test_nothing_is_made_up(name: str, target: str, kinds: set[str]) -> None:
    path = locate.folder("tabular") / f"{name}.csv"
    findings = of_data(propose(path, target).recipe.data)
    assert {finding.kind for finding in findings} == kinds
    assert {finding.weight for finding in findings} <= {"note"}
    assert all(finding.weight == "note" for finding in check(path))
