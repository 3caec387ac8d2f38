"""Turned, scaled, sheared and moved, in one interpolation (Simard, Steinkraus & Platt 2003)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.pictures import check, plane, resample
from pellucid.spec import Spec


class Config(Base):
    """Settings of turning, scaling, shearing and moving."""

    degrees: float = Field(10.0, ge=0, le=180)
    """The angle that a picture is turned by at most, either way. 180 where it has no up and down."""
    scale: float = Field(1.1, ge=1)
    """The factor that it is enlarged or reduced by at most."""
    shear: float = Field(0.0, ge=0, lt=90)
    """The angle, in degrees, that its upright lines are leant by at most, either way."""
    shift: float = Field(0.0, ge=0, le=1)
    """The share of its width and of its height that it is moved by at most, either way."""
    outside: Literal["zeros", "reflect", "border"] = "zeros"
    """What comes in from outside: black, the picture mirrored, or its outermost pixels drawn out. Around a mask nothing
    is asked."""


class Affine:
    """Reads each picture at places that are a linear function of the pixels'."""

    stage: ClassVar[Stage] = "raw"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        check(spec)
        self._config, self._plane, self._size = config, plane(spec), spec.input.shape[1:]

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with their pictures (and masks) turned, scaled, sheared and moved."""
        return resample(columns, self._plane, self.places(draw), self._config.outside)

    def places(self, draw: Draw) -> Float[Tensor, "rows 2 3"]:
        """Return the map from a pixel to the place that is read there, in pixels from the picture's middle.

        A picture is leant, enlarged, turned against the clock and moved, in this order; this is the way back.
        """
        config, (height, width) = self._config, self._size
        turned = draw.uniform(-1.0, 1.0) * math.radians(config.degrees)
        enlarged = (draw.uniform(-1.0, 1.0) * math.log(config.scale)).exp_()
        leant = (draw.uniform(-1.0, 1.0) * math.radians(config.shear)).tan_()
        right, down = (draw.uniform(-1.0, 1.0) * (config.shift * side) for side in (width, height))
        sine, cosine = turned.sin() / enlarged, turned.cos() / enlarged
        # Rows of pixels count downwards: turning against the clock and back is [[c, -s], [s, c]]; leaning x + l y.
        linear = torch.stack([cosine - leant * sine, -sine - leant * cosine, sine, cosine], dim=1).view(-1, 2, 2)
        moved = torch.stack([right, down], dim=1)[:, :, None]
        return torch.cat([linear, -linear @ moved], dim=2)
