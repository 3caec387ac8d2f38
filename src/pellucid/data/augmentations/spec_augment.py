"""Bands of frequency and stretches of time that are covered in a spectrogram (Park et al. 2019, arXiv:1904.08779).

The paper's warping of time is left out: it adds little by the paper's own account. What is covered becomes 0, which is
the mean of the training rows where they are standardised.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Bool
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.errors import DataError
from pellucid.spec import Spec


class Config(Base):
    """Settings of covering."""

    bands: float = Field(0.15, ge=0, lt=1)
    """The largest share of the bands that one mask covers."""
    frames: float = Field(0.15, ge=0, lt=1)
    """The largest share of the frames that one mask covers."""
    masks: int = Field(2, ge=1, le=8)
    """How many of each kind; the paper's stronger settings have two."""


class SpecAugment:
    """Covers bands and frames of spectrograms."""

    stage: ClassVar[Stage] = "prepared"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.input.kind != "image" or spec.input.shape[0] != 1 or spec.input.unit != "own":
            raise DataError("it covers parts of spectrograms, and the input is none. Leave it out.")
        self._config, (_, self._bands, self._frames) = config, spec.input.shape

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with parts of the spectrograms covered."""
        inputs = columns["input"]
        for _ in range(self._config.masks):
            inputs = inputs.masked_fill(_stretch(draw, self._config.bands, self._bands)[:, None, :, None], 0.0)
            inputs = inputs.masked_fill(_stretch(draw, self._config.frames, self._frames)[:, None, None, :], 0.0)
        return {**columns, "input": inputs}


def _stretch(draw: Draw, share: float, size: int) -> Bool[Tensor, "rows size"]:
    """Which of `size` places one mask covers: from none to `share` of them, all widths and places being as likely."""
    width = draw.integers(0, int(share * size) + 1)
    start = (draw.uniform() * (size - width + 1)).long()
    places = torch.arange(size, device=start.device)
    return (places >= start[:, None]) & (places < (start + width)[:, None])
