"""Series of the user's own: a table whose rows follow one another in time, put on an even grid.

The series lie one after the other. A step that lacks a value (or is not in the table) has the last known one, never a
later one, and a channel beside it says so. What a model learns from is cut out of these steps by `windows`.

Channels of a step, in this order: the target itself, so that its own past is read; the other numbers; a column per
value of each category; for each column with missing values whether it was missing (1) or not; sine and cosine of the
calendar's turns (day, week, year) that the series shows twice. Which values and gaps there are is looked up in the
whole table, whatever else is fitted in the training rows only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import table, timeline
from pellucid.data.columns import Columns
from pellucid.data.features import check_digits, levels_of, matrix
from pellucid.data.timeline import Pace, Times
from pellucid.errors import DataError, closest
from pellucid.recipe import DataSection
from pellucid.spec import Clock, Feature, Field

if TYPE_CHECKING:
    import polars

# axes: S steps of all series, one series after the other; F features as read, C channels


@dataclass(frozen=True)
class Grid:
    """Every step of every series, also those that are not in the table.

    Attributes:
        values: as read, `[S, F]`: numbers, codes of categories, NaN where there is none.
        times: `[S]`, in the unit of the pace.
        begins: the place of its series' first step, `[S]`.
        names: of the series each step belongs to, `[S]`; empty texts where there is one only.
        rows: the table's row of each step, -1 where there is none, `[S]`.
    """

    values: NDArray[np.float32]
    times: Times
    begins: NDArray[np.int64]
    names: NDArray[np.str_]
    rows: NDArray[np.int64]

    def filled(self) -> NDArray[np.float32]:
        """Return the values with the last known one of the same series where one is missing, NaN before the first."""
        places = np.arange(len(self.values))[:, None]
        known = np.maximum.accumulate(np.where(np.isnan(self.values), -1, places), axis=0)  # (S, F)
        latest = np.take_along_axis(self.values, np.maximum(known, 0), axis=0)
        return np.where(known >= self.begins[:, None], latest, np.float32(np.nan))


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Read the steps of a recipe's series; `windows.cut` makes rows of them.

    Returns:
        `"input"`, the channels `[S, C]`, and `"target"`, `[S, 1]`, NaN where it is missing; keys `"time"`, `"series"`,
        `"begin"` and those asked for.

    Raises:
        DataError: it is no series, or rows cannot be ordered by these keys.
    """
    frame = table.open(section)
    section = settled(section, frame)
    assert section.target is not None
    assert section.time is not None
    found, unit = timeline.read(frame, section.time)
    which = names_of(frame, section.series)
    pace, reason = timeline.pace_of(found, unit, which)
    if pace is None:
        raise DataError(f"{section.source}: {', '.join(section.time)} increases by uneven steps: {reason}.")
    features = features_of(frame, section)
    grid = lay(frame, features, timeline.of_unit(found, unit, pace), which, pace)
    check_digits(frame, features, matrix(frame, features))
    gaps = np.isnan(grid.values).sum(axis=0) > 0
    longest = int(np.unique(grid.begins, return_counts=True)[1].max())
    clock = Clock(
        section.time,
        pace.every,
        pace.unit,
        tuple(replace(feature, gaps=bool(gap)) for feature, gap in zip(features, gaps, strict=True)),
        pace.cycles(longest),
        pace.season(longest),
        section.series or "",
    )
    names, inputs = channels(grid, clock)
    field = Field("series", (len(names),), names=names, missing=section.missing, clock=clock)
    target = Field("number", (1,), names=(section.target,))
    known = {"time": grid.times, "series": grid.names, "begin": grid.begins}
    known |= {name: grid.times for name in keys if name in section.time}
    known |= {name: grid.names for name in keys if name == section.series}
    if unknown := sorted(set(keys) - set(known)):
        expected = ["time", *filter(None, [section.series])]
        raise DataError(
            f"Rows of a series cannot be grouped or ordered by {unknown[0]!r}. {closest(unknown[0], expected)}"
        )
    return Columns({"input": inputs, "target": grid.values[:, :1]}, {"input": field, "target": target}, keys=known)


def settled(section: DataSection, frame: polars.DataFrame) -> DataSection:
    """Return the section with the columns that say when and which series, inferred where the recipe leaves them out.

    Raises:
        DataError: none do, or there is no number to predict.
    """
    target = section.target
    if target is None:
        raise DataError(f"Which column is to be predicted? Give --target, one of: {', '.join(frame.columns)}.")
    table.types_of(frame, section)  # refuses a target or a type of no column
    if table.as_numbers(frame[target]) is None:
        raise DataError(
            f"The target {target!r} of a series must be numbers; {table.first_text(frame[target])!r} is none."
        )
    if not section.time:
        when = when_columns(frame, section)
        if len(when) != 1:
            told = f"several columns could: {', '.join(map('+'.join, when))}" if when else "no column holds dates"
            raise DataError(f'Which column says when? {told}. Give data.time, such as data.time=["date"].')
        section = section.model_copy(update={"time": when[0]})
    if section.series is not None and section.series not in frame.columns:
        raise DataError(
            f"There is no column {section.series!r} to tell series apart by. {closest(section.series, frame.columns)}"
        )
    for name, role in [(section.series, "tells series apart"), *((name, "says when") for name in section.time or ())]:
        if name == target:
            raise DataError(f"The target {target!r} also {role}. Give another target, or another column for that.")
    return section


def when_columns(frame: polars.DataFrame, section: DataSection) -> list[tuple[str, ...]]:
    """Return what could say when: year, month, ... by their names, else each column of dates."""
    lowered = {name.lower(): name for name in frame.columns}
    parts = []
    for part in timeline.PARTS:
        if part not in lowered or lowered[part] == section.target or table.as_numbers(frame[lowered[part]]) is None:
            break
        parts.append(lowered[part])
    if len(parts) >= 2:
        return [tuple(parts)]
    types = section.types or {}
    return [
        (name,)
        for name in frame.columns
        if name != section.target and types.get(name, "time") == "time" and timeline.dates(frame[name]) is not None
    ]


def names_of(frame: polars.DataFrame, column: str | None) -> NDArray[np.str_]:
    """Return which series each row belongs to, `[rows]`; empty texts where no column says."""
    import polars

    if column is None or column == "":
        return np.full(frame.height, "")
    if column not in frame.columns:
        raise DataError(f"it has no column {column!r} to tell series apart by. Columns: {', '.join(frame.columns)}.")
    if frame[column].null_count():
        raise DataError(f"{column!r} is missing in {frame[column].null_count()} rows: which series do they belong to?")
    return frame[column].cast(polars.String).to_numpy().astype(np.str_)


def features_of(frame: polars.DataFrame, section: DataSection) -> tuple[Feature, ...]:
    """Return the columns that are learned from, the target first."""
    beside = {*(section.time or ()), section.series, section.target}
    used = [c for c in table.types_of(frame, section) if c.type in ("number", "category") and c.name not in beside]
    others = [Feature(c.name, levels_of(frame[c.name]) if c.type == "category" else ()) for c in used]
    return (Feature(str(section.target)), *others)


def lay(
    frame: polars.DataFrame, features: Sequence[Feature], times: Times, which: NDArray[np.str_], pace: Pace
) -> Grid:
    """Put a table's rows on the grid, whatever their order.

    Raises:
        DataError: two rows of a series have one time, a time lies between steps, or most steps are not there.
    """
    names, codes = np.unique(which, return_inverse=True)
    steps = pace.steps(times)
    offset = int(times[0] % pace.every)
    if (times % pace.every != offset).any():
        row = int((times % pace.every != offset).argmax())
        raise DataError(f"row {row} ({pace.told(int(times[row]))}) lies between steps of a {pace}.")
    firsts = np.full(len(names), np.iinfo(np.int64).max)
    lasts = np.full(len(names), np.iinfo(np.int64).min)
    np.minimum.at(firsts, codes, steps)
    np.maximum.at(lasts, codes, steps)
    lengths = lasts - firsts + 1
    begins = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    places = begins[codes] + steps - firsts[codes]
    total = int(lengths.sum())
    if len(times) < timeline.FILLED * total:
        row, last = int(times.argmin()), int(times.argmax())
        raise DataError(
            f"it has {len(times):,} rows between {pace.told(int(times[row]))} (row {row}) and "
            f"{pace.told(int(times[last]))} (row {last}), where {total:,} steps lie, one every {pace}: half of "
            "them must be there. Is a time mistyped?"
        )
    rows = np.full(total, -1)
    rows[places] = np.arange(len(places))
    if len(twice := np.flatnonzero(rows[places] != np.arange(len(places)))):
        row = int(twice[0])
        of = f" of {which[row]!r}" if which[row] else ""
        raise DataError(
            f"{len(twice)} times occur twice: {pace.told(int(times[row]))}{of} in rows {row} and {rows[places[row]]}. "
            "Keep one row for each, or say which series they belong to: data.series=COLUMN."
        )
    values = np.full((total, len(features)), np.nan, np.float32)
    values[places] = matrix(frame, features)
    of_step = np.repeat(np.arange(len(names)), lengths)
    on_grid = (np.arange(total) - begins[of_step] + firsts[of_step]) * pace.every + offset
    return Grid(values, on_grid, begins[of_step], names[of_step], rows)


def channels(grid: Grid, clock: Clock) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Return the channels' names, and their values `[S, C]`; NaN before a column's first value."""
    filled = grid.filled()
    names: list[str] = []
    values: list[NDArray[Any]] = []
    for feature, of in zip(clock.features, filled.T, strict=True):
        if feature.levels:
            spread = np.where(np.isnan(of)[:, None], np.nan, of[:, None] == np.arange(len(feature.levels)))
            names += [f"{feature.name} = {level}" for level in feature.levels]
            values += list(spread.T)
        else:
            names.append(feature.name)
            values.append(of)
    for feature, of in zip(clock.features, grid.values.T, strict=True):
        if feature.gaps:
            names.append(f"{feature.name} is missing")
            values.append(np.isnan(of))
    turns = Pace(clock.every, clock.unit).turns(grid.times, clock.cycles)
    names += [f"{wave} of the {name}" for name in clock.cycles for wave in ("sine", "cosine")]
    return tuple(names), np.column_stack([*values, *turns.T]).astype(np.float32)
