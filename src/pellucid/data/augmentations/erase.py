"""A rectangle of random area, shape and place is covered (Zhong et al. 2017, arXiv:1708.04896).

The paper draws again until a rectangle fits into the picture; here it is cut to the picture's sides. What covers it has
the mean and the spread of the picture's own channels, where the paper's is of uniform bytes.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.pictures import check_without_mask, rectangles
from pellucid.errors import DataError
from pellucid.spec import Spec


class Config(Base):
    """Settings of covering."""

    probability: float = Field(0.5, ge=0, le=1)
    """How often a picture is covered."""
    smallest: float = Field(0.02, gt=0, le=1)
    """The share of the picture's area that is covered at least."""
    largest: float = Field(0.33, gt=0, le=1)
    """The share of the picture's area that is covered at most."""
    ratio: float = Field(3.3, ge=1)
    """By which factor a rectangle is wider than tall, or taller than wide, at most."""
    fill: Literal["noise", "mean"] = "noise"
    """What covers it: Gaussian noise like the picture's own values, or their mean."""


class Erase:
    """Covers a part of each picture."""

    stage: ClassVar[Stage] = "prepared"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        check_without_mask(spec)
        if config.smallest > config.largest:
            raise DataError(
                f"smallest = {config.smallest:g} is more than largest = {config.largest:g}: expected shares of the "
                "area from the smallest to the largest. Raise the one or lower the other."
            )
        self._config, (_, *self._size) = config, spec.input.shape

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with a rectangle of some pictures covered."""
        pictures = columns["input"]
        covered = self.covered(draw)
        cover = pictures.mean(dim=(2, 3), keepdim=True)
        if self._config.fill == "noise":
            spread = pictures.std(dim=(2, 3), keepdim=True, correction=0)
            cover = torch.addcmul(cover, draw.noise(pictures), spread)
        return {**columns, "input": torch.where(covered, cover, pictures)}

    def covered(self, draw: Draw) -> Bool[Tensor, "rows 1 height width"]:
        """Return which pixels are covered."""
        config, (height, width) = self._config, self._size
        chosen = draw.chance(config.probability)
        area = draw.uniform(config.smallest, config.largest) * (height * width)
        wider = (draw.uniform(-1.0, 1.0) * math.log(config.ratio)).exp_()
        tall = (area / wider).sqrt_().round_().clamp_(1, height).long()
        wide = (area * wider).sqrt_().round_().clamp_(1, width).long()
        top = (draw.uniform() * (height - tall + 1)).long()
        left = (draw.uniform() * (width - wide + 1)).long()
        inside = rectangles(top, left, top + tall, left + wide, (height, width))
        return inside & chosen.view(-1, 1, 1, 1)
