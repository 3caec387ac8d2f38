"""A batch: data in motion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def tensor_of(array: NDArray[np.generic]) -> Tensor:
    """Return a tensor over an array's own memory, or over a copy where the array may not be written."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows as tensors on the device, and which rows they are.

    Attributes:
        columns: by name, each `[rows, ...]`: `"input"`, `"target"`.
        rows: their ids in the data set, `[rows]`, on the CPU.
    """

    columns: Mapping[str, Tensor]
    rows: Tensor

    def __getitem__(self, name: str) -> Tensor:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.rows)

    def split(self, num_parts: int) -> Iterator[Batch]:
        """Cut into `num_parts` of almost equal size, in order."""
        columns = {name: tensor.tensor_split(num_parts) for name, tensor in self.columns.items()}
        for part, rows in enumerate(self.rows.tensor_split(num_parts)):
            if len(rows):
                yield Batch({name: pieces[part] for name, pieces in columns.items()}, rows)
