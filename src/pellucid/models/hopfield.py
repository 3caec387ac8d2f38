"""The Hopfield net: a memory that is asked by a part of what it holds.

J. Hopfield, "Neural networks and physical systems with emergent collective computational abilities", PNAS 79, 1982,
doi:10.1073/pnas.79.8.2554. N units of -1 or +1, each joined to all others. A unit takes the sign of its weighted sum;
one at a time, that can only lower E(s) = -(s . W s) / 2, so that the net comes to rest, in a stored pattern if it began
near one. With Hebb's weights about 0.138 N random patterns can be held (D. Amit, H. Gutfreund, H. Sompolinsky, Physical
Review Letters 55, 1985, doi:10.1103/PhysRevLett.55.1530); beyond, all are lost at once.

Where we differ: the paper's units are 0 and 1 with a threshold. An asynchronous sweep takes all units once in an order
drawn anew, the same for all rows, where the paper's units wake at random times.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn import attractor
from pellucid.nn.inputs import flat_size
from pellucid.spec import Spec

# axes: B rows, N units


class Config(catalogue.Config):
    """A Hopfield net has no settings: as many units as a row has numbers, and its weights are the patterns' sum."""


class Hopfield(nn.Module):
    """Symmetric weights between N units, none of a unit with itself. Nothing is differentiated."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        size = flat_size(spec, "hopfield")
        self.weights = nn.Parameter(torch.zeros(size, size), requires_grad=False)  # (N, N)

    def states(self, inputs: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch units"]:
        """Return +1 where an input is above zero, else -1: for inputs of 0 and 1, of -1 and +1, and standardised."""
        return (inputs.flatten(1) > 0).to(self.weights.dtype).mul_(2).sub_(1)

    def forward(self, x: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch units"]:
        """Return the states after all units have been renewed once, at the same time."""
        return attractor.renewed(self.weights, self.states(x))

    def energy(self, states: Float[Tensor, "batch units"]) -> Float[Tensor, " batch"]:
        """Return E(s)."""
        return attractor.energy(self.weights, states)

    def recall(
        self, states: Float[Tensor, "batch units"], *, asynchronous: bool = True, sweeps: int = 50
    ) -> Float[Tensor, "batch units"]:
        """Renew the units until nothing changes: one at a time (from torch's own generator), or all at once."""
        return attractor.settle(self.weights, states, asynchronous=asynchronous, sweeps=sweeps)
