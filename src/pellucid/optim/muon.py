"""Muon (Jordan 2024, kellerjordan.github.io/posts/muon): momentum, made orthogonal, for hidden matrices.

For a hidden matrix W with momentum M, the step is the nearest matrix to the (Nesterov) momentum whose singular values
are all about 1, so that rare directions learn as fast as dominant ones:

    M = momentum * M + (1 - momentum) * G
    O = orthogonalise((1 - momentum) * G + momentum * M)
    W = (1 - learning_rate * weight_decay) * W - learning_rate * sqrt(max(1, rows / columns)) * O

A kernel is the matrix (out, in * height * width). The first and the last layer, tables of embeddings, biases and norms
have no hidden side to make orthogonal, and go with AdamW. Where we differ: the original iterates in bfloat16, we in
the weights' own precision, so that devices agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.errors import PellucidError
from pellucid.optim.flat import FlatParameters, Part
from pellucid.optim.moments import Moments

ITERATIONS = 5
A, B, C = 3.4445, -4.7750, 2.0315
"""Jordan's coefficients: the steepest slope at 0 for which five iterations keep every singular value in 0.7 to 1.2."""


class Config(Base):
    """Settings of Muon."""

    learning_rate: float = Field(0.02, gt=0)
    """Size of a step of the hidden matrices, as a spectral norm; Jordan's value. The schedule scales both rates."""
    weight_decay: float = Field(0.01, ge=0)
    """Shrinks weights, not biases and norms, by 1 - rate * weight_decay a step; AdamW's usual value."""
    momentum: float = Field(0.95, ge=0, lt=1)
    """Share of the momentum that is kept; Jordan's value."""
    adam_learning_rate: float = Field(0.001, gt=0)
    """Rate of AdamW for the first and last layer, embeddings, biases and norms."""
    adam_beta1: float = Field(0.9, ge=0, lt=1)
    """Share of AdamW's first moment that is kept each step."""
    adam_beta2: float = Field(0.95, ge=0, lt=1)
    """Share of AdamW's second moment that is kept each step: below 0.999, to keep pace with Muon."""
    adam_epsilon: float = Field(1e-8, gt=0)
    """Keeps AdamW's division finite."""


def orthogonalise(matrices: Tensor) -> Tensor:
    """Replace every singular value by about 1 (0.7 to 1.2): U S V' becomes about U V'.

    Five steps of X = a X + (b X X' + c (X X')^2) X, an odd polynomial that acts on the singular values alone.
    Values far below the largest one (a hundredth and less) need more steps and stay smaller.

    Args:
        matrices: `(..., rows, columns)`.
    """
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x: Tensor = matrices if wide else matrices.mT  # the smaller side first: the cheaper product
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)  # no singular value above 1
    for _ in range(ITERATIONS):
        gram = x @ x.mT  # (..., side, side)
        x = A * x + (B * gram + C * gram @ gram) @ x
    return x if wide else x.transpose(-2, -1)


class Stack(NamedTuple):
    """The hidden matrices of one shape, made orthogonal together."""

    values: list[Tensor]
    gradients: list[Tensor]
    momentum: Tensor
    """`(matrices, rows, columns)`"""


class Muon:
    """Muon for the hidden matrices of the flat parameters, AdamW for the rest."""

    def __init__(self, config: Config, flat: FlatParameters) -> None:
        hidden = _hidden_matrices(flat)
        if not hidden:
            count = sum(len(shape) >= 2 for shape in flat.shapes)
            raise PellucidError(
                f"optimizer.name = 'muon' needs a hidden matrix between the first and the last layer, and this model "
                f"has {count} weight matrices in all. Choose 'adamw' or 'sgd', or a deeper model."
            )
        by_shape = dict[tuple[int, ...], list[int]]()
        for place in hidden:
            by_shape.setdefault(tuple(flat.shapes[place]), []).append(place)
        self._stacks = [
            Stack(
                [flat.matrix(flat.values, place) for place in places],
                [flat.matrix(flat.gradient, place) for place in places],
                torch.stack([torch.zeros_like(flat.matrix(flat.values, place)) for place in places]),
            )
            for places in by_shape.values()
        ]
        outer = [
            Part(where, config.weight_decay)
            for place, where in enumerate(flat.slices)
            if where.stop <= flat.decayed.stop and place not in hidden
        ]
        exempt = [Part(flat.exempt, 0.0)] if flat.exempt.stop > flat.exempt.start else []
        self._adam = Moments(
            flat,
            outer + exempt,
            beta1=config.adam_beta1,
            beta2=config.adam_beta2,
            epsilon=config.adam_epsilon,
            decoupled=True,
        )
        self._adam_ratio = config.adam_learning_rate / config.learning_rate
        self._momentum = config.momentum
        self._weight_decay = config.weight_decay

    def step(self, learning_rate: float, loss: Tensor | float | None = None) -> None:
        """Make one update."""
        for values, gradients, momentum in self._stacks:
            gradient = torch.stack(gradients)  # (matrices, rows, columns)
            momentum.lerp_(gradient, 1 - self._momentum)
            direction = orthogonalise(gradient.lerp_(momentum, self._momentum))
            rows, columns = direction.shape[1:]
            torch._foreach_mul_(values, 1 - learning_rate * self._weight_decay)
            torch._foreach_add_(values, direction.unbind(), alpha=-learning_rate * max(1.0, rows / columns) ** 0.5)
        self._adam.step(learning_rate * self._adam_ratio)

    def state_dict(self) -> dict[str, Any]:
        """The momentum of every stack, and AdamW's moments."""
        momentum = {str(place): stack.momentum for place, stack in enumerate(self._stacks)}
        return {"momentum": momentum, "adam": self._adam.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        for place, stack in enumerate(self._stacks):
            stack.momentum.copy_(state["momentum"][str(place)])
        self._adam.load_state_dict(state["adam"])


def _hidden_matrices(flat: FlatParameters) -> list[int]:
    """Return the places of the matrices between the first and the last, embeddings and single rows left out."""
    matrices = [place for place, shape in enumerate(flat.shapes) if len(shape) >= 2]
    return [
        place
        for place in matrices[1:-1]
        if not flat.lookups[place] and flat.shapes[place][0] > 1 and flat.shapes[place][1:].numel() > 1
    ]
