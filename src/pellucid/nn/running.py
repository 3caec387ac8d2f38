"""Running mean and deviation of what comes by, and a layer that normalises by them.

Two sets are joined by their counts, means and squared deviations (Chan, Golub & LeVeque 1979), in float64, and kept
in float32: how the set was cut does not matter beyond that rounding.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

LIMIT = 10.0
"""Normalised values are cut here: a rare excursion of a feature that hardly moved shall not upset the net."""


SMALLEST = 1e-6
"""A feature with a smaller deviation counts as constant."""


class Moments(NamedTuple):
    """Of a set of rows: how many, `()`, their mean and their summed squared deviations, `(features,)` each."""

    size: Tensor
    mean: Tensor
    deviations: Tensor


def of(rows: Float[Tensor, "rows *features"]) -> Moments:
    """Return the moments of some rows."""
    wide = rows.double()
    mean = wide.mean(dim=0)
    return Moments(torch.tensor(float(len(rows)), dtype=torch.float64), mean, (wide - mean).square().sum(dim=0))


def join(first: Moments, second: Moments) -> Moments:
    """Return the moments of two sets together."""
    count = first.size + second.size
    step = second.mean - first.mean
    share = second.size / count
    deviations = first.deviations + second.deviations + step.square() * (first.size * share)
    return Moments(count, first.mean + step * share, deviations)


class RunningNorm(nn.Module):
    """Subtracts the mean of all rows absorbed so far and divides by their deviation; before any, changes nothing.

    It learns only when it is told to (`absorb`), in training and evaluation mode alike: a policy must mean the same
    while it gathers experience and while it learns from it. The state is part of the weights.
    """

    count: Tensor
    mean: Tensor
    deviations: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviations", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    def forward(self, rows: Float[Tensor, "rows *features"]) -> Float[Tensor, "rows *features"]:
        """Return normalised rows."""
        return ((rows - self.mean) * self.scale).clamp(-LIMIT, LIMIT)

    @torch.no_grad()
    def absorb(self, rows: Float[Tensor, "rows *features"]) -> None:
        """Take note of rows. A feature that never moved is left in its own units."""
        known = Moments(self.count.cpu().double(), self.mean.cpu().double(), self.deviations.cpu().double())
        joined = join(known, of(rows.cpu()))
        deviation = (joined.deviations / joined.size).sqrt()
        self.count.copy_(joined.size)
        self.mean.copy_(joined.mean)
        self.deviations.copy_(joined.deviations)
        self.scale.copy_(torch.where(deviation > SMALLEST, 1 / deviation.clamp_min(SMALLEST), 1.0))
