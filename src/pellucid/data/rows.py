"""The world of rows: columns, who is in which part, and the fitted steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.batch import Batch, tensor_of
from pellucid.data.columns import Columns, check_finite
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.split import Split, draw
from pellucid.data.steps import Shaping, Standardize
from pellucid.errors import DataError
from pellucid.recipe import Recipe
from pellucid.spec import Spec

EVALUATION_ROWS, FEWEST_ROWS = 512, 32
"""Rows of one evaluation batch at most, and for large rows at least."""
EVALUATION_BYTES = 16 << 20
"""Of inputs in one evaluation batch. It depends on nothing but the spec, so that every look at the same weights gives
the same bytes."""


class Rows:
    """Rows at rest, and `take`, which turns any of them into a batch on the device.

    Attributes:
        columns: as they were read.
        split: who is in which part.
        preprocessing: fitted on the training rows.
        spec: what a model and a task must fit.
        device: where `take` puts batches.
    """

    def __init__(self, columns: Columns, split: Split, preprocessing: Preprocessing, device: str) -> None:
        self.columns = columns
        self.split = split
        self.preprocessing = preprocessing
        self.spec = _spec(columns, split, preprocessing)
        self.device = device
        self._tensors = {name: tensor_of(columns.dense(name)).to(device) for name in columns.values}
        self._rows = {part: torch.from_numpy(rows) for part, rows in split.parts.items()}

    def with_preprocessing(self, preprocessing: Preprocessing) -> Rows:
        """Return the same rows with steps that were fitted before, as an artefact keeps them."""
        return Rows(
            self.columns, self.split, Preprocessing(preprocessing.steps, self.device, self.columns.schema), self.device
        )

    def rows(self, part: str) -> Tensor:
        """Return the row ids of a part, ascending, `[rows]`."""
        return self._rows[part]

    def take(self, rows: Tensor) -> Batch:
        """Gather rows and apply the fitted steps."""
        place = rows.to(self.device)
        gathered = {name: tensor.index_select(0, place) for name, tensor in self._tensors.items()}
        return Batch({name: self.preprocessing.apply(name, tensor) for name, tensor in gathered.items()}, rows)

    def batches(self, part: str) -> Iterator[Batch]:
        """Yield a part whole and in order, as evaluation reads it."""
        size = min(EVALUATION_ROWS, max(FEWEST_ROWS, EVALUATION_BYTES // self.row_bytes))
        for rows in torch.split(self._rows[part], size):
            yield self.take(rows)

    def sample(self) -> Tensor:
        """Return up to 256 prepared training inputs, evenly spaced: for initialisers that look at data."""
        rows = self._rows["train"]
        return self.take(rows[:: max(1, len(rows) // 256)][:256])["input"]

    def raw(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return inputs as the user knows them: images in 0 to 1, numbers in their own units."""
        values = self.columns.dense("input")[rows]
        floats = values.astype(np.float32)
        return floats / np.float32(255) if values.dtype == np.uint8 else floats

    @property
    def row_bytes(self) -> int:
        """Size of one prepared input row."""
        return 4 * self.spec.input.size

    def size(self, part: str) -> int:
        """Return how many rows a part has."""
        return len(self._rows[part])

    @property
    def identity(self) -> dict[str, str]:
        """Hashes of the data and of the split: what a resumed run must find again."""
        return {"data_hash": self.columns.hash, "hash": self.split.hash}

    def check(self) -> None:
        """Raise `LeakError` where a step was fitted on other rows than the training part."""
        self.preprocessing.check_fitted_on(self.split)

    def to_dict(self) -> dict[str, Any]:
        """Return split.json: who is in which part."""
        return self.split.to_dict(self.columns)


def open(recipe: Recipe, columns: Columns, device: str = "cpu") -> Rows:
    """Draw the recipe's split of the columns, and fit its steps.

    Raises:
        DataError: the columns hold NaN, or cannot be split as asked.
    """
    if len(columns) < 3:
        raise DataError(
            f"The data has {len(columns)} rows; at least 3 are needed to train on some and judge on others."
        )
    check_finite(columns)
    split = draw(recipe.split, columns)
    check_batch_size(recipe, len(split.parts["train"]))
    return Rows(columns, split, Preprocessing.fit(recipe.prepare, columns, split, device), device)


def check_batch_size(recipe: Recipe, num_rows: int) -> None:
    """Refuse a batch that is larger than the training part."""
    size = recipe.train.batch_size
    if size != "all" and size > num_rows:
        raise DataError(
            f"train.batch_size = {size}, but there are {num_rows} rows to train on. "
            f'Choose at most {num_rows}, or train.batch_size="all".'
        )


def _spec(columns: Columns, split: Split, preprocessing: Preprocessing) -> Spec:
    target = columns.schema.get("target")
    prepared = preprocessing.steps.get("input")
    given = prepared.field if isinstance(prepared, Shaping) else columns.schema["input"]
    if target is None:
        return Spec(given)
    if target.kind == "category":
        counts = np.bincount(columns.dense("target")[split.parts["train"]], minlength=len(target.categories))
        target = replace(target, counts=tuple(counts.tolist()))
    if target.kind == "mask":
        masks = columns.dense("target")
        pixels = np.sum([np.bincount(masks[row].ravel(), minlength=256) for row in split.parts["train"]], axis=0)
        target = replace(target, counts=tuple(pixels[: len(target.categories)].tolist()))
    step = preprocessing.steps.get("target")
    if isinstance(step, Standardize):
        target = replace(target, mean=step.mean, std=step.std)
    return Spec(given, target)
