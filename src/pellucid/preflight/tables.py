"""What is wrong with a table: columns that give the target away or say nothing, rows that repeat or contradict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import features, table
from pellucid.data.table import Column
from pellucid.preflight import Finding, per_cent
from pellucid.recipe import DataSection

if TYPE_CHECKING:
    import polars

MOSTLY = 0.9
"""Share of a text column's values that are numbers, from which the others are taken for slips."""
FAR = 50.0
"""Times the distance between the quartiles, beyond which a number is doubtful."""
RARE = 10
"""Rows of a class, below which it can hardly be learned and never be judged."""
UNEQUAL = 20.0
"""Times that the largest class has the rows of the smallest."""
MANY_MISSING = 0.5
"""Share of a column's rows."""
FILLED = {"number": "the median fills them, and a column beside says where", "category": "they count as another value"}
OFTEN = 0.2
"""Share of the rows that repeat another one, from which the table's columns simply take few values."""
ONLY_FEW = 2.0
"""Rows per value of a column on average, below which that it settles the target means nothing."""


def check(section: DataSection) -> Iterator[Finding]:
    """Yield what is found in a recipe's table."""
    frame, target = table.open(section), section.target
    columns = table.types_of(frame, section)
    yield from _missing(frame, columns, target)
    yield from _columns(frame, columns, target)
    yield from texts(frame, columns)
    if target is not None:
        yield from _classes(frame, columns, target)
        yield from _gives_away(frame, columns, target)
    yield from numbers(frame, columns)
    yield from _rows(frame, columns, target)


def _missing(frame: polars.DataFrame, columns: Sequence[Column], target: str | None) -> Iterator[Finding]:
    for column in columns:
        absent = frame[column.name].is_null()
        count = int(absent.sum())
        if not count:
            continue
        rows = _places(absent.to_numpy())
        if column.name == target:
            yield Finding(
                "missing_target",
                "wrong",
                f"the target {target!r} is missing: nothing can be learned. Remove them.",
                rows,
            )
        elif count == frame.height:
            yield Finding("empty_column", "note", f"the column {column.name!r} has no value; it is left out.")
        elif column.type in ("number", "category"):
            many = count > MANY_MISSING * frame.height
            yield Finding(
                "missing_values",
                "doubtful" if many else "note",
                f"{column.name!r} is missing in {per_cent(count / frame.height)} % of the rows"
                + (": more than half. Does it say anything?" if many else f"; {FILLED[column.type]}."),
                rows,
            )


def _columns(frame: polars.DataFrame, columns: Sequence[Column], target: str | None) -> Iterator[Finding]:
    seen: dict[int, list[str]] = {}
    for column in columns:
        series = frame[column.name]
        if series.null_count() == len(series):
            continue
        if series.drop_nulls().n_unique() == 1 and series.null_count() == 0:
            message = f"{column.name!r} holds {series[0]!r} in every row"
            if column.name == target:
                yield Finding("constant_column", "wrong", f"{message}: nothing can be told apart.")
            else:
                yield Finding("constant_column", "note", f"{message}: it says nothing.")
            continue
        key = int(series.hash().sum())
        same = [name for name in seen.get(key, ()) if frame[name].equals(series)]
        seen.setdefault(key, []).append(column.name)
        if same and target not in (column.name, same[0]):
            message = (
                f"{column.name!r} and {same[0]!r} hold the same values. Leave one out: data.types.{column.name}=ignore."
            )
            yield Finding("duplicate_column", "doubtful", message)
        if column.type == "number" and column.name != target and _tells_rows_apart(series):
            yield Finding(
                "id_like_column",
                "doubtful",
                f"{column.name!r} holds whole numbers that are all different: if they only tell rows apart, leave them "
                f"out: data.types.{column.name}=id.",
            )


def _tells_rows_apart(series: polars.Series) -> bool:
    numbers = table.as_numbers(series)
    if numbers is None or numbers.null_count() or len(numbers) < 100:
        return False
    values = numbers.to_numpy()
    return bool((values == np.round(values)).all()) and len(np.unique(values)) == len(values)


def texts(frame: polars.DataFrame, columns: Sequence[Column]) -> Iterator[Finding]:
    """Yield columns that are nearly numbers, were written in another encoding, or spell one value in several ways."""
    import polars

    for column in columns:
        series = frame[column.name]
        if series.dtype != polars.String or column.type == "number":
            continue
        counts = dict(series.drop_nulls().value_counts().iter_rows())
        words = [value for value in counts if not table.is_number(value)]
        slips, present = sum(counts[value] for value in words), sum(counts.values())
        if 0 < slips <= (1 - MOSTLY) * present:
            rows = _places(series.is_in(words).fill_null(False).to_numpy())
            message = f"nearly all of {column.name!r} are numbers, and {series[rows[0]]!r} is none: it is read as"
            yield Finding(
                "almost_numbers", "wrong", f"{message} {column.type}. Mend it, or add it to data.missing.", rows
            )
        garbled = series.str.contains("\u00c3[\u0080-\u00bf]|\u00e2\u20ac|\ufffd").fill_null(False)
        if garbled.any():
            rows = _places(garbled.to_numpy())
            message = (
                f"{column.name!r} was written in another encoding ({series[int(rows[0])]!r}). Save the file as UTF-8."
            )
            yield Finding("wrong_encoding", "doubtful", message, rows)
        if column.type == "category":
            yield from _spellings(series)


def _spellings(series: polars.Series) -> Iterator[Finding]:
    alike: dict[str, list[str]] = {}
    for value in series.drop_nulls().unique().sort():
        alike.setdefault(" ".join(value.casefold().split()), []).append(value)
    for spellings in alike.values():
        if len(spellings) > 1:
            counts = {value: int((series == value).sum()) for value in spellings}
            usual = max(counts, key=lambda value: counts[value])
            rows = _places((series.is_in(spellings) & (series != usual)).fill_null(False).to_numpy())
            told = ", ".join(map(repr, spellings))
            yield Finding("spellings", "doubtful", f"{series.name!r} spells one value in several ways: {told}.", rows)


def rare_labels(has: NDArray[np.bool_], names: Sequence[str]) -> Iterator[Finding]:
    """Yield labels that hardly a row has, or hardly one lacks; `has` is `[rows, labels]`."""
    for name, having in zip(names, has.T, strict=True):
        for rows, told in ((_places(having), "have"), (_places(~having), "lack")):
            if len(rows) < RARE:
                message = f"{len(rows)} rows {told} the label {name!r}: too few to learn it and to judge that."
                yield Finding("rare_label", "doubtful", f"{message} Collect more, or leave it out.", rows)


def _classes(frame: polars.DataFrame, columns: Sequence[Column], target: str) -> Iterator[Finding]:
    import polars

    asked = next(column for column in columns if column.name == target)
    if asked.type == "labels":
        if not frame[target].null_count():
            has, field = features.target_of(frame[target], asked)
            yield from rare_labels(has.astype(bool), field.categories)
        return
    if asked.type != "category":
        return
    series = frame[target].cast(polars.String)
    counts = dict(series.drop_nulls().value_counts().sort("count").iter_rows())
    for name, count in counts.items():
        if count < RARE:
            rows = _places((series == name).fill_null(False).to_numpy())
            message = (
                f"the class {name!r} has {count} rows: too few to learn and to judge. Collect more, or leave it out."
            )
            yield Finding("rare_class", "doubtful", message, rows)
    if counts and max(counts.values()) > UNEQUAL * min(counts.values()):
        least, most = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
        message = (
            f"{most!r} has {counts[most]} rows and {least!r} {counts[least]}. Look at balanced accuracy and at recalls"
        )
        yield Finding("imbalance", "doubtful", f"{message}; try task.class_weights=balanced.")


def _gives_away(frame: polars.DataFrame, columns: Sequence[Column], target: str) -> Iterator[Finding]:
    """A column that settles the target alone: it was made of it, or is it."""
    asked = frame[target]
    for column in columns:
        if column.name == target or column.type not in ("number", "category"):
            continue
        both = frame.select(column.name, target).drop_nulls()
        if both.height < RARE:
            continue
        values, pairs = both[column.name].n_unique(), both.unique().height
        settles = pairs == values and values > 1 and both.height >= ONLY_FEW * values
        if asked.n_unique() > table.FEW and not settles:  # numbers: a straight line is enough
            one, other = table.as_numbers(both[column.name]), table.as_numbers(both[target])
            if one is not None and other is not None:
                settles = abs(_correlation(one.to_numpy(), other.to_numpy())) > 0.9999
        if settles:
            yield Finding(
                "target_in_inputs",
                "wrong",
                f"{column.name!r} settles {target!r} alone, in every row. Where it is not known before the target is, "
                f"leave it out: data.types.{column.name}=ignore.",
            )


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / size if size > 0 else 0.0


def numbers(frame: polars.DataFrame, columns: Sequence[Column]) -> Iterator[Finding]:
    """Yield infinities, and numbers far from all others."""
    for column in columns:
        numbers = table.as_numbers(frame[column.name]) if column.type == "number" else None
        if numbers is None:
            continue
        values = numbers.to_numpy()
        present = values[np.isfinite(values)]
        if len(present) < len(values) - numbers.null_count():
            rows = _places(np.isinf(values))
            yield Finding("infinite", "wrong", f"{column.name!r} holds infinity. Mend it, or remove the rows.", rows)
        if len(present) < RARE:
            continue
        low, middle, high = np.quantile(present, [0.25, 0.5, 0.75])
        far = np.abs(values - middle) > FAR * (high - low) if high > low else np.zeros(len(values), bool)
        if 0 < far.sum() <= 0.001 * len(values) + 1:
            rows = _places(far)
            message = (
                f"{column.name!r} reaches {values[rows[0]]:g}, far from its middle, {middle:g}. A slip, another unit?"
            )
            yield Finding("outlier", "doubtful", message, rows)


def _rows(frame: polars.DataFrame, columns: Sequence[Column], target: str | None) -> Iterator[Finding]:
    used = [
        column.name for column in columns if column.type in ("number", "category", "text") and column.name != target
    ]
    if not used:
        return
    repeated = frame.select([*used, *([target] if target else [])]).is_duplicated()
    if repeated.any():
        rows = _places(repeated.to_numpy())
        if len(rows) > OFTEN * frame.height:
            message = "rows that repeat another one exactly: the columns take so few values that this means little."
            yield Finding("duplicate_rows", "note", message, rows)
        else:
            message = "rows that repeat another one exactly: a copy in training answers for one that is held out."
            yield Finding("duplicate_rows", "doubtful", f"{message} Remove copies unless they are other cases.", rows)
    if target is not None:
        alike = frame.select(used).is_duplicated() & ~repeated
        if alike.any():
            rows = _places(alike.to_numpy())
            message = f"rows alike in everything but {target!r}: no model can tell them apart."
            yield Finding("contradiction", "note", message, rows)


def _places(mask: NDArray[Any]) -> list[int]:
    places: list[int] = np.flatnonzero(mask).tolist()
    return places
