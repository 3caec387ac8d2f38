"""Moved by some pixels: a frame is put around the picture, and its size cut out at a random place (He et al. 2015)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from jaxtyping import Int, Shaped
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.pictures import OUTSIDE, check, plane
from pellucid.errors import DataError
from pellucid.spec import Spec


class Config(Base):
    """Settings of moving."""

    pad: int = Field(4, ge=1)
    """How many pixels a picture is moved by at most, in each direction."""
    outside: Literal["zeros", "reflect"] = "zeros"
    """What comes in at the edge: black, or the picture mirrored there. Around a mask nothing is asked."""


class Crop:
    """Moves pictures by whole pixels: whatever the direction, one gather."""

    stage: ClassVar[Stage] = "raw"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        check(spec)
        smallest = min(spec.input.shape[1:])
        if config.pad >= smallest:
            raise DataError(f"pad = {config.pad}: expected less than the picture's {smallest} pixels.")
        self._config, self._plane = config, plane(spec)

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with their pictures (and masks) moved."""
        most = self._config.pad
        down, across = (draw.integers(-most, most + 1) for _ in range(2))
        changed = dict(columns)
        for name in self._plane:
            masked = columns[name].ndim == 3
            fill = OUTSIDE if masked else 0 if self._config.outside == "zeros" else None
            changed[name] = moved(columns[name], down, across, fill)
        return changed


def moved(
    values: Shaped[Tensor, "rows ..."], down: Int[Tensor, " rows"], across: Int[Tensor, " rows"], fill: int | None
) -> Shaped[Tensor, "rows ..."]:
    """Return `[rows, ..., height, width]` where each pixel is that `down` and `across` from it.

    Args:
        fill: what lies outside; None for the picture mirrored at its outermost pixels.
    """
    rows, (height, width) = len(values), values.shape[-2:]
    tall, tall_inside = _places(down, height)  # (rows, height)
    wide, wide_inside = _places(across, width)
    index = (tall[:, :, None] * width + wide[:, None, :]).view(rows, 1, height * width)
    flat = values.reshape(rows, -1, height * width)
    read = flat.gather(2, index.expand_as(flat)).view_as(values)
    if fill is None:
        return read
    inside = tall_inside[:, :, None] & wide_inside[:, None, :]
    return read.masked_fill_(~inside.view(rows, *[1] * (values.ndim - 3), height, width), fill)


def _places(by: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Where each pixel of a side is read, mirrored at the outermost ones, and whether that was inside."""
    places = torch.arange(size, device=by.device) + by[:, None]
    mirrored = (size - 1) - ((size - 1) - places.abs()).abs()
    return mirrored, places == mirrored
