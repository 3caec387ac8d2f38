"""Series: windows against a reference made one by one, and never a look ahead."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data import recognition, series, timeline, windows
from pellucid.data.columns import Columns
from pellucid.data.split import draw
from pellucid.data.timeline import Pace, pace_of
from pellucid.errors import DataError
from pellucid.recipe import DataSection, PrepareSection, SplitSection

IN_TIME = SplitSection(kind="time", time="time")


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def cut(path: Path, context: int, horizon: int = 1, **section: Any) -> Columns:
    read = series.read(DataSection(source=str(path), kind="series", target="y", **section), ["time"])
    split = SplitSection(kind="time", time="time", gap=(horizon - 1) * 9)
    return windows.cut(read, PrepareSection(context=context, horizon=horizon), split)


def days(values: list[Any], **columns: list[Any]) -> list[dict[str, Any]]:
    """A row a day from 2024-01-01."""
    start = date(2024, 1, 1)
    names = {"day": [start + timedelta(days=place) for place in range(len(values))], "y": values, **columns}
    return [dict(zip(names, row, strict=True)) for row in zip(*names.values(), strict=True)]


def test_windows_are_those_made_one_by_one(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = []
    for name, length in (("b", 30), ("a", 41)):
        y = np.round(random.normal(size=length), 3).tolist()
        x = np.round(random.normal(size=length), 3).tolist()
        for place in (3, 11, 12):
            y[place] = ""
        x[7] = ""
        rows += [{**row, "shop": name} for row in days(y, x=x)]
        del rows[-5]  # a step that is not in the table
    order = random.permutation(len(rows))
    context, horizon = 4, 3
    found = cut(write(tmp_path / "s.csv", [rows[place] for place in order]), context, horizon, series="shop")

    expected = []
    for name in ("a", "b"):
        by_day = {row["day"]: row for row in rows if row["shop"] == name}
        first, last = min(by_day), max(by_day)
        grid = [by_day.get(first + timedelta(days=n), {}) for n in range((last - first).days + 1)]
        steps: list[list[float]] = []
        for row in grid:
            y, x = row.get("y", ""), row.get("x", "")
            before = steps[-1] if steps else [np.nan, np.nan]
            filled = [y if y != "" else before[0], x if x != "" else before[1]]
            steps.append([*filled, float(y == ""), float(x == "")])
        for end in range(context - 1, len(grid) - horizon):
            target = grid[end + horizon].get("y", "")
            if target != "":
                when = first + timedelta(days=end + horizon)
                season = end + horizon - 7
                naive = steps[season][0] if season >= 0 else steps[end][0]
                expected.append((when, name, np.transpose(steps[end - context + 1 : end + 1]), target, naive))
    expected.sort(key=lambda row: row[:2])

    names = found.schema["input"].names
    assert names[:4] == ("y", "x", "y is missing", "x is missing")
    assert len(found) == len(expected)
    np.testing.assert_array_equal(
        found.dense("input")[:, :4], np.stack([row[2] for row in expected]).astype(np.float32)
    )
    np.testing.assert_array_equal(found.dense("target")[:, 0], np.array([row[3] for row in expected], np.float32))
    np.testing.assert_array_equal(found.dense("season")[:, 0], np.array([row[4] for row in expected], np.float32))
    assert found.keys["series"].tolist() == [row[1] for row in expected]
    midnight = [
        (datetime.combine(row[0], datetime.min.time()) - datetime(1970, 1, 1)).total_seconds() for row in expected
    ]
    assert found.keys["time"].tolist() == midnight


numbers = st.lists(st.one_of(st.none(), st.integers(-99, 99)), min_size=20, max_size=40)


@settings(max_examples=40, deadline=None)
@given(numbers, st.integers(1, 5), st.integers(1, 4), st.data())
def test_no_window_knows_what_comes_after_it(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], context: int, horizon: int, data: st.DataObject
) -> None:
    """Changing everything after a step changes no window that ends there or before."""
    folder = tmp_path_factory.mktemp("series")
    values[0] = 1
    changed = data.draw(st.integers(1, len(values)))
    later = data.draw(st.lists(st.one_of(st.none(), st.integers(100, 200)), min_size=40, max_size=40))
    seen = []
    for number, y in enumerate((values, [*values[:changed], *later[changed : len(values)]])):
        path = write(folder / f"{number}.csv", days(y, x=[value if value is None else value // 2 for value in y]))
        read = series.read(DataSection(source=str(path), target="y", types={"x": "number"}))
        if not np.isfinite(read.dense("target")[context - 1 + horizon :]).any():
            return  # no window has a target
        gap = SplitSection(kind="time", time="time", gap=horizon)
        rows = windows.cut(read, PrepareSection(context=context, horizon=horizon), gap)
        ends = (rows.keys["time"] - read.keys["time"][0]) // timeline.DAY - horizon
        names = rows.schema["input"].names
        seen.append(
            {int(end): dict(zip(names, one, strict=True)) for end, one in zip(ends, rows.dense("input"), strict=True)}
        )
    before = [end for end in seen[0] if end in seen[1] and end < changed]
    for end in before:
        for name in seen[0][end].keys() & seen[1][end].keys():
            np.testing.assert_array_equal(seen[0][end][name], seen[1][end][name])


def test_a_number_before_the_first_is_never_made_up(tmp_path: Path) -> None:
    found = cut(write(tmp_path / "s.csv", days(list(range(30)), x=["", "", "", *range(27)])), context=2)
    assert np.isfinite(found.dense("input")).all()
    assert found.dense("target")[0, 0] == 5  # the first window begins at step 3


def test_categories_become_columns(tmp_path: Path) -> None:
    wind = ["north", "south", "", *["north"] * 27]
    found = cut(write(tmp_path / "s.csv", days(list(range(30)), wind=wind)), context=3)
    names = found.schema["input"].names
    assert names[1:4] == ("wind = north", "wind = south", "wind is missing")
    np.testing.assert_array_equal(found.dense("input")[0, 1:4], [[1, 0, 0], [0, 1, 1], [0, 0, 1]])


@pytest.mark.parametrize(
    ("dates", "told", "season"),
    [
        (polars.datetime_range(datetime(2020, 1, 1), datetime(2020, 3, 1), "1h", eager=True), "hour", 24),
        (polars.datetime_range(datetime(2020, 1, 1), datetime(2020, 1, 9), "10m", eager=True), "10 minutes", 144),
        (polars.date_range(date(2020, 1, 1), date(2020, 6, 1), "1d", eager=True), "day", 7),
        (polars.date_range(date(2016, 1, 1), date(2020, 6, 1), "1d", eager=True), "day", 365),
        (polars.date_range(date(2016, 1, 3), date(2020, 6, 1), "1w", eager=True), "week", 52),
        (polars.date_range(date(2016, 1, 1), date(2020, 6, 1), "1mo", eager=True), "month", 12),
        (polars.date_range(date(2016, 1, 1), date(2024, 6, 1), "1mo", eager=True).dt.month_end(), "month", 12),
        (polars.date_range(date(2010, 1, 1), date(2020, 6, 1), "1q", eager=True), "quarter", 4),
        (polars.date_range(date(1980, 5, 1), date(2020, 6, 1), "1y", eager=True), "year", 1),
        (polars.Series(range(1950, 1990)), "step", 1),
    ],
)
def test_the_pace_is_told_from_the_times(dates: polars.Series, told: str, season: int) -> None:
    frame = polars.DataFrame({"when": dates})
    times, unit = timeline.read(frame, ["when"])
    pace, reason = pace_of(times, unit, np.full(len(times), ""))
    assert pace is not None, reason
    assert (str(pace), pace.season(len(times))) == (told, season)
    steps = pace.steps(timeline.of_unit(times, unit, pace))
    assert (np.diff(steps) == 1).all()


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ([1, 2, 3, 4, 5.0, 7, 9, 10], None),
        ([1, 3, 5, 6, 8, 10], "others are between"),
        ([1, 2, 3, 40, 41, 80], "more than half"),
        ([5, 5, 5], "no two rows follow"),
    ],
)
def test_uneven_times_are_told(when: list[int], reason: str | None) -> None:
    pace, told = pace_of(np.array(when, np.int64), "number", np.full(len(when), ""))
    assert (pace == Pace(1, "number")) if reason is None else (pace is None and reason in told)


def test_year_month_and_hour_columns_say_when() -> None:
    frame = polars.DataFrame({"Year": [2024, 2024], "Month": [2, 3], "Day": [29, 1], "Hour": [23, 0], "y": [1, 2]})
    (when,) = series.when_columns(frame, DataSection(source="x.csv", target="y"))
    assert when == ("Year", "Month", "Day", "Hour")
    times, unit = timeline.read(frame, when)
    assert (times[1] - times[0], unit) == (3600, "second")


def test_what_is_no_series_stays_a_table(tmp_path: Path) -> None:
    def kind(rows: list[dict[str, Any]], target: str | None = "y") -> tuple[Any, str]:
        found, told = recognition.recognised(DataSection(source=str(write(tmp_path / "t.csv", rows)), target=target))
        return found.kind, " ".join(told)

    plain = days([place / 7 for place in range(60)])
    assert kind(plain) == ("series", "")
    assert kind([{"y": row["y"], "x": 1} for row in plain]) == ("table", "")  # nothing says when: nothing is told
    assert "times repeat" in kind(plain + plain)[1]
    assert "'y' is no number" in kind([{**row, "y": "yes" if row["y"] > 3 else "no"} for row in plain])[1]
    assert "which of them says when" in kind([{**row, "due": row["day"]} for row in plain])[1]
    assert kind([row for row in plain if row["day"].weekday() < 5])[0] == "series"
    assert "others are between" in kind([*plain[:40:2], *plain[41:60:2]])[1]
    several = [{**row, "shop": shop} for shop in ("a", "b") for row in plain]
    found, _ = recognition.recognised(DataSection(source=str(write(tmp_path / "t.csv", several)), target="y"))
    assert (found.kind, found.time, found.series) == ("series", ("day",), "shop")


@pytest.mark.parametrize(
    ("rows", "section", "told"),
    [
        (days([1.5] * 9 + [2.5] * 20)[:2] * 2, {}, "times occur twice"),
        (days(list(range(9))), {"context": 9}, "too few for prepare.context = 9"),
        (days(list(range(30))), {"series": "shop"}, "no column 'shop' to tell series apart"),
        (days(["a", "b"] * 20), {}, "must be numbers; 'a' is none"),
        ([{"y": n, "x": n} for n in range(30)], {}, "no column holds dates"),
        ([{"t": when, "y": n} for n, when in enumerate([*range(9), "inf"])], {"time": ("t",)}, "'t' holds no times"),
        ([{"t": when, "y": n} for n, when in enumerate([*range(9), 1e300])], {"time": ("t",)}, "'t' holds no times"),
        (days(list(range(30))), {"series": "y"}, "The target 'y' also tells series apart"),
        (days(list(range(30))), {"time": ("day", "y")}, "The target 'y' also says when"),
        ([{**row, "day": "" if n == 4 else row["day"]} for n, row in enumerate(days(list(range(30))))], {}, "in row 4"),
    ],
)
def test_refusals(tmp_path: Path, rows: list[dict[str, Any]], section: dict[str, Any], told: str) -> None:
    context = section.pop("context", 2)
    with pytest.raises(DataError, match=told):
        cut(write(tmp_path / "s.csv", rows), context, **section)


def test_parts_that_would_know_one_another_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", days(list(range(40))))
    read = series.read(DataSection(source=str(path), target="y"))
    with pytest.raises(DataError, match="windows that overlap"):
        windows.cut(read, PrepareSection(context=3), SplitSection(kind="random"))
    with pytest.raises(DataError, match=r"needs split\.gap = 4"):
        windows.cut(read, PrepareSection(context=3, horizon=5), IN_TIME)
    several = [{**row, "shop": shop} for row in days(list(range(40))) for shop in "abc"]
    read = series.read(DataSection(source=str(write(tmp_path / "s.csv", several)), target="y", series="shop"))
    with pytest.raises(DataError, match=r"needs split\.gap = 2"):  # a cut may leave b and c behind a
        windows.cut(read, PrepareSection(context=3), SplitSection(kind="contiguous"))
    kept = SplitSection(kind="contiguous", gap=2)
    rows = windows.cut(read, PrepareSection(context=3), kept)
    parts, times = draw(kept, rows).parts, rows.keys["time"]
    assert times[parts["train"]].max() < times[parts["validation"]].min()


def test_a_mistyped_time_does_not_fill_the_memory(tmp_path: Path) -> None:
    rows = [{"at": f"2024-01-01 00:{place // 60:02}:{place % 60:02}", "y": place % 7} for place in range(300)]
    field = cut(write(tmp_path / "s.csv", rows), 4, time=("at",)).schema["input"]
    rows[9]["at"] = "1024-01-01 00:00:09"
    with pytest.raises(DataError, match=r"300 rows between 1024-01-01 00:00:09 \(row 9\) and .* one every second"):
        windows.latest(write(tmp_path / "new.csv", rows), field)


def test_dates_whose_day_could_be_the_month_are_refused(tmp_path: Path) -> None:
    rows = [{"at": f"01/{month:02}/2024", "y": month} for month in range(1, 13)]
    with pytest.raises(DataError, match=r"'01/12/2024': month/day or day/month"):
        cut(write(tmp_path / "s.csv", rows), 2, time=("at",))
    rows = [{"at": f"01/{day:02}/2024", "y": day} for day in range(1, 20)]
    clock = cut(write(tmp_path / "s.csv", rows), 2, time=("at",)).schema["input"].clock
    assert clock is not None
    assert clock.every == timeline.DAY
