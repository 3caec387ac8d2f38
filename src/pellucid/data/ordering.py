"""How rows are cut into parts that follow one another: by the time that they have, or in the order that they came in.

Rows of one time are never in two parts, and `split.gap` rows between one part and the next are in none.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import Columns, Rows
from pellucid.data.draws import key
from pellucid.errors import DataError
from pellucid.recipe import SplitSection


@dataclass(frozen=True)
class Ordered:
    """All rows from the earliest to the latest, `[N]`, and their times."""

    rows: Rows
    times: NDArray[Any]

    def __len__(self) -> int:
        return len(self.rows)

    def between(self, place: int) -> int:
        """Return the place nearest to `place` at which the rows can be cut without parting those of one time."""
        if not 0 < place < len(self) or self.times[place - 1] != self.times[place]:
            return place
        first, after = (int(np.searchsorted(self.times, self.times[place], side)) for side in ("left", "right"))
        return first if place - first <= after - place else after


def in_order(section: SplitSection, columns: Columns) -> Ordered:
    """Return the rows as they follow one another; of one time, as they came."""
    if section.kind == "contiguous":
        rows = np.arange(len(columns))
        return Ordered(rows, rows)
    times = times_of(key(columns, "time", section.time), str(section.time))
    rows = np.argsort(times, kind="stable")
    return Ordered(rows, times[rows])


def where_test_begins(section: SplitSection, ordered: Ordered) -> tuple[int, int]:
    """Return the place from which rows test, and the one before which the others end.

    Raises:
        DataError: a test part is asked for, and would be empty.
    """
    test = ordered.between(len(ordered) - round(section.test * len(ordered)))
    if section.test > 0 and test == len(ordered):
        last = len(ordered) - int(np.searchsorted(ordered.times, ordered.times[-1], side="left"))
        together = f", of which the last {last} have one time," if last > 1 else ""
        raise DataError(
            f"split.test = {section.test:g} of {len(ordered)} rows{together} is none. Give more rows, a larger share, "
            "or split.test = 0."
        )
    return test, test - section.gap if test < len(ordered) else test


def cut(section: SplitSection, columns: Columns) -> tuple[dict[str, Rows], str]:
    """Return the rows of each part, ascending, and how they came about.

    Raises:
        DataError: a part would be empty, or the times cannot be compared.
    """
    ordered = in_order(section, columns)
    test, stop = where_test_begins(section, ordered)
    validation = ordered.between(max(0, stop - round(section.validation * len(ordered))))
    train = validation - section.gap if validation < stop else stop
    ends = {"train": (0, train), "validation": (validation, stop), "test": (test, len(ordered))}
    needed = {"train": True, "validation": section.validation > 0, "test": section.test > 0}
    if any(needed[part] and stop <= start for part, (start, stop) in ends.items()):
        times = f" of {len(np.unique(ordered.times))} different times" if section.kind == "time" else ""
        gap = f" with split.gap = {section.gap}" if section.gap else ""
        few = f"{len(ordered)} rows{times} are too few to cut as asked{gap}."
        raise DataError(f"{few} Give more rows, or other shares.")
    parts = {part: np.sort(ordered.rows[start:stop]) for part, (start, stop) in ends.items()}
    return parts, _told(section, parts, len(ordered))


def _told(section: SplitSection, parts: dict[str, Rows], num_rows: int) -> str:
    """How the parts came about, in a sentence."""
    train, validation, test = (f"{len(parts[part]):,}" for part in ("train", "validation", "test"))
    by = f" rows by {section.time!r}" if section.kind == "time" else ""
    first, last = ("earliest", "latest") if section.kind == "time" else ("first", "last")
    left_out = num_rows - sum(map(len, parts.values()))
    gaps = f"; {left_out:,} between them are left out" if left_out else ""
    return (
        f"{section.kind}: the {first} {train}{by} train, the next {validation} validate, the {last} {test} test{gaps}"
    )


def times_of(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Return times that can be compared: numbers, or moments in microseconds.

    Args:
        values: numbers, dates, or texts of either; dates as texts are written as in ISO 8601, or as 31.01.2012.
        name: of the column, for the messages.

    Raises:
        DataError: a value is neither, or missing.
    """
    if values.dtype.kind == "b" or (values.dtype.kind not in "iufM" and values.dtype.kind not in "OUT"):
        raise DataError(f"split.time = {name!r} holds {values.dtype}: expected numbers or dates to order rows by.")
    times = values if values.dtype.kind in "iufM" else _parsed(values, name)
    bad = np.isnat(times) if times.dtype.kind == "M" else ~np.isfinite(times)
    if bad.any():
        rows = ", ".join(map(str, np.flatnonzero(bad)[:10]))
        raise DataError(f"split.time = {name!r} is missing or not finite in {bad.sum()} rows (rows {rows}).")
    return times


def _parsed(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Numbers or moments of texts and Python's dates."""
    if all(isinstance(value, str) for value in values):
        try:
            return values.astype(str).astype(np.float64)
        except ValueError:
            pass
    moments = []
    for row, value in enumerate(values.tolist()):
        moment = _moment(value)
        if moment is None:
            raise DataError(
                f"split.time = {name!r}: {value!r} (row {row}) is no number and no date as 2012-01-31, 2012-01, "
                "2012-01-31 14:30 or 31.01.2012. Write all of them so."
            )
        moments.append(moment)
    if len({moment.tzinfo is None for moment in moments}) > 1:
        raise DataError(f"split.time = {name!r}: some dates have a time zone and others none. Give all one, or none.")
    utc = [m if m.tzinfo is None else m.astimezone(datetime.UTC).replace(tzinfo=None) for m in moments]
    return np.array(utc, "datetime64[us]")


def _moment(value: object) -> datetime.datetime | None:
    """The moment that a date or a text says; None where it is none."""
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)
    if not isinstance(value, str):
        return None
    text = f"{value}-01" if len(value) == 7 and value[4] == "-" else value  # a month
    text = f"{value[6:]}-{value[3:5]}-{value[:2]}" if len(value) == 10 and value[2] == value[5] == "." else text
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
