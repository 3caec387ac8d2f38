"""The steps between columns and tensors, each of one column. What is fitted is fitted on training rows only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.columns import Rows
from pellucid.data.split import rows_hash
from pellucid.errors import DataError
from pellucid.spec import Field

Apply = Callable[[Tensor], Tensor]
FITTED_BYTES = 128 << 20
"""Of rows in float64 that are looked at together: a copy of all would be large."""


@runtime_checkable
class Step(Protocol):
    """One step."""

    @property
    def name(self) -> str:
        """How the step is called in preprocessing.json."""

    @property
    def column(self) -> str:
        """The column that it works on."""

    @property
    def fitted_on(self) -> Mapping[str, Any] | None:
        """The part, the number of its rows and their hash; None where nothing is fitted."""

    def bind(self, device: str, raw: Field | None = None) -> Apply:
        """Return the function from raw rows on a device, coded as `raw` says, to prepared ones."""

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON types."""


def seen(rows: Rows) -> dict[str, Any]:
    """Return what a fitted step notes of the training rows that it saw."""
    return {"part": "train", "rows": len(rows), "hash": rows_hash(rows)}


@runtime_checkable
class Shaping(Step, Protocol):
    """A step after which rows are of another kind or shape."""

    @property
    def field(self) -> Field:
        """What a model meets."""


@runtime_checkable
class Reading(Shaping, Protocol):
    """A step whose rows are read by what they are before it: `predict` goes by that."""

    @property
    def raw(self) -> Field:
        """What its rows are before it."""


@dataclass(frozen=True)
class Standardize:
    """Subtract the mean and divide by the standard deviation, per channel or feature.

    Attributes:
        column: the column it was fitted on.
        mean, std: one number per channel or feature, in the column's units (an image's in 0 to 1). The std of a
            constant feature is 1: it becomes 0, not infinity.
        fitted_on: the part, the number of its rows and their hash.
    """

    column: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fitted_on: Mapping[str, Any]

    @staticmethod
    def fit(column: str, values: NDArray[np.generic], rows: Rows) -> Standardize:
        """Fit on the given rows of `[N, channels, ...]` values, in float64.

        Chunks are joined by their means and squared deviations (Chan, Golub & LeVeque 1979): the mean of the squares
        minus the square of the mean would lose the digits of a feature that lies far from zero.
        """
        axes = (0, *range(2, values.ndim))
        mean = deviations = np.zeros(values.shape[1])
        count = 0
        row_bytes = 8 * values[:1].size
        at_once = max(1, min(4096, FITTED_BYTES // row_bytes))
        for chunk in np.array_split(rows, max(1, len(rows) // at_once)):
            part = values[chunk].astype(np.float64)
            size = part.size // part.shape[1]
            part_mean = part.mean(axis=axes)
            part -= part_mean.reshape(-1, *[1] * (values.ndim - 2))
            step, total = part_mean - mean, count + size
            deviations = (
                deviations + np.square(part, out=part).sum(axis=axes) + np.square(step) * (count * size / total)
            )
            mean = mean + step * (size / total)
            count = total
        std = np.sqrt(deviations / count)
        constant = std <= 1e-8 * np.abs(mean)
        scale = 255 if values.dtype == np.uint8 else 1
        return Standardize(
            column,
            tuple((mean / scale).tolist()),
            tuple((np.where(constant, scale, std) / scale).tolist()),
            seen(rows),
        )

    name = "standardize"

    def bind(self, device: str, raw: Field | None = None) -> Apply:
        """Return values * scale + shift for images, and (values - centre) * scale + rest for tables and series."""
        scale, shift, centre, rest = _affine(self, device)

        def apply(values: Tensor) -> Tensor:
            unit = 1 / 255 if values.dtype == torch.uint8 else 1.0
            floats = values.to(torch.float32)
            shape = (-1, *[1] * (values.ndim - 2))
            if values.ndim <= 3:  # a feature may lie far from zero: subtracting first keeps its digits
                return torch.addcmul(rest.view(shape), floats - centre.view(shape), scale.view(shape))
            return torch.addcmul(shift.view(shape), floats, (scale * unit).view(shape))

        return apply

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON types."""
        return {
            "name": "standardize",
            "column": self.column,
            "mean": self.mean,
            "std": self.std,
            "fitted_on": self.fitted_on,
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Standardize:
        """Read what `to_dict` made."""
        return Standardize(values["column"], tuple(values["mean"]), tuple(values["std"]), values["fitted_on"])


@dataclass(frozen=True)
class Binarize:
    """1 where a value in 0 to 1 is above the threshold, else 0. It remembers nothing of the rows."""

    column: str
    threshold: float = 0.5
    fitted_on: Mapping[str, Any] | None = None
    name = "binarize"

    @staticmethod
    def fit(column: str, values: NDArray[Any]) -> Binarize:
        """Return the step for a column; raise `DataError` where its values are not in 0 to 1 (or bytes)."""
        low, high = float(values.min()), float(values.max())
        if values.dtype != np.uint8 and not (low >= 0 and high <= 1):
            raise DataError(
                f"prepare.binarize cuts values of 0 to 1 at a half, and {column!r} reaches from {low:g} to {high:g}. "
                "Scale it to 0 to 1 first."
            )
        return Binarize(column)

    def bind(self, device: str, raw: Field | None = None) -> Apply:
        """Return the comparison; uint8 images are shares of 255."""

        def apply(values: Tensor) -> Tensor:
            limit = 255 * self.threshold if values.dtype == torch.uint8 else self.threshold
            return (values > limit).to(torch.float32)

        return apply

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON types."""
        return {"name": "binarize", "column": self.column, "threshold": self.threshold, "fitted_on": None}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Binarize:
        """Read what `to_dict` made."""
        return Binarize(values["column"], values["threshold"])


def _affine(step: Standardize, device: str) -> tuple[Float[Tensor, " features"], ...]:
    """The step as values * scale + shift, and as (values - centre) * scale + rest, in float32."""
    mean, std = torch.tensor(step.mean, dtype=torch.float64), torch.tensor(step.std, dtype=torch.float64)
    centre = mean.float()
    numbers = (1 / std, -mean / std, centre, (centre.double() - mean) / std)
    return tuple(number.float().to(device) for number in numbers)
