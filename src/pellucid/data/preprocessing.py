"""Preprocessing: the steps between columns and tensors. Fitted on the training rows only, and they remember which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.columns import Columns, Rows
from pellucid.data.split import Split, rows_hash
from pellucid.errors import LeakError
from pellucid.recipe import PrepareSection


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
        for chunk in np.array_split(rows, max(1, len(rows) // 4096)):  # a float64 copy of all rows would be large
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
            {"part": "train", "rows": len(rows), "hash": rows_hash(rows)},
        )


class Preprocessing:
    """Turns raw columns into what a model and a task take. Saved with the artefact."""

    def __init__(self, steps: Mapping[str, Standardize], device: str = "cpu") -> None:
        self.steps = dict(steps)
        self._device = device
        self._affine = {name: _affine(step, device) for name, step in self.steps.items()}

    @staticmethod
    def fit(section: PrepareSection, columns: Columns, split: Split, device: str = "cpu") -> Preprocessing:
        """Fit every step that the recipe asks for on the training rows."""
        rows = split.parts["train"]
        steps = {}
        if section.standardize:
            steps["input"] = Standardize.fit("input", columns.values["input"], rows)
            if columns.schema["target"].kind == "number":
                steps["target"] = Standardize.fit("target", columns.values["target"], rows)
        return Preprocessing(steps, device)

    def apply(self, column: str, values: Shaped[Tensor, "rows ..."]) -> Shaped[Tensor, "rows ..."]:
        """Apply the column's steps to raw rows. Images in uint8 come out as floats; category codes as they are."""
        if values.dtype == torch.int64:
            return values
        unit = 1 / 255 if values.dtype == torch.uint8 else 1.0
        floats = values.to(torch.float32)
        if column not in self._affine:
            return floats.mul_(unit) if unit != 1 else floats
        scale, shift, centre, rest = self._affine[column]
        if values.ndim == 2:  # a feature may lie far from zero: subtracting first keeps its digits
            return torch.addcmul(rest, floats - centre, scale)
        shape = (-1, *[1] * (values.ndim - 2))
        return torch.addcmul(shift.view(shape), floats, (scale * unit).view(shape))

    def check_fitted_on(self, split: Split) -> None:
        """Raise `LeakError` unless every step was fitted on exactly this split's training rows."""
        expected = rows_hash(split.parts["train"])
        for step in self.steps.values():
            if step.fitted_on["hash"] != expected:
                raise LeakError(
                    f"The standardisation of {step.column!r} was fitted on other rows than this split's training part: "
                    "rows that are held out here may have been seen. Evaluate with the run's own split, or train again."
                )

    def to_dict(self) -> dict[str, Any]:
        """Return preprocessing.json."""
        return {
            "version": 1,
            "steps": [
                {
                    "name": "standardize",
                    "column": step.column,
                    "mean": step.mean,
                    "std": step.std,
                    "fitted_on": step.fitted_on,
                }
                for step in self.steps.values()
            ],
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any], device: str = "cpu") -> Preprocessing:
        """Read what `to_dict` made."""
        steps = [
            Standardize(step["column"], tuple(step["mean"]), tuple(step["std"]), step["fitted_on"])
            for step in values["steps"]
        ]
        return Preprocessing({step.column: step for step in steps}, device)


def _affine(step: Standardize, device: str) -> tuple[Float[Tensor, " features"], ...]:
    """The step as values * scale + shift, and as (values - centre) * scale + rest, in float32."""
    mean, std = torch.tensor(step.mean, dtype=torch.float64), torch.tensor(step.std, dtype=torch.float64)
    centre = mean.float()
    numbers = (1 / std, -mean / std, centre, (centre.double() - mean) / std)
    return tuple(number.float().to(device) for number in numbers)
