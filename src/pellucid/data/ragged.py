"""Rows of unequal length at rest: all values one after the other, and where each row begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ragged:
    """A column whose rows are one-dimensional and of any length.

    Attributes:
        values: of all rows, `[total]`.
        offsets: where each row begins, and where the last one ends, int64 `[N + 1]`.
    """

    values: NDArray[Any]
    offsets: NDArray[np.int64]

    @staticmethod
    def of(rows: Iterable[NDArray[Any]]) -> Ragged:
        """Join rows that lie apart."""
        rows = list(rows)
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
        return Ragged(np.concatenate(rows) if rows else np.zeros(0, np.uint8), offsets.astype(np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, row: int) -> NDArray[Any]:
        """Return one row at its own length."""
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many values each row has, `[N]`."""
        return np.diff(self.offsets)

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """Return rows side by side, `[rows, longest]`: what a shorter one lacks is zero."""
        chosen = np.arange(len(self))[rows]
        starts, lengths = self.offsets[chosen], self.lengths[chosen]
        longest = int(lengths.max(initial=0))
        inside = np.arange(longest) < lengths[:, None]
        places = np.arange(lengths.sum()) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        result = np.zeros((len(chosen), longest), self.values.dtype)
        result[inside] = self.values[places]  # an index for what is there alone: one row may be far the longest
        return result
