"""The two running moments that Adam, AdamW and the outer layers of Muon share.

    m = beta1 * m + (1 - beta1) * g               first moment
    v = beta2 * v + (1 - beta2) * g^2             second
    w = w - learning_rate * m' / (sqrt(v') + epsilon)

where m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t) take back the bias to zero of an average that starts there.
Weight decay is either part of g (Adam), or shrinks the weights beside it (AdamW): w = (1 - learning_rate * decay) w.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pellucid.optim.flat import FlatParameters, Part
from pellucid.optim.optimizer import has_fused


def equations(
    values: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    steps: Tensor,
    *,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    """Update `values`, `mean` and `square`, `(size,)` each, in place; this is update number `steps`, `()`, from 1."""
    if decoupled:
        values.mul_(1 - learning_rate * weight_decay)
    else:
        gradient = gradient + weight_decay * values
    mean.lerp_(gradient, 1 - beta1)
    square.lerp_(gradient**2, 1 - beta2)
    unbiased_mean = mean / (1 - beta1**steps)
    unbiased_square = square / (1 - beta2**steps)
    values.sub_(learning_rate * unbiased_mean / (unbiased_square.sqrt() + epsilon))


def fused(
    values: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    steps: Tensor,
    *,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    """The same as `equations` in one kernel."""
    kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_
    kernel(
        [values],
        [gradient],
        [mean],
        [square],
        [],
        [steps],
        lr=learning_rate,
        beta1=beta1,
        beta2=beta2,
        weight_decay=weight_decay,
        eps=epsilon,
        amsgrad=False,
        maximize=False,
    )


class Moments:
    """Adam's state over some stretches of the flat parameters."""

    def __init__(
        self,
        flat: FlatParameters,
        parts: Sequence[Part],
        *,
        beta1: float,
        beta2: float,
        epsilon: float,
        decoupled: bool,
    ) -> None:
        sizes = [part.where.stop - part.where.start for part in parts]
        self._mean = flat.values.new_zeros(sum(sizes))
        self._square = torch.zeros_like(self._mean)
        self._steps = torch.zeros((), dtype=torch.float32, device=flat.values.device)  # as the kernel wants it
        update = fused if has_fused("adamw" if decoupled else "adam", flat.values.device) else equations
        self._updates = [
            partial(
                update,
                flat.values[part.where],
                flat.gradient[part.where],
                mean,
                square,
                self._steps,
                beta1=beta1,
                beta2=beta2,
                epsilon=epsilon,
                weight_decay=part.weight_decay,
                decoupled=decoupled,
            )
            for part, mean, square in zip(
                parts, torch.split(self._mean, sizes), torch.split(self._square, sizes), strict=True
            )
        ]

    def step(self, learning_rate: float) -> None:
        """Make one update."""
        self._steps += 1
        for update in self._updates:
            update(learning_rate=learning_rate)

    def state_dict(self) -> dict[str, Any]:
        """Both moments and the number of updates."""
        return {"mean": self._mean, "square": self._square, "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with those moments."""
        self._mean.copy_(state["mean"])
        self._square.copy_(state["square"])
        self._steps.copy_(state["steps"])
