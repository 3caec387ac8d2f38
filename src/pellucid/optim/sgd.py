"""Stochastic gradient descent (Robbins & Monro 1951) with momentum (Polyak 1964) or Nesterov's (1983).

g = gradient + weight_decay * w
v = momentum * v + g
w = w - learning_rate * v                       momentum
w = w - learning_rate * (g + momentum * v)      Nesterov, in the form of Sutskever et al. 2013
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.optim.flat import FlatParameters
from pellucid.optim.optimizer import has_fused


class Config(Base):
    """Settings of gradient descent."""

    learning_rate: float = Field(0.01, gt=0)
    """Size of a step. With momentum m a steady gradient moves 1 / (1 - m) times as far: 0.1 here."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Share of the last step's velocity that is kept; 0.9 carries through ravines, 0 is plain descent."""
    nesterov: bool = False
    """Look ahead: take the gradient's step after the velocity's. Damps overshoot; needs momentum."""
    weight_decay: float = Field(0.0, ge=0)
    """Strength of the L2 penalty, weight_decay / 2 * |w|^2, on weights but not on biases and norms."""

    @model_validator(mode="after")
    def _look_ahead_along_something(self) -> Config:
        if self.nesterov and self.momentum == 0:
            raise ValueError("momentum above 0 where nesterov = true")
        return self


def equations(
    values: Tensor,
    gradient: Tensor,
    velocity: Tensor,
    *,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
) -> None:
    """Update `values` and `velocity`, `(size,)` each, in place."""
    gradient = gradient + weight_decay * values
    velocity.mul_(momentum).add_(gradient)
    values.sub_(learning_rate * (gradient + momentum * velocity if nesterov else velocity))


def fused(
    values: Tensor,
    gradient: Tensor,
    velocity: Tensor,
    *,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
) -> None:
    """The same as `equations` in one kernel."""
    torch._fused_sgd_(
        [values],
        [gradient],
        [velocity] if momentum else [],
        weight_decay=weight_decay,
        momentum=momentum,
        lr=learning_rate,
        dampening=0.0,
        nesterov=nesterov,
        maximize=False,
        is_first_step=False,  # the velocity starts at zero
    )


class SGD:
    """Gradient descent over the flat parameters."""

    def __init__(self, config: Config, flat: FlatParameters) -> None:
        self._velocity = torch.zeros_like(flat.values)
        update = fused if has_fused("sgd", flat.values.device) else equations
        self._updates = [
            partial(
                update,
                flat.values[part.where],
                flat.gradient[part.where],
                self._velocity[part.where],
                momentum=config.momentum,
                nesterov=config.nesterov,
                weight_decay=part.weight_decay,
            )
            for part in flat.parts(config.weight_decay)
        ]

    def step(self, learning_rate: float, loss: Tensor | float | None = None) -> None:
        """Make one update."""
        for update in self._updates:
            update(learning_rate=learning_rate)

    def state_dict(self) -> dict[str, Any]:
        """The velocity."""
        return {"velocity": self._velocity}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with that velocity."""
        self._velocity.copy_(state["velocity"])
