"""Sounds played faster or slower, pitch and length together (Ko et al. 2015): another speaker, another engine speed.

Where a sample falls between two it is interpolated on the line between them. What is played faster ends in silence,
what is played slower is cut at the end.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int16
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.errors import DataError
from pellucid.spec import Spec


class Config(Base):
    """Settings of other speeds."""

    largest: float = Field(1.15, gt=1, le=4)
    """By which factor a sound is played faster, or slower, at most; the paper has 1.1. Of speech much more sounds like
    nobody."""


class Speed:
    """Plays sounds faster or slower."""

    stage: ClassVar[Stage] = "raw"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.input.kind != "audio":
            raise DataError(f"it plays sounds, and the input is {spec.input.kind}. Leave it out.")
        self._most = math.log(config.largest)

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with every sound at a speed of its own."""
        return {**columns, "input": played(columns["input"], draw.uniform(-self._most, self._most).exp())}


def played(sounds: Int16[Tensor, "rows samples"], speeds: Float[Tensor, " rows"]) -> Int16[Tensor, "rows samples"]:
    """Return sounds at speeds of which 2 is twice as fast, an octave higher and half as long."""
    samples = sounds.shape[1]
    places = torch.arange(samples, device=sounds.device) * speeds[:, None]  # in the sound as it was, (rows, samples)
    before = places.floor()
    share = places - before
    within = before.long().clamp_(max=samples)
    padded = F.pad(sounds, (0, 2)).float()  # silence follows
    played = torch.lerp(padded.gather(1, within), padded.gather(1, within + 1), share)
    return played.round_().to(sounds.dtype)
