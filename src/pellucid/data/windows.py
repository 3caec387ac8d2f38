"""Windows of a series: `context` steps that a forecast is made from, and the value `horizon` steps after the last."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data import series, table, timeline
from pellucid.data.columns import Columns, hash_of
from pellucid.data.features import unseen
from pellucid.data.series import Grid
from pellucid.data.timeline import Pace
from pellucid.errors import DataError
from pellucid.recipe import DataSection, PrepareSection, SplitSection
from pellucid.spec import Clock, Field

# axes: S steps of all series, one series after the other; C channels; N windows


def cut(columns: Columns, prepare: PrepareSection, split: SplitSection) -> Columns:
    """Return the rows that a model learns from: a window of steps, and the value `horizon` steps after its last.

    Left out are windows whose target is missing, and those that begin before every column has a first value. Rows are
    ordered by the time of their target, then by series.

    Returns:
        `"input"` `[N, C, context]`, `"target"` `[N, 1]`, and `"season"` `[N, 1]`, the last value known as many seasons
        before the target as reach back behind the window's end (the window's last, where the series had not begun).

    Raises:
        DataError: no window fits, or the split would put windows that overlap into different parts.
    """
    field, length, horizon = columns.schema["input"], prepare.context, prepare.horizon or 1
    clock = field.clock
    assert clock is not None
    steps, target = columns.dense("input"), columns.dense("target")
    begins, times, names = columns.keys["begin"], columns.keys["time"], columns.keys["series"]
    _check_split(split, clock, horizon, len(np.unique(begins)))
    last = np.arange(length - 1, max(length - 1, len(steps) - horizon))
    inside = begins[last] + length - 1 <= last
    inside &= begins[np.minimum(last + horizon, len(steps) - 1)] == begins[last]
    last = last[inside]
    if len(last) == 0:
        longest = int(np.unique(begins, return_counts=True)[1].max())
        raise DataError(
            f"The longest series has {longest} steps: too few for prepare.context = {length} and prepare.horizon = "
            f"{horizon}. Choose a shorter context, or give more steps."
        )
    complete = ~np.isnan(steps[last - length + 1]).any(axis=1) & ~np.isnan(target[last + horizon, 0])
    last = last[complete]
    if len(last) == 0:
        raise DataError("Every window lacks its target, or begins before a column has a value. Give fewer columns.")
    last = last[np.lexsort((names[last], times[last + horizon]))]
    seasons = -(-horizon // clock.season)
    before = last + horizon - seasons * clock.season
    there = (before >= begins[last]) & ~np.isnan(steps[np.maximum(before, 0), 0])
    season = steps[np.where(there, before, last), 0]
    view = np.lib.stride_tricks.sliding_window_view(steps, length, axis=0)  # (S - context + 1, C, context)
    shape = (field.shape[0], length)
    identity = hashlib.sha256(f"{hash_of(steps)} {hash_of(last)} {length}".encode()).hexdigest()
    return Columns(
        {"input": view[last - length + 1], "target": target[last + horizon], "season": season[:, None]},
        {
            "input": replace(field, shape=shape, clock=replace(clock, horizon=horizon)),
            "target": columns.schema["target"],
            "season": columns.schema["target"],
        },
        keys={name: of[last + horizon] for name, of in columns.keys.items() if name != "begin"},
        hashes={"input": identity},
    )


def _check_split(split: SplitSection, clock: Clock, horizon: int, num_series: int) -> None:
    """Windows of a series overlap: parts must follow one another, or hold whole series."""
    if split.kind == "grouped" and clock.series and split.group == clock.series:
        return
    if split.kind not in ("time", "contiguous"):
        raise DataError(
            f"split.kind = {split.kind!r} would put windows that overlap into different parts. Choose split.kind = "
            "'time' with split.time = 'time'."
        )
    # Rows of one time lie side by side. In time, none are cut apart; in order, any cut may leave all but one of them.
    needed = (horizon - 1) * num_series if split.kind == "time" else horizon * num_series - 1
    if split.gap < needed and split.validation + split.test > 0:
        raise DataError(
            f"prepare.horizon = {horizon} needs split.gap = {needed} at least (here {split.gap}): without it training "
            "targets would lie in the future of the first windows that are validated."
        )


def latest(path: Path, field: Field) -> tuple[list[str], NDArray[np.float32], str]:
    """Return the last window of each series in a new table, `[series, C, context]`.

    Returns:
        Names that say which series and for what time a value is predicted, the windows, and a note.

    Raises:
        DataError: it is no such table, or too short.
    """
    clock = field.clock
    assert clock is not None
    pace, length = Pace(clock.every, clock.unit), field.shape[1]
    expected = [*clock.time, *(feature.name for feature in clock.features)]
    frame = table.read(path, DataSection(source=str(path), missing=field.missing), expected)
    found, unit = timeline.read(frame, clock.time)
    grid = series.lay(
        frame, clock.features, timeline.of_unit(found, unit, pace), series.names_of(frame, clock.series), pace
    )
    _, steps = series.channels(grid, clock)
    last = np.flatnonzero(np.append(grid.begins[1:] != grid.begins[:-1], True))
    short = last - grid.begins[last] + 1 < length
    if short.any():
        place = last[short][0]
        of = f"the series {grid.names[place]!r}" if clock.series else "it"
        raise DataError(f"{of} has {place - grid.begins[place] + 1} steps of a {pace}: expected {length} or more.")
    view = np.lib.stride_tricks.sliding_window_view(steps, length, axis=0)[last - length + 1]
    unknown = np.isnan(view[:, :, 0])
    if unknown.any():
        name = field.names[int(unknown.any(axis=0).argmax())]
        raise DataError(
            f"{name!r} has no value where the last {length} steps begin, nor before. Give earlier rows too."
        )
    names = [
        f"{path}: {f'{grid.names[place]} ' if clock.series else ''}"
        f"{pace.told(int(grid.times[place]) + clock.horizon * clock.every)}"
        for place in last
    ]
    filled = _filled_in(grid, clock, last, length)
    return names, view, "; ".join(filter(None, [unseen(frame, clock.features), filled]))


def _filled_in(grid: Grid, clock: Clock, last: NDArray[np.int64], length: int) -> str:
    """Say which columns have the last known value in place of missing ones, in the windows that end there."""
    lacking = np.isnan(np.lib.stride_tricks.sliding_window_view(grid.values, length, axis=0)[last - length + 1])
    counts: Mapping[str, int] = {
        feature.name: int(count) for feature, count in zip(clock.features, lacking.sum(axis=(0, 2)), strict=True)
    }
    told = ", ".join(f"{name} in {count}" for name, count in counts.items() if count)
    return f"missing, so that the last known value stands there: {told} steps" if told else ""
