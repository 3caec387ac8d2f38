"""CutMix: a rectangle of another picture, and as much of its class (Yun et al. 2019, arXiv:1905.04899).

The rectangle has the picture's shape and, before it is cut to the picture's sides, the area that is drawn; its middle
lies anywhere in the picture. A row's share is what is really left of it. Partners are found as in mixup.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Bool
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import PARTNER, SHARE, Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.mixup import check_mixable, shares
from pellucid.data.augmentations.pictures import check, rectangles
from pellucid.spec import Spec


class Config(Base):
    """Settings of CutMix."""

    probability: float = Field(0.5, ge=0, le=1)
    """How often a rectangle is put into a picture."""
    alpha: float = Field(1.0, gt=0)
    """What is left of a picture is a share drawn from Beta(alpha, alpha): at 1 all shares are alike."""


class Cutmix:
    """Puts a rectangle of one picture into another."""

    stage: ClassVar[Stage] = "prepared"
    mixes: ClassVar[bool] = True

    def __init__(self, config: Config, spec: Spec) -> None:
        check(spec)
        check_mixable(spec)
        self._config, (_, *self._size) = config, spec.input.shape

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with mixed pictures, and whose they are."""
        replaced, partner = self.replaced(draw), draw.partner()
        pictures = columns["input"]
        mixed = torch.where(replaced, pictures[partner], pictures)
        share = 1 - replaced.float().mean(dim=(1, 2, 3))
        return {**columns, "input": mixed, PARTNER: columns["target"][partner], SHARE: share}

    def replaced(self, draw: Draw) -> Bool[Tensor, "rows 1 height width"]:
        """Return which pixels come from the partner."""
        height, width = self._size
        chosen = draw.chance(self._config.probability)
        side = (1 - shares(self._config.alpha, draw.uniform())).sqrt_()  # of the rectangle, as a share of the picture's
        edges = []
        for length in (height, width):
            middle = draw.uniform() * length
            edges.append([(middle + half * side * length).round_().clamp_(0, length).long() for half in (-0.5, 0.5)])
        (top, bottom), (left, right) = edges
        return rectangles(top, left, bottom, right, (height, width)) & chosen.view(-1, 1, 1, 1)
