"""AdamW (Loshchilov & Hutter 2017, arXiv 1711.05101): Adam with weight decay beside the moments, not in them.

The equations are those of `moments.py`. Each step first shrinks the weights by 1 - learning_rate * weight_decay, so
a weight with large gradients decays as fast as one with small ones.
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
    """Settings of AdamW."""

    learning_rate: float = Field(0.001, gt=0)
    """Bound on the size of a step, whatever the gradient's size; the paper's value."""
    weight_decay: float = Field(0.01, ge=0)
    """Shrinks weights, not biases and norms, by 1 - learning_rate * weight_decay a step; the usual value."""
    beta1: float = Field(0.9, ge=0, lt=1)
    """Share of the first moment that is kept each step: an average over about 10 gradients."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """Share of the second moment that is kept each step; 0.95 follows faster, as language models like it."""
    epsilon: float = Field(1e-8, gt=0)
    """Keeps the division finite; larger values make the method more like momentum."""


class AdamW:
    """AdamW over the flat parameters."""

    def __init__(self, config: Config, flat: FlatParameters) -> None:
        self._moments = Moments(
            flat,
            flat.parts(config.weight_decay),
            beta1=config.beta1,
            beta2=config.beta2,
            epsilon=config.epsilon,
            decoupled=True,
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
