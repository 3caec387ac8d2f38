"""Columns: data at rest, as it was read. Named arrays of equal length, each with the kind of what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.ragged import Ragged
from pellucid.errors import DataError
from pellucid.spec import Field

Rows = NDArray[np.int64]
Column = NDArray[np.generic] | Ragged


@dataclass(frozen=True)
class Columns:
    """The rows of a data set.

    Attributes:
        values: `"input"` and, where something is asked for, `"target"`. Images are `[N, C, H, W]`, uint8 (0 to 255)
            or float32, tables float32 `[N, features]`, categories int64 codes `[N]`, labels float32 0 or 1
            `[N, labels]`, numbers float32 `[N, targets]`,
            masks uint8 codes `[N, H, W]`, sounds int16 `[N, samples]`, series float32 `[N, features, steps]`, documents
            their UTF-8 bytes, ragged.
        schema: the `Field` of each column.
        given: the parts that the data came with, if any: `{"train": rows, "test": rows}`.
        keys: by what rows can be grouped or ordered, `[N]` each; nothing is learned from them.
        hashes: the SHA-256 of a column's bytes where it is known already.
        places: of each row its place among the files that were found, `[N]`, where rows are files: some may be left
            out.
        names: what each row is called, `[N]`, where rows are files or their lines.
    """

    values: Mapping[str, Column]
    schema: Mapping[str, Field]
    given: Mapping[str, Rows] = field(default_factory=dict)
    keys: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    places: Rows | None = None
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        lengths = {name: len(array) for name, array in (*self.values.items(), *self.keys.items())}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise DataError(f"The columns have different numbers of rows: {told}. Each row needs one value in each.")

    def __len__(self) -> int:
        return len(self.values["input"])

    def dense(self, name: str) -> NDArray[np.generic]:
        """Return a column whose rows have one shape; raise `DataError` where they are of unequal length."""
        column = self.values[name]
        if isinstance(column, Ragged):
            raise DataError(
                f"The {name} rows are {self.schema[name].kind} of unequal length: expected one shape for all."
            )
        return column

    @cached_property
    def hash(self) -> str:
        """SHA-256 over names, kinds, shapes and bytes: the same data has the same hash wherever it lies."""
        digest = hashlib.sha256()
        for name in sorted(self.values):
            column, field = self.values[name], self.schema[name]
            array = column.values if isinstance(column, Ragged) else column
            digest.update(repr((name, field.kind, field.categories, array.dtype.str, array.shape)).encode())
            if field.features:
                digest.update(repr(field.features).encode())
            digest.update((self.hashes.get(name) or hash_of(column)).encode())
        return digest.hexdigest()


def hash_of(column: Column) -> str:
    """Return the SHA-256 of a column's bytes; of a ragged one, of its values and then of where its rows begin."""
    digest = hashlib.sha256()
    for array in (column.values, column.offsets) if isinstance(column, Ragged) else (column,):
        digest.update(np.ascontiguousarray(array).data.cast("B"))
    return digest.hexdigest()


def check_finite(columns: Columns) -> None:
    """Raise `DataError` naming the rows (and features) that hold NaN or infinity, before they reach a mean."""
    for name, array in columns.values.items():
        if isinstance(array, Ragged) or not np.issubdtype(array.dtype, np.floating) or columns.schema[name].features:
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
