"""When the rows of a table are: times as whole numbers, the even grid that they lie on, and its words.

A time is a whole number in a unit: seconds since 1970 (years without time zones), months since year 0 where dates lie a
month or more apart, or the user's own whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.data import table
from pellucid.errors import DataError

if TYPE_CHECKING:
    import polars

Times = NDArray[np.int64]
Unit = Literal["second", "month", "number"]
PARTS = ("year", "month", "day", "hour", "minute", "second")
PATTERNS = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ"),
    *("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%Y/%m/%d", "%Y-%m"),
)
"""Forms of dates that are read; the first that fits every value."""
HOUR, DAY, WEEK, YEAR = 3600, 86_400, 7 * 86_400, 31_556_952
"""In seconds; a year as the Gregorian calendar has it on average."""
CYCLES: dict[str, int] = {"day": DAY, "week": WEEK, "year": YEAR}
LATEST = 2.0**62
"""A whole number that is a time lies between this and its negative, so that their difference fits into 64 bits."""
FILLED = 0.5
"""Share of a grid's steps that must be there, below which times are not evenly spaced."""


@dataclass(frozen=True)
class Pace:
    """How far apart the steps are: `every` of a unit."""

    every: int
    unit: Unit

    def steps(self, times: Times) -> Times:
        """Return the place of each time (of the pace's unit) on the grid."""
        return times // self.every

    def __str__(self) -> str:
        """The pace in words: "hour", "2 months"."""
        names: tuple[tuple[int, str], ...]
        if self.unit == "second":
            names = ((WEEK, "week"), (DAY, "day"), (HOUR, "hour"), (60, "minute"), (1, "second"))
        else:
            names = ((12, "year"), (3, "quarter"), (1, "month")) if self.unit == "month" else ((1, "step"),)
        size, name = next((size, name) for size, name in names if self.every % size == 0)
        count = self.every // size
        return name if count == 1 else f"{count} {name}s"

    def season(self, steps: int) -> int:
        """Return how many steps a season has: the day of what is finer than one, else the year, or the week of days of
        less than three years; 1 where no calendar says."""
        if self.unit == "number":
            return 1
        if self.unit == "month":
            return max(1, 12 // self.every)
        if self.every < DAY:
            return max(1, round(DAY / self.every))
        if self.every == DAY:
            return 365 if steps >= 3 * 365 else 7
        return max(1, round(YEAR / self.every))

    def cycles(self, steps: int) -> tuple[str, ...]:
        """Return the turns of the calendar that a series of so many steps shows twice, and that steps divide."""
        if self.unit == "number":
            return ()
        length = self.every * (1 if self.unit == "second" else YEAR // 12)
        return tuple(name for name, turn in CYCLES.items() if 2 * length < turn and steps * length >= 2 * turn)

    def turns(self, times: Times, cycles: Sequence[str]) -> NDArray[np.float64]:
        """Return the sine and cosine of how far each cycle has turned at each time, `[times, 2 * cycles]`."""
        if self.unit == "month":
            shares = [times % 12 / 12 for _ in cycles]
        else:
            shares = [times % CYCLES[name] / CYCLES[name] for name in cycles]
        waves = [wave(2 * np.pi * share) for share in shares for wave in (np.sin, np.cos)]
        return np.stack(waves, axis=1) if waves else np.zeros((len(times), 0))

    def told(self, time: int) -> str:
        """Return a time of this unit as a user writes it."""
        if self.unit == "number":
            return str(time)
        if self.unit == "month":
            return f"{time // 12:04d}-{time % 12 + 1:02d}"
        moment = str(np.datetime64(time, "s")).replace("T", " ")
        return moment.removesuffix(" 00:00:00") if self.every % DAY == 0 else moment.removesuffix(":00")


def dates(series: polars.Series) -> polars.Series | None:
    """Return a column as dates, or None where a value is none (and where every value is missing)."""
    import polars

    if series.dtype == polars.Date or isinstance(series.dtype, polars.Datetime):
        found = series.cast(polars.Datetime("us"))
        return found if found.null_count() < len(found) else None
    if series.dtype != polars.String or series.null_count() == len(series):
        return None
    first = series.drop_nulls()[:1]
    for pattern in PATTERNS:
        if first.str.strptime(polars.Datetime("us"), pattern, strict=False).null_count() == 0:
            found = series.str.strptime(polars.Datetime("us"), pattern, strict=False)
            if found.null_count() == series.null_count():
                return found
    return None


def read(frame: polars.DataFrame, columns: Sequence[str]) -> tuple[Times, Unit]:
    """Return each row's time, from one column of dates or whole numbers, or from year, month, day, ... in that order.

    Raises:
        DataError: a column is not there, a value is missing or no time, or it cannot be told day from month.
    """
    import polars

    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise DataError(f"it has no column {', '.join(map(repr, absent))} to say when. Columns: {frame.columns}.")
    for name in columns:
        if frame[name].null_count():
            row = int(frame[name].is_null().arg_max() or 0)
            raise DataError(f"{name!r} is missing in row {row}: every row of a series needs its time.")
    if len(columns) == 1:
        found = dates(frame[columns[0]])
        if found is None:
            return _whole(frame[columns[0]]), "number"
        _check_order(frame[columns[0]], found)
    elif len(columns) > len(PARTS):
        raise DataError(f"data.time has {len(columns)} columns: expected one, or at most {', '.join(PARTS)}.")
    else:
        parts = [polars.Series(_whole(frame[name])) for name in columns]
        parts += [polars.Series([1] * frame.height)] * (3 - len(parts))
        try:
            found = polars.select(polars.datetime(*parts)).to_series()
        except polars.exceptions.PolarsError:
            found = None
        if found is None or found.null_count():
            raise DataError(f"{', '.join(columns)} are no times: expected {', '.join(PARTS[: len(columns)])}.")
    micros = found.cast(polars.Datetime("us")).to_physical().to_numpy()
    if (micros % 1_000_000).any():
        raise DataError(f"{columns[0]!r} tells fractions of a second apart. Give times as whole numbers instead.")
    return micros // 1_000_000, "second"


def _check_order(series: polars.Series, found: polars.Series) -> None:
    """Refuse dates such as 03/04/2024 where every value is another date too with day before month."""
    import polars

    if series.dtype != polars.String:
        return
    for pattern in ("%d/%m/%Y", "%d/%m/%Y %H:%M"):
        other = series.str.strptime(polars.Datetime("us"), pattern, strict=False)
        if other.null_count() == series.null_count() and (other != found).any():
            raise DataError(
                f"{series.name!r} holds {series.drop_nulls()[-1]!r}: month/day or day/month? No value tells. Write "
                "dates as 2024-12-31."
            )


def _whole(series: polars.Series) -> Times:
    numbers = table.as_numbers(series)
    values = None if numbers is None else numbers.to_numpy()
    if values is None or not ((values == np.round(values)) & (np.abs(values) < LATEST)).all():
        raise DataError(f"{series.name!r} holds no times: expected dates such as 2024-12-31, or whole numbers.")
    return values.astype(np.int64)


def in_months(seconds: Times) -> Times:
    """Return the months since year 0 of times in seconds."""
    return seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) + 1970 * 12


def pace_of(times: Times, unit: Unit, which: NDArray[Any]) -> tuple[Pace | None, str]:
    """Return how far apart steps are, or None and why they are not evenly spaced.

    The distance is the most frequent one between neighbours of one series; all others must be multiples of it, and at
    least half of a grid's steps must be there.

    Args:
        which: of several series, which one each row belongs to, `[rows]`.
    """
    order = np.lexsort((times, which))
    times, same = times[order], which[order][1:] == which[order][:-1]
    between = np.diff(times)[same]
    between = between[between > 0]
    if len(between) == 0:
        return None, "no two rows follow one another"
    if unit == "second" and np.median(between) >= 28 * DAY:
        months = in_months(times)
        begun = times - (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)
        ended = in_months(times + DAY) > months
        if len(np.unique(begun)) == 1 or ended.all():
            times, unit = months, "month"
            between = np.diff(times)[same]
            between = between[between > 0]
    sizes, counts = np.unique(between, return_counts=True)
    pace = Pace(int(sizes[counts.argmax()]), unit)
    if (between % pace.every).any() or len(np.unique(times % pace.every)) > 1:
        return None, f"most are a {pace} apart, others are between"
    present = len(between) + 1
    if present < FILLED * (between.sum() / pace.every + 1):
        return None, f"most are a {pace} apart, but more than half of such steps are not there"
    return pace, ""


def of_unit(times: Times, found: Unit, pace: Pace) -> Times:
    """Return times as they were read in the unit of a pace.

    Raises:
        DataError: dates were expected and numbers came, or the other way round.
    """
    if pace.unit == "month" and found == "second":
        return in_months(times)
    if pace.unit != found:
        expected = "whole numbers" if pace.unit == "number" else "dates"
        raise DataError(f"its times are {'whole numbers' if found == 'number' else 'dates'}: expected {expected}.")
    return times
