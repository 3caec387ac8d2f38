"""Whether a table is a series: its rows follow one another evenly in time, and a number is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pellucid.data import series, table, timeline
from pellucid.errors import DataError
from pellucid.recipe import DataSection

if TYPE_CHECKING:
    import polars

FEWEST = 24
"""Rows, below which a table is not taken for a series unasked."""


def recognised(section: DataSection) -> tuple[DataSection, list[str]]:
    """Return the section of a table with what it turns out to be: a series where its rows follow one another evenly in
    time and a number is asked for, else a table; and in words why, where anything speaks for a series."""
    as_table = section.model_copy(update={"kind": "table"})
    frame = table.open(section)
    when = [section.time] if section.time is not None else series.when_columns(frame, section)
    if not when:
        return as_table, []
    asked = section.target
    types = {column.name: column.type for column in table.types_of(frame, section)}
    if len(when) > 1:
        reason = f'{", ".join(map("+".join, when))} are dates: which of them says when? data.time=["{when[0][0]}"]'
    elif asked is not None and types[asked] != "number":
        reason = f"{asked!r} is no number"
    elif frame.height < FEWEST:
        reason = f"{frame.height} rows are too few"
    else:
        found, reason = _found(section.model_copy(update={"time": when[0]}), frame, types)
        if found is not None:
            return found, []
    return as_table, [f"no series, though {'+'.join(when[0])} says when: {reason}; data.kind=series overrules that"]


def _found(section: DataSection, frame: polars.DataFrame, types: Mapping[str, str]) -> tuple[DataSection | None, str]:
    """The section as one of a series with the column that tells several apart, or None and why it is none."""
    assert section.time is not None
    try:
        times, unit = timeline.read(frame, section.time)
    except DataError as error:
        return None, str(error).rstrip(".")
    beside = {*section.time, section.target}
    candidates: list[str | None] = [section.series]
    if section.series is None:
        few = [name for name, kind in types.items() if kind in ("category", "id", "number") and name not in beside]
        candidates += [name for name in few if frame[name].n_unique() <= frame.height / FEWEST]
    told = "times repeat, and no column tells which series a row belongs to (data.series=COLUMN)"
    for name in candidates:
        if name is not None and (name not in frame.columns or frame[name].null_count()):
            continue
        which = series.names_of(frame, name)
        if len(np.unique(np.rec.fromarrays([times, which]))) < len(times):
            continue
        pace, told = timeline.pace_of(times, unit, which)
        if pace is not None:
            return section.model_copy(update={"kind": "series", "series": name}), ""
    return None, told
