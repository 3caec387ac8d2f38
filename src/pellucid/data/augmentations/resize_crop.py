"""A part of random area, shape and place, brought to the picture's size (Szegedy et al. 2014, arXiv:1409.4842).

The shape is that of the picture, times a factor; where a part would be wider or taller than the picture, it is cut to
it. (The paper's networks were fed parts of 8 to 100 % of the area; that is for a thousand classes of large photographs,
and smaller pictures lose what they show.)
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.pictures import check, plane, resample
from pellucid.spec import Spec


class Config(Base):
    """Settings of cutting out and enlarging."""

    smallest: float = Field(0.5, gt=0, le=1)
    """The share of the picture's area that is left at least. It must still show what the class says."""
    ratio: float = Field(4 / 3, ge=1)
    """By which factor a part is wider or taller than the picture, at most."""


class ResizeCrop:
    """Enlarges a part of each picture."""

    stage: ClassVar[Stage] = "raw"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        check(spec)
        self._config, self._plane, self._size = config, plane(spec), spec.input.shape[1:]

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with a part of each picture (and of its mask) in place of the whole."""
        top, left, tall, wide = self.parts(draw)
        height, width = self._size
        nothing = torch.zeros_like(tall)
        across = torch.stack([wide / width, nothing, left + (wide - width) / 2], dim=1)
        down = torch.stack([nothing, tall / height, top + (tall - height) / 2], dim=1)
        return resample(columns, self._plane, torch.stack([across, down], dim=1), "border")

    def parts(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the top, left, height and width of each part in pixels, `[rows]` each, between whole ones too."""
        height, width = self._size
        area = draw.uniform(self._config.smallest, 1.0)
        wider = draw.uniform(-1.0, 1.0).mul_(math.log(self._config.ratio)).exp_()
        tall, wide = height * (area / wider).sqrt().clamp_(max=1), width * (area * wider).sqrt().clamp_(max=1)
        return draw.uniform() * (height - tall), draw.uniform() * (width - wide), tall, wide
