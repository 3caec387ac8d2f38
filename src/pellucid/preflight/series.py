"""What is wrong with a series: times that repeat or go backwards, steps that are not there, a column that knows the
future. Rows are those of the file, from 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.data import series, table, timeline
from pellucid.data.recognition import FEWEST
from pellucid.data.series import Grid
from pellucid.data.timeline import Pace
from pellucid.errors import DataError
from pellucid.preflight import Finding, tables
from pellucid.recipe import DataSection
from pellucid.spec import Feature

AHEAD = 48
"""Steps by which a column is looked at for knowing the target's future."""
SAME = 0.9999
"""Correlation of the changes of a column and of the target later on, from which it is made of that future."""
MANY = 0.1
"""Share of the steps that are missing, above which it is doubtful what the rest says."""


def check(section: DataSection) -> Iterator[Finding]:
    """Yield what is found in a recipe's series; without a target, in the times and columns alone."""
    frame = table.open(section)
    if section.target is not None:
        section = series.settled(section, frame)
    if section.time is None:
        raise DataError('Which column says when? Give data.time, such as data.time=["date"].')
    when, unit = timeline.read(frame, section.time)
    which = series.names_of(frame, section.series)
    order = np.lexsort((np.arange(len(when)), which))
    back = (np.diff(when[order]) < 0) & (which[order][1:] == which[order][:-1])
    if back.any():
        rows = np.sort(order[1:][back]).tolist()
        yield Finding("backwards", "note", "rows that lie in the file after later ones; they are sorted by time.", rows)
    pairs = np.unique(np.rec.fromarrays([when, which]), return_inverse=True, return_counts=True)
    twice = np.flatnonzero(pairs[2][pairs[1]] > 1).tolist()
    if twice:
        message = "rows of one series that have one time: which of them is it? Keep one, or give data.series=COLUMN."
        yield Finding("duplicate_times", "wrong", message, twice)
    pace, reason = timeline.pace_of(when, unit, which)
    if pace is None:
        yield Finding("uneven_times", "wrong", f"{'+'.join(section.time)} increases by uneven steps: {reason}.")
    columns = [
        column for column in table.types_of(frame, section) if column.name not in (section.series, *section.time)
    ]
    yield from tables.texts(frame, columns)
    yield from tables.numbers(frame, columns)
    if pace is None or twice:
        return
    times = timeline.of_unit(when, unit, pace)
    if section.target is None:
        numeric = [Feature(column.name) for column in columns if column.type == "number"]
        yield from _steps(series.lay(frame, numeric, times, which, pace), pace)
        return
    features = series.features_of(frame, section)
    grid = series.lay(frame, features, times, which, pace)
    yield from _steps(grid, pace)
    yield from _values(grid, features)
    yield from _futures(grid, features)


def _steps(grid: Grid, pace: Pace) -> Iterator[Finding]:
    """Steps that are not in the table, and series that are too short to learn from."""
    absent = grid.rows < 0
    if absent.any():
        after = grid.rows[np.flatnonzero(absent & ~np.append(False, absent[:-1])) - 1]
        share = float(absent.mean())
        yield Finding(
            "steps_not_there",
            "doubtful" if share > MANY else "note",
            f"{int(absent.sum())} steps ({100 * share:.2g} %, a {pace} each) are not in the table, after these rows; "
            "the last known values stand there, and nothing is learned to predict them.",
            sorted(after.tolist()),
        )
    begins, lengths = np.unique(grid.begins, return_counts=True)
    short = [str(grid.names[begin]) for begin in begins[lengths < FEWEST]]
    if short:
        named = ", ".join(map(repr, short[:5])) + (", ..." if len(short) > 5 else "") if short[0] else "the series"
        message = f"{named} has less than {FEWEST} steps: too few for a window and its target."
        yield Finding("short_series", "doubtful" if len(begins) > len(short) else "wrong", message)


def _values(grid: Grid, features: Sequence[Feature]) -> Iterator[Finding]:
    """Values that are missing where a row is, columns that begin late, and those that never change."""
    there = grid.rows >= 0
    for place, feature in enumerate(features):
        of = grid.values[:, place]
        absent = np.isnan(of)
        missing = absent & there
        if absent.all():
            yield Finding(
                "empty_column",
                "wrong" if place == 0 else "doubtful",
                f"{feature.name!r} has no value: no window is whole. Leave it out.",
            )
            continue
        if missing.any():
            many = missing.sum() > MANY * there.sum()
            use = "it is no row's target there" if place == 0 else "a channel says so"
            message = (
                f"{feature.name!r} is missing in {100 * missing.sum() / there.sum():.2g} % of the rows, for "
                f"{_longest(absent)} steps on end at most; the last known value stands there, and {use}."
            )
            yield Finding("missing_values", "doubtful" if many else "note", message, _rows(grid, missing))
        late = _before_first(grid, absent)
        if late.sum() > MANY * len(of):
            message = (
                f"{feature.name!r} begins late: the {int(late.sum())} steps before are left out. To keep them, leave "
                f"out the column: data.types.{feature.name}=ignore."
            )
            yield Finding("begins_late", "doubtful", message, _rows(grid, late & there))
        if np.nanmin(of) == np.nanmax(of):
            end = "there is nothing to predict" if place == 0 else "it says nothing"
            message = f"{feature.name!r} never changes: {end}."
            yield Finding("constant_column", "wrong" if place == 0 else "note", message)


def _futures(grid: Grid, features: Sequence[Feature]) -> Iterator[Finding]:
    """Columns whose changes are those of the target some steps later."""
    target = grid.values[:, 0].astype(np.float64)
    same = grid.begins[1:] == grid.begins[:-1]
    changes = np.where(same, np.diff(target), np.nan)
    for place, feature in enumerate(features[1:], 1):
        if feature.levels:
            continue
        own = np.where(same, np.diff(grid.values[:, place].astype(np.float64)), np.nan)
        for steps in range(1, min(AHEAD, len(own) - FEWEST) + 1):
            if abs(_correlation(own[:-steps], changes[steps:])) > SAME:
                yield Finding(
                    "knows_the_future",
                    "wrong",
                    f"{feature.name!r} changes as {features[0].name!r} does {steps} steps later: it was made of what "
                    f"is to be predicted. Leave it out: data.types.{feature.name}=ignore.",
                )
                break


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < FEWEST:
        return 0.0
    one, other = one[both] - one[both].mean(), other[both] - other[both].mean()
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / size if size > 0 else 0.0


def _longest(mask: NDArray[np.bool_]) -> int:
    """The length of the longest stretch that is true."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def _before_first(grid: Grid, absent: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Steps before the first one of their series that has a value."""
    known = np.maximum.accumulate(np.where(absent, -1, np.arange(len(absent))))
    before: NDArray[np.bool_] = known < grid.begins
    return before


def _rows(grid: Grid, mask: NDArray[np.bool_]) -> list[int]:
    rows: list[int] = np.sort(grid.rows[mask]).tolist()
    return rows
