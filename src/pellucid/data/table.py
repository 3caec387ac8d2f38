"""Tables of the user's own: CSV, TSV, Parquet and JSON lines; what each column holds is inferred, and told.

Nothing is guessed silently. Each inference has a reason in words, `data.types` overrules it, and a proposed recipe
writes all of them down.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from pellucid.errors import DataError, closest
from pellucid.recipe import MISSING, ColumnType, DataSection
from pellucid.spec import JOINED_BY

if TYPE_CHECKING:
    import polars

ENDINGS = (".csv", ".tsv", ".parquet", ".jsonl")
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SAMPLED = 1 << 16
"""Bytes of the beginning by which separator and header are told."""
HINTS = {
    ending: f" Expected a header line, then as many values in every line, separated by {separators}."
    for ending, separators in ((".csv", "commas"), (".tsv", "tabs"))
}
FEW = 20
"""Different whole numbers of a target, up to which they are classes."""
REPEATS = 2.0
"""Rows per different value, on average, from which text is a category; below it is free text, or an id."""
MOST_COLUMNS = 10_000
"""Columns of a table at most: what each holds is told from its values, a millisecond each."""
MOST_LEVELS = 1000
"""Different values of a category at most."""


@dataclass(frozen=True)
class Column:
    """A column's type, and why."""

    name: str
    type: ColumnType
    why: str


def open(section: DataSection) -> polars.DataFrame:
    """Return the columns of a recipe's table, as `read` does; its errors name the file."""
    path = Path(section.source)
    if not path.is_file():
        raise DataError(f"There is no file {path}. Give the path of a table: {', '.join(ENDINGS)}.")
    try:
        return read(path, section)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def read(path: Path, section: DataSection, expected: Sequence[str] = ()) -> polars.DataFrame:
    """Return the file's columns: text as it stands (stripped, missing values null), or what a typed format holds.

    Args:
        expected: names of columns; where the first line of a CSV has any of them, it names the columns.

    Raises:
        DataError: it is no table, or no UTF-8, or two columns have one name.
    """
    import polars

    ending = path.suffix.lower()
    try:
        if ending == ".parquet":
            frame = polars.read_parquet(path)
        elif ending == ".jsonl":
            frame = polars.read_ndjson(path, infer_schema_length=None)
        else:
            frame = _read_lines(path, section, [*expected, *filter(None, [section.target])])
        frame = cleaned(_not_too_wide(frame), missing_in(section))
    except (polars.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"it cannot be read as {ending[1:]}: {str(error).partition(chr(10))[0]}.{HINTS.get(ending, '')}"
        ) from None
    if frame.height == 0 or frame.width == 0:
        raise DataError("it has no rows: expected at least one below its names.")
    return frame


def keys(frame: polars.DataFrame, wanted: Collection[str]) -> dict[str, NDArray[Any]]:
    """Return columns that rows are grouped or ordered by, as they stand, `[rows]` each.

    Raises:
        DataError: there is no such column, or a value of it is missing.
    """
    found = {}
    for name in wanted:
        if name not in frame.columns:
            raise DataError(f"There is no column {name!r} to group or order rows by. {closest(name, frame.columns)}")
        if frame[name].null_count():
            raise DataError(
                f"{name!r} is missing in {frame[name].null_count()} rows: expected a value to group or order by."
            )
        found[name] = frame[name].to_numpy()
    return found


def missing_in(section: DataSection) -> Sequence[str]:
    """Return what stands for a missing value."""
    return MISSING if section.missing is None else section.missing


def cleaned(frame: polars.DataFrame, missing: Sequence[str]) -> polars.DataFrame:
    """Return a frame whose names and texts are stripped, and whose missing values are null."""
    import polars

    names = [name.strip() or f"column_{number}" for number, name in enumerate(frame.columns, 1)]
    _one_each(names)
    frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
    text = polars.selectors.string().str.strip_chars()
    frame = frame.with_columns(polars.selectors.float().fill_nan(None))
    return frame.with_columns(polars.when(text.is_in(list(missing))).then(None).otherwise(text).name.keep())


def _one_each(names: Sequence[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(f"two columns are called {', '.join(map(repr, twice))}. Give each a name of its own.")


def layout(path: Path, section: DataSection, expected: Sequence[str] = ()) -> tuple[str, bool, list[str]]:
    """Return a CSV's separator, whether its first line names the columns, and that line's values.

    Raises:
        DataError: it is no UTF-8.
    """
    with path.open("rb") as file:
        begin = file.read(SAMPLED)
    is_cut = len(begin) == SAMPLED
    begin = begin.removeprefix(codecs.BOM_UTF8)
    try:
        sample = begin.decode()
    except UnicodeDecodeError as error:
        if not is_cut or error.start < len(begin) - 4:  # not merely a character that the sample cuts
            raise DataError(
                f"it is not UTF-8 (byte {error.start} is 0x{begin[error.start]:02x}). Save it as UTF-8."
            ) from None
        sample = begin[: error.start].decode()
    lines = sample.splitlines()
    if is_cut:
        lines = lines[:-1]  # it may be cut
    separator = "\t" if path.suffix.lower() == ".tsv" else separator_of(lines)
    first = [value.strip() for value in next(csv.reader(lines, delimiter=separator), [])]
    if section.header is not None:
        return separator, section.header, first
    if set(first) & set(expected):
        return separator, True, first
    if expected and all(re.fullmatch(r"column_\d+", name) for name in expected):  # as those without names are called
        return separator, False, first
    return separator, has_header(lines, separator, missing_in(section)), first


def _read_lines(path: Path, section: DataSection, expected: Sequence[str]) -> polars.DataFrame:
    """A CSV or TSV with every value as text."""
    import polars

    separator, header, first = layout(path, section, expected)
    if header:
        _one_each([name for name in first if name])
    frame = polars.read_csv(path, separator=separator, has_header=header, infer_schema=False, encoding="utf8")
    frame = _not_too_wide(frame)
    frame = frame.filter(~polars.all_horizontal(polars.all().is_null()))  # empty lines
    return frame if header else frame.rename({name: f"column_{n}" for n, name in enumerate(frame.columns, 1)})


def _not_too_wide(frame: polars.DataFrame) -> polars.DataFrame:
    if frame.width > MOST_COLUMNS:
        raise DataError(
            f"it has {frame.width:,} columns, and at most {MOST_COLUMNS:,} are looked at one by one. Leave some out, "
            "or give a matrix of numbers as a .npz file."
        )
    return frame


def separator_of(lines: Sequence[str]) -> str:
    """Return the separator that cuts the most lines into equally many pieces; of equals, into more."""

    def rank(separator: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines[:50], delimiter=separator) if row]
        width = max(set(widths), key=widths.count, default=1)
        return (0, 0) if width < 2 else (widths.count(width), width)

    return max(SEPARATORS, key=rank)


def has_header(lines: Sequence[str], separator: str, missing: Sequence[str]) -> bool:
    """Whether the first line names the columns: no number among its values, no value twice, and none of a later line's.

    A table of text alone cannot tell; its first line is then taken as names unless it occurs below.
    """
    rows = [[value.strip() for value in row] for row in csv.reader(lines, delimiter=separator) if row]
    if len(rows) < 2:
        return True
    first, below = rows[0], rows[1:]
    if any(is_number(value) for value in first) or len(set(first)) < len(first) or "" in first:
        return False
    numbers = [
        all(is_number(v) or v in missing for row in below for v in row[place : place + 1])
        for place in range(len(first))
    ]
    repeated = [any(row[place : place + 1] == [value] for row in below) for place, value in enumerate(first)]
    return any(numbers) or not any(repeated)


def is_number(value: str) -> bool:
    """Whether a text is a number, written with a decimal point or comma."""
    try:
        float(value.replace(",", ".", 1) if value.count(",") == 1 and "." not in value else value)
    except ValueError:
        return False
    return value.lower() not in ("nan", "inf", "-inf", "infinity", "-infinity", "+inf") and "_" not in value


def as_numbers(series: polars.Series) -> polars.Series | None:
    """Return a column as float64 with nulls, or None where a value is no number."""
    import polars

    if series.dtype.is_numeric() or series.dtype == polars.Boolean:
        return series.cast(polars.Float64)
    if series.dtype != polars.String:
        return None
    numbers = series.cast(polars.Float64, strict=False)
    if numbers.null_count() == series.null_count():
        return numbers
    if has_decimal_comma(series):
        return series.str.replace(",", ".", literal=True).cast(polars.Float64, strict=False)
    return None


def has_decimal_comma(series: polars.Series) -> bool:
    """Whether a text column holds numbers such as 1,5 throughout; 1,500 alone could be fifteen hundred."""
    present = series.drop_nulls()
    shaped = present.str.contains(r"^[+-]?\d+(,\d+)?([eE][+-]?\d+)?$")
    thousands = present.str.contains(r"^[+-]?\d{1,3}(,\d{3})+$") | ~present.str.contains(",", literal=True)
    return bool(shaped.all()) and not bool(thousands.all())


def types_of(frame: polars.DataFrame, section: DataSection) -> list[Column]:
    """Return what each column holds: as the recipe says, else inferred.

    Raises:
        DataError: the recipe speaks of a column that is not there, or calls numbers what are none.
    """
    unknown = [name for name in [*(section.types or {}), *filter(None, [section.target])] if name not in frame.columns]
    if unknown:
        told = f"The table has no column {', '.join(map(repr, unknown))}. Its columns: {', '.join(frame.columns)}."
        if section.target in unknown and "," in str(section.target):
            told += " Labels of several columns are asked for as one: join their names, as in one|two, in a column of "
            told += "its own, and say data.types.COLUMN=labels."
        if section.header is None and frame.columns[0] == "column_1":
            told += " Its first line was read as values; data.header=true reads it as names."
        raise DataError(told)
    given, found = section.types or {}, []
    for name in frame.columns:
        if name in given:
            if given[name] == "number" and as_numbers(frame[name]) is None:
                raise DataError(f"data.types.{name} = 'number': {first_text(frame[name])!r} is none.")
            if given[name] == "labels" and name != section.target:
                raise DataError(f"data.types.{name} = 'labels': only the target is read so. Choose category or ignore.")
            found.append(Column(name, given[name], "as the recipe says"))
        else:
            found.append(_infer(frame[name], is_target=name == section.target))
    return found


def _infer(series: polars.Series, is_target: bool) -> Column:
    import polars

    name, values = series.name, series.drop_nulls()
    if len(values) == 0:
        return Column(name, "ignore", "no row has a value")
    different = values.n_unique()
    if series.dtype.is_temporal():
        return Column(name, "time", "dates")
    numbers = as_numbers(series)
    if numbers is not None and series.dtype == polars.String and values.str.contains(r"^[+-]?0\d").any():
        codes: ColumnType = "id" if different == len(values) and not is_target else "category"
        return Column(name, codes, f"codes with leading zeros, such as {values[0]}")
    if numbers is not None:
        present = numbers.drop_nulls()
        whole = bool((present == present.round()).all())
        if is_target:
            if series.dtype == polars.Boolean or (whole and different <= FEW):
                return Column(name, "category", f"{different} different whole numbers")
            return Column(name, "number", _reach(present))
        steps = present.diff().drop_nulls()
        if whole and len(present) > FEW and len(present) == len(series) and bool((steps == 1).all()):
            return Column(name, "id", "it counts the rows")
        comma = ", with a decimal comma" if series.dtype == polars.String and has_decimal_comma(series) else ""
        return Column(name, "number", f"{_reach(present)}{comma}")
    if series.dtype not in (polars.String, polars.Categorical, polars.Enum):
        return Column(name, "ignore", f"{series.dtype} is no number and no category")
    text = values.cast(polars.String)
    for pattern in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m"):
        if text.str.strptime(polars.Datetime, pattern, strict=False).null_count() == 0:
            return Column(name, "time", f"dates such as {text[0]}")
    if different <= MOST_LEVELS and (len(text) >= REPEATS * different or is_target):
        several = f"; where {JOINED_BY!r} stands between several labels: data.types.{name}=labels"
        is_joined = is_target and text.str.contains(JOINED_BY, literal=True).any()
        return Column(name, "category", f"{different} different values{several if is_joined else ''}")
    if is_target:
        return Column(name, "text", f"{different} different values in {len(text)} rows")
    words = text.str.split(" ").list.len().mean()
    if different == len(text) and isinstance(words, float) and words < 2:
        return Column(name, "id", "every row has another value")
    return Column(name, "text", f"{different} different values in {len(text)} rows")


def _reach(numbers: polars.Series) -> str:
    values = numbers.to_numpy()
    return f"numbers from {values.min():g} to {values.max():g}"


def first_text(series: polars.Series) -> str:
    """Return the first value that is no number."""
    import polars

    text = series.drop_nulls().cast(polars.String)
    return str(next((value for value in text if not is_number(value)), ""))


def told(columns: Sequence[Column], target: str | None) -> list[str]:
    """Return one line per column: what it holds and why, and what is made of it."""
    uses: Mapping[str, str] = {"number": "input", "category": "input"}
    return [
        f"{column.name}: {column.type} ({column.why}); "
        + ("target" if column.name == target else uses.get(column.type, "not learned from"))
        for column in columns
    ]
