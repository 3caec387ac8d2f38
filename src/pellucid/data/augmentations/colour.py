"""Other light and another camera: brightness, contrast, saturation and hue (Howard 2013, arXiv:1312.5402).

Always in this order. Grey is that of ITU-R BT.601, as in Pillow; hue turns in HSV (Smith 1978).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.pictures import as_before, check
from pellucid.errors import DataError
from pellucid.spec import Spec

GREY = (0.299, 0.587, 0.114)


class Config(Base):
    """Settings of colours."""

    brightness: float = Field(0.2, ge=0, le=1)
    """All values are multiplied by 1 less to 1 more than this."""
    contrast: float = Field(0.2, ge=0, le=1)
    """The distances of all values from the picture's mean grey are multiplied by 1 less to 1 more than this."""
    saturation: float = Field(0.2, ge=0, le=1)
    """The distances of colours from their grey are multiplied by 1 less to 1 more than this."""
    hue: float = Field(0.0, ge=0, le=0.5)
    """The share of the circle of colours that all are turned by, either way. 0 where a colour tells classes apart."""


class Colour:
    """Changes the values of pixels where they are."""

    stage: ClassVar[Stage] = "raw"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        check(spec)
        if not spec.input.is_picture or spec.input.unit == "own":
            raise DataError(
                "it changes colours, and the input is measurements: expected 1 or 3 channels of bytes, or of "
                f"values in 0 to 1 (here {spec.input.shape[0]} channels). Leave it out."
            )
        self._config, self._coloured = config, spec.input.shape[0] == 3

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with other colours in their pictures."""
        config, values = self._config, columns["input"]
        pixels = values.float() / 255 if values.dtype == torch.uint8 else values
        brighter, stronger, fuller = (
            (1 + share * draw.uniform(-1.0, 1.0)).view(-1, 1, 1, 1)
            for share in (config.brightness, config.contrast, config.saturation)
        )
        turned = config.hue * draw.uniform(-1.0, 1.0)
        if config.brightness:
            pixels = (pixels * brighter).clamp_(0, 1)
        if config.contrast:
            mean = grey(pixels).mean(dim=(2, 3), keepdim=True)
            pixels = torch.lerp(mean, pixels, stronger).clamp_(0, 1)
        if config.saturation and self._coloured:
            pixels = torch.lerp(grey(pixels), pixels, fuller).clamp_(0, 1)
        if config.hue and self._coloured:
            pixels = with_hue_turned(pixels, turned)
        changed = pixels * 255 if values.dtype == torch.uint8 else pixels
        return {**columns, "input": as_before(changed, values)}


def grey(pixels: Float[Tensor, "rows channels height width"]) -> Float[Tensor, "rows 1 height width"]:
    """Return how light each pixel is."""
    if pixels.shape[1] == 1:
        return pixels
    return (pixels * torch.tensor(GREY, device=pixels.device).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def with_hue_turned(
    pixels: Float[Tensor, "rows 3 height width"], share: Float[Tensor, " rows"]
) -> Float[Tensor, "rows 3 height width"]:
    """Return colours in 0 to 1 with their hue further round by a share of the circle; grey stays grey."""
    value, brightest = pixels.max(dim=1)
    chroma = value - pixels.amin(dim=1)
    red, green, blue = pixels.unbind(dim=1)
    ahead = torch.stack([green - blue, blue - red, red - green], dim=1).gather(1, brightest[:, None])[:, 0]
    hue = torch.where(chroma > 0, ahead / chroma, 0) + 2 * brightest  # in sixths of the circle, from -1 to 5
    hue = (hue + 6 * share.view(-1, 1, 1)).remainder(6)
    # Each channel is full for a third of the circle, empty for a third, and even between (Foley et al.).
    around = (hue[:, None] + torch.tensor([5.0, 3.0, 1.0], device=hue.device).view(1, 3, 1, 1)).remainder(6)
    return value[:, None] - chroma[:, None] * torch.minimum(around, 4 - around).clamp_(0, 1)
