"""AdaGrad (Duchi, Hazan & Singer 2011): every weight has its own rate, which its past gradients wear down.

g = gradient + weight_decay * w
s = s + g^2
w = w - learning_rate * g / (sqrt(s) + epsilon)
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
from pellucid.optim.optimizer import has_fused


class Config(Base):
    """Settings of AdaGrad."""

    learning_rate: float = Field(0.01, gt=0)
    """Size of the first step of every weight, whatever its gradient; later ones shrink as 1 / sqrt(steps)."""
    weight_decay: float = Field(0.0, ge=0)
    """Strength of the L2 penalty, weight_decay / 2 * |w|^2, on weights but not on biases and norms."""
    epsilon: float = Field(1e-10, gt=0)
    """Keeps the division finite where no gradient has come yet."""


def equations(
    values: Tensor,
    gradient: Tensor,
    squares: Tensor,
    steps: Tensor,
    *,
    learning_rate: float,
    weight_decay: float,
    epsilon: float,
) -> None:
    """Update `values` and `squares`, `(size,)` each, in place; `steps` plays no part."""
    gradient = gradient + weight_decay * values
    squares.add_(gradient**2)
    values.sub_(learning_rate * gradient / (squares.sqrt() + epsilon))


def fused(
    values: Tensor,
    gradient: Tensor,
    squares: Tensor,
    steps: Tensor,
    *,
    learning_rate: float,
    weight_decay: float,
    epsilon: float,
) -> None:
    """The same as `equations` in one kernel, which asks for `steps`, `()`, because it could decay the rate by them."""
    torch._fused_adagrad_(
        [values],
        [gradient],
        [squares],
        [steps],
        lr=learning_rate,
        lr_decay=0.0,
        weight_decay=weight_decay,
        eps=epsilon,
        maximize=False,
    )


class AdaGrad:
    """AdaGrad over the flat parameters."""

    def __init__(self, config: Config, flat: FlatParameters) -> None:
        self._squares = torch.zeros_like(flat.values)
        steps = torch.ones((), dtype=torch.float32, device=flat.values.device)
        update = fused if has_fused("adagrad", flat.values.device) else equations
        self._updates = [
            partial(
                update,
                flat.values[part.where],
                flat.gradient[part.where],
                self._squares[part.where],
                steps,
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
        """The sums of squares."""
        return {"squares": self._squares}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with those sums."""
        self._squares.copy_(state["squares"])
