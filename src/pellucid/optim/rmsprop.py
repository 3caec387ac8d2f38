"""RMSProp (Tieleman & Hinton 2012, lecture 6.5 of their course): AdaGrad that forgets.

    g = gradient + weight_decay * w
    s = smoothing * s + (1 - smoothing) * g^2
    w = w - learning_rate * g / (sqrt(s) + epsilon)

torch has no fused kernel for it, so the equations run as they stand, in two buffers that are made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.optim.flat import FlatParameters


class Config(Base):
    """Settings of RMSProp."""

    learning_rate: float = Field(0.001, gt=0)
    """Size of a step along a steady gradient, whatever the gradient's size."""
    smoothing: float = Field(0.99, ge=0, lt=1)
    """Share of the mean square that is kept each step: 0.99 averages over about 100 steps. The lecture has 0.9."""
    weight_decay: float = Field(0.0, ge=0)
    """Strength of the L2 penalty, weight_decay / 2 * |w|^2, on weights but not on biases and norms."""
    epsilon: float = Field(1e-8, gt=0)
    """Keeps the division finite where the gradient is zero."""


def equations(
    values: Tensor,
    gradient: Tensor,
    squares: Tensor,
    penalised: Tensor,
    root: Tensor,
    *,
    learning_rate: float,
    smoothing: float,
    weight_decay: float,
    epsilon: float,
) -> None:
    """Update `values` and `squares`, `(size,)` each, in place; `penalised` and `root` are overwritten."""
    if weight_decay:
        gradient = torch.add(gradient, values, alpha=weight_decay, out=penalised)
    squares.mul_(smoothing).addcmul_(gradient, gradient, value=1 - smoothing)
    torch.sqrt(squares, out=root).add_(epsilon)
    values.addcdiv_(gradient, root, value=-learning_rate)


class RMSProp:
    """RMSProp over the flat parameters."""

    def __init__(self, config: Config, flat: FlatParameters) -> None:
        self._squares = torch.zeros_like(flat.values)
        penalised, root = torch.empty_like(flat.values), torch.empty_like(flat.values)
        self._updates = [
            partial(
                equations,
                flat.values[part.where],
                flat.gradient[part.where],
                self._squares[part.where],
                penalised[part.where],
                root[part.where],
                smoothing=config.smoothing,
                weight_decay=part.weight_decay,
                epsilon=config.epsilon,
            )
            for part in flat.parts(config.weight_decay)
        ]

    def step(self, learning_rate: float, loss: Tensor | float | None = None) -> None:
        """Make one update."""
        for update in self._updates:
            update(learning_rate=learning_rate)

    def state_dict(self) -> dict[str, Any]:
        """The mean squares."""
        return {"squares": self._squares}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with those mean squares."""
        self._squares.copy_(state["squares"])
