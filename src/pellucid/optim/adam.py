"""Adam (Kingma & Ba 2014, arXiv 1412.6980): the mean of past gradients over the root of their mean square.

The equations are those of `moments.py`, with g = gradient + weight_decay * w: the L2 penalty is part of the loss, and
is therefore divided by the second moment as well. Where weights shall really decay, AdamW is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.optim.flat import FlatParameters
from pellucid.optim.moments import Moments


class Config(Base):
    """Settings of Adam."""

    learning_rate: float = Field(0.001, gt=0)
    """Bound on the size of a step, whatever the gradient's size; the paper's value."""
    weight_decay: float = Field(0.0, ge=0)
    """Strength of the L2 penalty, weight_decay / 2 * |w|^2, on weights but not on biases and norms."""
    beta1: float = Field(0.9, ge=0, lt=1)
    """Share of the first moment that is kept each step: an average over about 10 gradients."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """Share of the second moment that is kept each step; 0.95 follows faster, as language models like it."""
    epsilon: float = Field(1e-8, gt=0)
    """Keeps the division finite; larger values make the method more like momentum."""


class Adam:
    """Adam over the flat parameters."""

    def __init__(self, config: Config, flat: FlatParameters) -> None:
        self._moments = Moments(
            flat,
            flat.parts(config.weight_decay),
            beta1=config.beta1,
            beta2=config.beta2,
            epsilon=config.epsilon,
            decoupled=False,
        )

    def step(self, learning_rate: float, loss: Tensor | float | None = None) -> None:
        """Make one update."""
        self._moments.step(learning_rate)

    def state_dict(self) -> dict[str, Any]:
        """The moments."""
        return self._moments.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with those moments."""
        self._moments.load_state_dict(state)
