"""Sounds with noise (as Ko et al. 2017, doi:10.1109/ICASSP.2017.7953152, add to clean speech): another room.

The noise is white; how much softer than the sound it is, is drawn for each sound.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int16
from pydantic import Field, model_validator
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.errors import DataError
from pellucid.spec import Spec


class Config(Base):
    """Settings of noise."""

    loudest: float = Field(10.0, ge=-20, le=100)
    """Decibels by which the sound is louder than the noise at least (the signal-to-noise ratio); 10 is a noisy room."""
    softest: float = Field(40.0, ge=-20, le=100)
    """The same at most; at 40 the noise is hardly heard."""

    @model_validator(mode="after")
    def _in_order(self) -> Config:
        if self.loudest > self.softest:
            raise ValueError(f"loudest up to softest (here {self.loudest:g} and {self.softest:g} decibels)")
        return self


class Noise:
    """Adds white noise to sounds."""

    stage: ClassVar[Stage] = "raw"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.input.kind != "audio":
            raise DataError(f"it adds noise to sounds, and the input is {spec.input.kind}. Leave it out.")
        self._config = config

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with noise in every sound, each at a ratio of its own."""
        sounds = columns["input"]
        decibels = draw.uniform(self._config.loudest, self._config.softest)
        return {**columns, "input": noisy(sounds, draw.noise(sounds.float()), decibels)}


def noisy(
    sounds: Int16[Tensor, "rows samples"], noise: Float[Tensor, "rows samples"], decibels: Float[Tensor, " rows"]
) -> Int16[Tensor, "rows samples"]:
    """Return sounds with standard normal noise scaled to so many decibels below the mean power of each sound."""
    floats = sounds.float()
    power = floats.square().mean(dim=1, keepdim=True)
    added = floats + noise * (power * 10 ** (-decibels[:, None] / 10)).sqrt()
    return added.round_().clamp_(-32768, 32767).to(torch.int16)
