"""Gaussian noise on the features of a table (Bishop 1995): in the limit of little of it, a penalty on steep functions.

Numbers get it; the columns that stand for a category's values, or say that a value is missing, do not.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.errors import DataError
from pellucid.spec import Spec


class Config(Base):
    """Settings of noise."""

    scale: float = Field(0.1, gt=0)
    """The noise's standard deviation, in the units that a model meets: with prepare.standardize, in those of the
    feature's own spread."""


class FeatureNoise:
    """Adds noise to numbers."""

    stage: ClassVar[Stage] = "prepared"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        field = spec.input
        if field.kind != "number" or len(field.shape) != 1:
            raise DataError(f"it changes the numbers of a table, and the input is {field.kind}. Leave it out.")
        noisy = [
            float(not feature.levels and not place) for feature in field.features for place in range(feature.width)
        ]
        if field.features and not any(noisy):
            raise DataError("it changes the numbers of a table, and all of its columns are categories. Leave it out.")
        self._scale = config.scale * torch.tensor(noisy or [1.0] * field.size)

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with noise on the inputs."""
        inputs = columns["input"]
        return {**columns, "input": torch.addcmul(inputs, draw.noise(inputs), self._scale.to(inputs.device))}
