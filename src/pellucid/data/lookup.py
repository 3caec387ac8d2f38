"""A column of the user's own data by its name, whether it is learned from, asked for, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import world as data
from pellucid.data.columns import Columns
from pellucid.data.rows import Rows
from pellucid.data.world import World
from pellucid.errors import DataError, PellucidError, closest
from pellucid.recipe import DataSection

TARGET = "target"


def columns(section: DataSection, world: World, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the values of columns, of every row of the data, `[rows]` each; of what is missing None or NaN.

    What the data's columns do not hold, such as a column that is not learned from, is read again from its files.

    Raises:
        DataError: there is no such column.
        PellucidError: this world has no rows.
    """
    if not names:
        return {}
    if not isinstance(world, Rows):
        raise PellucidError(f"--slices {names[0]}: this run's data has no rows with columns to tell apart.")
    known = {**world.columns.keys, **_features(world.columns), **_targets(world.columns, section.target)}
    found = {}
    for name in names:
        found[name] = known[name] if name in known else _read(section, world, name, known)
    return found


def _read(section: DataSection, world: Rows, name: str, known: Mapping[str, Any]) -> NDArray[Any]:
    """A column of the user's files that rows could be grouped by, though they are not."""
    closeby = f"--slices {name}: there is no such column. {closest(name, [*known])}"
    if not data.is_own(section.source) or section.source == data.ARRAYS or world.columns.schema["input"].clock:
        raise DataError(closeby)
    try:
        values = data.read(section, [name]).keys[name]
    except DataError as error:
        raise DataError(f"--slices {name}: {error} Columns that are learned from: {', '.join(known)}.") from None
    if len(values) != len(world.columns):
        raise DataError(closeby)
    try:
        return values.astype(np.float64)  # of a text table every value is text
    except ValueError:
        return values


def _features(columns: Columns) -> dict[str, NDArray[Any]]:
    """The columns that are learned from, in the user's words and units; of pictures and texts there are none."""
    field, values = columns.schema["input"], columns.values["input"]
    if field.kind != "number" or not isinstance(values, np.ndarray) or values.ndim != 2:
        return {}
    if not field.features:
        return dict(zip(field.names, values.T, strict=False))
    found: dict[str, NDArray[Any]] = {}
    for feature, column in zip(field.features, values.T, strict=True):
        levels = np.array([*feature.levels, None], object)
        places = np.where(np.isnan(column), len(feature.levels), column).astype(np.int64) if feature.levels else None
        found[feature.name] = column if places is None else levels[places]
    return found


def _targets(columns: Columns, name: str | None) -> dict[str, NDArray[Any]]:
    """What is asked for, called "target" and by its own name."""
    if "target" not in columns.values:
        return {}
    field, values = columns.schema["target"], columns.values["target"]
    if field.kind == "category" and isinstance(values, np.ndarray):
        named = np.array(field.categories, object)[values]
        return {TARGET: named, **({name: named} if name else {})}
    if field.kind == "number" and isinstance(values, np.ndarray) and values.ndim == 2:
        names = field.names or ((name,) if name and values.shape[1] == 1 else ())
        return {TARGET: values[:, 0], **dict(zip(names, values.T, strict=False))}
    return {}
