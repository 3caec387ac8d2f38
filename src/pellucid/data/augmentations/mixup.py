"""mixup: weighted means of two rows and of their classes (Zhang et al. 2017, arXiv:1710.09412).

The weight is drawn for every row, where the paper's code draws one for a batch; the other row is one of the same batch,
by turns (`Draw.partner`). So the weight is a function of (seed, epoch, row), and the partner of these and of the batch.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import PARTNER, SHARE, Stage
from pellucid.data.augmentations.draw import Draw
from pellucid.errors import DataError
from pellucid.spec import Spec


class Config(Base):
    """Settings of mixing."""

    alpha: float = Field(0.2, gt=0)
    """Weights are drawn from Beta(alpha, alpha): near 0 or 1 where it is small, all alike at 1, near a half beyond."""


class Mixup:
    """Mixes each row with another of its batch."""

    stage: ClassVar[Stage] = "prepared"
    mixes: ClassVar[bool] = True

    def __init__(self, config: Config, spec: Spec) -> None:
        check_mixable(spec)
        self._alpha = config.alpha

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the columns with mixed inputs, and whose they are."""
        share, partner = shares(self._alpha, draw.uniform()), draw.partner()
        inputs = columns["input"]
        mixed = torch.lerp(inputs[partner], inputs, share.view(-1, *[1] * (inputs.ndim - 1)))
        return {**columns, "input": mixed, PARTNER: columns["target"][partner], SHARE: share}


def check_mixable(spec: Spec) -> None:
    """Raise `DataError` where rows cannot be added up, or are of no class."""
    if spec.input.kind in ("text", "tokens"):
        raise DataError(f"it adds rows up, and {spec.input.kind} cannot be. Leave it out.")
    if spec.target is None or spec.target.kind != "category":
        raise DataError("it mixes classes, and the target is none of classes. Leave it out.")


def shares(alpha: float, uniform: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """Return draws from Beta(alpha, alpha) by the inverse of its distribution function."""
    from scipy.special import betaincinv

    drawn = betaincinv(alpha, alpha, uniform.double().cpu().numpy())
    return torch.from_numpy(drawn).to(uniform)
