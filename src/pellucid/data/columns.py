"""Columns: data at rest, as it was read. Named arrays of equal length, each with the kind of what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.spec import Field

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """The rows of a data set.

    Attributes:
        values: `"input"` and, where something is asked for, `"target"`. Images are `[N, C, H, W]`, uint8 (0 to 255)
            or float32, tables float32 `[N, features]`, categories int64 codes `[N]`, numbers float32 `[N, targets]`.
        schema: the `Field` of each column.
        given: the parts that the data came with, if any: `{"train": rows, "test": rows}`.
    """

    values: Mapping[str, NDArray[np.generic]]
    schema: Mapping[str, Field]
    given: Mapping[str, Rows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: len(array) for name, array in self.values.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise DataError(f"The columns have different numbers of rows: {told}. Each row needs one value in each.")

    def __len__(self) -> int:
        return len(self.values["input"])

    @cached_property
    def hash(self) -> str:
        """SHA-256 over names, kinds, shapes and bytes: the same data has the same hash wherever it lies."""
        digest = hashlib.sha256()
        for name in sorted(self.values):
            array = np.ascontiguousarray(self.values[name])
            field = self.schema[name]
            described = (name, field.kind, field.categories, array.dtype.str, array.shape)
            digest.update(repr(described).encode())
            if field.features:
                digest.update(repr(field.features).encode())
            digest.update(array.data.cast("B"))
        return digest.hexdigest()


def check_finite(columns: Columns) -> None:
    """Raise `DataError` naming the rows (and features) that hold NaN or infinity, before they reach a mean."""
    for name, array in columns.values.items():
        if not np.issubdtype(array.dtype, np.floating) or columns.schema[name].features:
            continue  # where a table lacks values it has been said so
        with np.errstate(invalid="ignore"):  # inf - inf is what is looked for
            total = array.sum(dtype=np.float64)
        if np.isfinite(total):  # one pass; an overflow of the sum is settled below
            continue
        bad = ~np.isfinite(array)
        rows = np.flatnonzero(bad.reshape(len(array), -1).any(axis=1))
        if len(rows) == 0:
            continue
        names = columns.schema[name].names
        where = ""
        if names and bad.ndim == 2:
            where = " in " + ", ".join(repr(names[i]) for i in np.flatnonzero(bad.any(axis=0))[:5])
        shown = ", ".join(str(row) for row in rows[:10]) + (", ..." if len(rows) > 10 else "")
        raise DataError(
            f"{name}: {len(rows)} of {len(array)} rows hold NaN or infinity{where} (rows {shown}). "
            "Remove these rows or fill the values in; Pellucid does not guess them."
        )
