"""Bands of frequency that are louder or softer (Nam, Kim & Park 2022, arXiv:2110.03282), as by another microphone.

Over the bands of a spectrogram a curve is added, straight between knots that are drawn for each sound. Where the paper
draws the places of the knots too, here they lie evenly.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.errors import DataError
from pellucid.spec import Spec


class Config(Base):
    """Settings of other microphones."""

    largest: float = Field(0.8, gt=0)
    """By how much a band is raised or lowered at most, in standard deviations of how loud it is in training sounds."""
    knots: int = Field(5, ge=2)
    """Places between the lowest and the highest band at which the curve is drawn; the more, the more ragged it is."""


class Equalise:
    """Raises and lowers bands of spectrograms."""

    stage: ClassVar[Stage] = "prepared"
    mixes: ClassVar[bool] = False

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.input.kind != "image" or spec.input.shape[0] != 1 or spec.input.unit != "own":
            raise DataError("it raises bands of spectrograms, and the input is none. Leave it out.")
        self._config, self._bands = config, spec.input.shape[1]

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with a curve of its own added to every spectrogram."""
        knots = draw.uniform(-self._config.largest, self._config.largest, self._config.knots)
        return {**columns, "input": columns["input"] + curves(knots, self._bands)[:, None, :, None]}


def curves(knots: Float[Tensor, "rows knots"], bands: int) -> Float[Tensor, "rows bands"]:
    """Return curves that are straight between knots, the first at the lowest band and the last at the highest."""
    return F.interpolate(knots[:, None], size=bands, mode="linear", align_corners=True)[:, 0]
