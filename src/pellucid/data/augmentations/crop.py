"""Moved by some pixels: a frame is put around the picture, and its size cut out at a random place (He et al. 2015)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
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
            changed[name] = moved(columns[name], down, across, most, fill)
        return changed


def moved(
    values: Shaped[Tensor, "rows ..."],
    down: Int[Tensor, " rows"],
    across: Int[Tensor, " rows"],
    pad: int,
    fill: int | None,
) -> Shaped[Tensor, "rows ..."]:
    """Return `[rows, ..., height, width]` where each pixel is that `down` and `across` from it.

    A line of pixels lies together in memory: once there is a frame, each moved line is one copy from another place,
    which took a tenth of the time of gathering pixel by pixel.

    Args:
        down, across: at most `pad` pixels, either way.
        fill: what lies outside; None for the picture mirrored at its outermost pixels.
    """
    rows, (height, width) = len(values), values.shape[-2:]
    maps = values.reshape(rows, -1, height, width)
    framed = _mirrored(maps, pad) if fill is None else F.pad(maps, (pad, pad, pad, pad), value=fill)
    tall, wide = framed.shape[-2:]
    lines = torch.arange(height, device=down.device) + (down[:, None] + pad)  # (rows, height)
    map_of = torch.arange(rows * maps.shape[1], device=down.device).view(rows, -1, 1)  # (rows, maps, 1)
    begins = (map_of * tall + lines[:, None]) * wide + (across + pad)[:, None, None]  # (rows, maps, height)
    return framed.view(-1).unfold(0, width, 1).index_select(0, begins.view(-1)).view(values.shape)


def _mirrored(maps: Tensor, pad: int) -> Tensor:
    """The maps with a frame that mirrors them; torch's own has no bytes."""
    tall, wide = (
        (size - 1) - ((size - 1) - torch.arange(-pad, size + pad, device=maps.device).abs()).abs()
        for size in maps.shape[-2:]
    )
    return maps.index_select(2, tall).index_select(3, wide)
