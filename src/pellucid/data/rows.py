"""The world of rows: columns, who is in which part, and the fitted steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data import draws, packed
from pellucid.data.augmentations.augmentation import Drawn
from pellucid.data.batch import Batch, tensor_of
from pellucid.data.columns import Columns, check_finite
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.ragged import Ragged
from pellucid.data.seal import Seal
from pellucid.data.split import Split, draw
from pellucid.data.steps import Shaping, Standardize
from pellucid.data.tokens import Tokens, side_by_side
from pellucid.errors import DataError
from pellucid.recipe import Recipe
from pellucid.spec import Spec

EVALUATION_ROWS, FEWEST_ROWS = 512, 32
"""Rows of one evaluation batch at most, and for large rows at least."""
EVALUATION_BYTES = 16 << 20
"""Of inputs in one evaluation batch. It depends on nothing but the spec, so that every look at the same weights gives
the same bytes."""
TOKEN_BYTES = 256
"""Of a token, as a model holds it: a vector of some dozens of numbers."""
SHOWN_BYTES = 480
"""Of a document's beginning, as a report shows it."""


class Rows:
    """Rows at rest, and `take`, which turns any of them into a batch on the device.

    Attributes:
        columns: as they were read.
        split: who is in which part.
        preprocessing: fitted on the training rows.
        spec: what a model and a task must fit.
        device: where `take` puts batches.
        seal: on the test part.
    """

    def __init__(self, columns: Columns, split: Split, preprocessing: Preprocessing, device: str) -> None:
        self.columns = columns
        self.split = split
        self.preprocessing = preprocessing
        self.spec = _spec(columns, split, preprocessing)
        self.device = device
        self.seal = Seal()
        self._tokens = _tokens(columns, preprocessing, device)
        self._tensors = {
            name: tensor_of(columns.dense(name)).to(device) for name in columns.values if name not in self._tokens
        }
        self._rows = {part: torch.from_numpy(rows) for part, rows in split.parts.items()}

    def with_preprocessing(self, preprocessing: Preprocessing) -> Rows:
        """Return the same rows with steps that were fitted before, as an artefact keeps them."""
        return Rows(
            self.columns, self.split, Preprocessing(preprocessing.steps, self.device, self.columns.schema), self.device
        )

    def rows(self, part: str) -> Tensor:
        """Return the row ids of a part, ascending, `[rows]`; raise `SealedError` where it may not be seen."""
        self.seal.check(part)
        return self._rows[part]

    def take(self, rows: Tensor, augmented: Drawn | None = None) -> Batch:
        """Gather rows and apply the fitted steps; for training alone, also what a recipe's augmentations drew."""
        place = rows.to(self.device)
        columns = {name: tensor.index_select(0, place) for name, tensor in self._tensors.items()}
        for name, (tokens, offsets) in self._tokens.items():
            columns[name] = side_by_side(tokens, offsets, place, self.spec.input.size)
        if augmented is not None:
            columns = augmented.apply("raw", columns)
        columns = {name: self.preprocessing.apply(name, tensor) for name, tensor in columns.items()}
        if augmented is not None:
            columns = augmented.apply("prepared", columns)
        return Batch(columns, rows)

    def batches(self, part: str) -> Iterator[Batch]:
        """Yield a part whole and in order, as evaluation reads it."""
        size = min(EVALUATION_ROWS, max(FEWEST_ROWS, EVALUATION_BYTES // self.row_bytes))
        for rows in torch.split(self.rows(part), size):
            yield self.take(rows)

    def sample(self) -> Tensor:
        """Return up to 256 prepared training inputs, evenly spaced: for initialisers that look at data."""
        rows = self._rows["train"]
        return self.take(rows[:: max(1, len(rows) // 256)][:256])["input"]

    def raw(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return inputs to be looked at: images in 0 to 1, numbers as they were, spectrograms, how documents begin."""
        if self.columns.schema["input"].kind == "audio":
            prepared = self.take(torch.from_numpy(rows))["input"]
            return prepared.flip(2).cpu().numpy()  # low frequencies at the bottom
        texts = self.columns.values["input"]
        if isinstance(texts, Ragged):
            return Ragged.of(texts.row(row)[:SHOWN_BYTES] for row in rows)[:]
        values = self.columns.dense("input")[rows]
        floats = values.astype(np.float32)
        return floats / np.float32(255) if values.dtype == np.uint8 else floats

    def pictures(self, prepared: Tensor) -> Tensor:
        """Return prepared pictures as they can be shown, in 0 to 1; spectrograms with low frequencies at the bottom."""
        step = self.preprocessing.steps.get("input")
        if isinstance(step, Standardize):
            mean, std = (torch.tensor(each, device=prepared.device).view(-1, 1, 1) for each in (step.mean, step.std))
            prepared = prepared * std + mean
        if self.spec.input.unit == "own":
            low, high = prepared.amin(), prepared.amax()
            prepared = (prepared - low) / (high - low).clamp(min=1e-12)
        upright = prepared.flip(2) if self.columns.schema["input"].kind == "audio" else prepared
        return upright.clamp(0, 1)

    @property
    def row_bytes(self) -> int:
        """Size of one prepared input row."""
        return (TOKEN_BYTES if self._tokens else 4) * self.spec.input.size

    @property
    def lengths(self) -> Tensor:
        """How many tokens each row has, `[N]` on the CPU; of rows that have one shape, as many as they hold numbers."""
        if not self._tokens:
            return torch.full((len(self.columns),), self.spec.input.size)
        (_, offsets), *_ = self._tokens.values()
        return offsets.diff().cpu()

    def names(self, rows: NDArray[np.int64]) -> list[str]:
        """Return what rows are called, where they are files; none where they are not."""
        return [self.columns.names[row] for row in rows] if self.columns.names else []

    def clusters(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return which of some rows belong together, `[rows]`: what is not drawn alone is not resampled alone.

        Rows of one group of `split.group`; of a series the windows of one stretch of time, as long as the horizon at
        least and the cube root of their number (Künsch 1989: blocks that grow so keep the dependence within them).
        None where each row stands for itself.
        """
        group, clock = self.split.section.group, self.columns.schema["input"].clock
        if group is not None and group in self.columns.keys:
            return draws.codes_of(self.columns.keys[group][rows])
        if clock is not None:
            steps = draws.codes_of(self.columns.keys["time"][rows])
            length = max(clock.horizon, math.ceil((int(steps.max()) + 1) ** (1 / 3)))
            stretches: NDArray[np.int64] = steps // length
            return stretches
        return None

    @property
    def bytes_at_rest(self) -> int:
        """Size of one input row as it lies at rest."""
        column = self.columns.values["input"]
        values = column.values if isinstance(column, Ragged) else column
        return values.nbytes // len(column)

    def expect(self, rows: Tensor) -> None:
        """Have rows that lie on a disk read into memory, for they will be taken soon."""
        for column in self.columns.values.values():
            if not isinstance(column, Ragged):  # whose tokens lie in memory
                packed.read_ahead(column, rows.numpy())

    def size(self, part: str) -> int:
        """Return how many rows a part has."""
        return len(self._rows[part])

    @property
    def identity(self) -> dict[str, str]:
        """Hashes of the data and of the split: what a resumed run must find again."""
        return {"data_hash": self.columns.hash, "hash": self.split.hash}

    @property
    def test_hash(self) -> str:
        """Hash of the data and of the rows that test, whoever trains and validates."""
        return self.split.test_hash(self.columns)

    def check(self) -> None:
        """Raise `LeakError` where a step was fitted on other rows than the training part."""
        self.preprocessing.check_fitted_on(self.split)

    def to_dict(self) -> dict[str, Any]:
        """Return split.json: who is in which part."""
        return self.split.to_dict(self.columns)


def open(recipe: Recipe, columns: Columns, device: str = "cpu", split: Split | None = None) -> Rows:
    """Draw the recipe's split of the columns (unless one is given), and fit its steps.

    Raises:
        DataError: the columns hold NaN, or cannot be split as asked.
    """
    if len(columns) < 3:
        raise DataError(
            f"The data has {len(columns)} rows; at least 3 are needed to train on some and judge on others."
        )
    check_finite(columns)
    split = split or draw(recipe.split, columns)
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


def _tokens(columns: Columns, preprocessing: Preprocessing, device: str) -> dict[str, tuple[Tensor, Tensor]]:
    """Documents as the numbers of their tokens and where each begins, made once."""
    found = {}
    for name, step in preprocessing.steps.items():
        column = columns.values.get(name)
        if isinstance(step, Tokens) and isinstance(column, Ragged):
            tokens = step.encode(column)
            found[name] = torch.from_numpy(tokens.values).to(device), torch.from_numpy(tokens.offsets).to(device)
    return found


def _spec(columns: Columns, split: Split, preprocessing: Preprocessing) -> Spec:
    target = columns.schema.get("target")
    prepared = preprocessing.steps.get("input")
    given = prepared.field if isinstance(prepared, Shaping) else columns.schema["input"]
    if target is None:
        return Spec(given)
    train = split.parts["train"]
    counts = draws.counts_of(columns, train)
    if counts is not None:
        target = replace(target, counts=tuple(counts.tolist()))
    if target.kind == "labels":
        target = replace(target, mean=tuple(count / len(train) for count in target.counts))
    if target.kind == "mask":
        masks = columns.dense("target")
        pixels = np.sum([np.bincount(masks[row].ravel(), minlength=256) for row in split.parts["train"]], axis=0)
        target = replace(target, counts=tuple(pixels[: len(target.categories)].tolist()))
    step = preprocessing.steps.get("target")
    if isinstance(step, Standardize):
        target = replace(target, mean=step.mean, std=step.std)
    return Spec(given, target)
