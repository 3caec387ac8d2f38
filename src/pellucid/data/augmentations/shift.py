"""Sounds that begin earlier or later (Piczak 2015): when a recording was started says nothing of what is heard."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Int, Int16
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.errors import DataError
from pellucid.spec import Spec


class Config(Base):
    """Settings of moving in time."""

    seconds: float = Field(0.1, gt=0)
    """How much earlier or later a sound begins at most. What leaves its length is lost, silence takes the place."""


class Shift:
    """Moves sounds in time."""

    stage: ClassVar[Stage] = "raw"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        field = spec.input
        if field.kind != "audio":
            raise DataError(f"it moves sounds in time, and the input is {field.kind}. Leave it out.")
        self._most = round(config.seconds * field.rate)
        if not 1 <= self._most < field.shape[0]:
            length = field.shape[0] / field.rate
            raise DataError(f"seconds = {config.seconds:g} is no part of sounds of {length:g} s. Choose less.")

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with every sound moved."""
        return {**columns, "input": moved(columns["input"], draw.integers(-self._most, self._most + 1))}


def moved(sounds: Int16[Tensor, "rows samples"], by: Int[Tensor, " rows"]) -> Int16[Tensor, "rows samples"]:
    """Return sounds that begin `by` samples later, or earlier where that is negative."""
    samples = sounds.shape[1]
    places = torch.arange(samples, device=sounds.device) - by[:, None]
    inside = (places >= 0) & (places < samples)
    return sounds.gather(1, places.clamp_(0, samples - 1)) * inside
