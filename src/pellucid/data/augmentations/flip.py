"""Mirror images: a picture, and the mask that belongs to it, left to right or top to bottom, each half of the time."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.pictures import check, plane
from pellucid.spec import Spec


class Config(Base):
    """Settings of mirror images."""

    horizontal: float = Field(0.5, ge=0, le=1)
    """The probability of left for right. 0 where that changes what is meant: letters, digits, one hand or the other."""
    vertical: float = Field(0.0, ge=0, le=1)
    """The probability of top for bottom: for what has no up and down, as under a microscope or from the air."""


class Flip:
    """Reverses columns and rows of pixels."""

    stage: ClassVar[Stage] = "raw"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        check(spec)
        self._config, self._plane = config, plane(spec)

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with some of their rows mirrored."""
        across, down = draw.chance(self._config.horizontal), draw.chance(self._config.vertical)
        changed = dict(columns)
        for name in self._plane:
            for axis, chosen in ((-1, across), (-2, down)):
                values = changed[name]
                mirrored = values.flip(axis)
                changed[name] = torch.where(chosen.view(-1, *[1] * (values.ndim - 1)), mirrored, values)
        return changed
