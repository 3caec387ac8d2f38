"""What tasks and rules ask of a model with an energy, and the draw that all of them share."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, rand_like

# axes: B rows, V visible units, H hidden units, N units of a net that is its own memory


@runtime_checkable
class Restricted(Protocol):
    """Visible and hidden units that are 0 or 1, each joined to all of the other kind and to none of its own.

    E(v, h) = -(visible_bias . v + hidden_bias . h + h . weights v), and p(v, h) = exp(-E(v, h)) / Z.
    """

    weights: Tensor
    """`[hidden, visible]`"""
    visible_bias: Tensor
    hidden_bias: Tensor

    def free_energy(self, visible: Tensor) -> Tensor:
        """Return F(v) = -log of the sum over h of exp(-E(v, h)), `[rows]`: p(v) = exp(-F(v)) / Z."""

    def hidden(self, visible: Tensor) -> Tensor:
        """Return the probability that each hidden unit is on, `[rows, hidden]`."""

    def visible(self, hidden: Tensor) -> Tensor:
        """Return the probability that each visible unit is on, `[rows, visible]`."""


@runtime_checkable
class Associative(Protocol):
    """Units of -1 or +1 that complete what they are given to what they remember."""

    def states(self, inputs: Tensor) -> Tensor:
        """Return prepared inputs as -1 and +1, `[rows, units]`."""

    def energy(self, states: Tensor) -> Tensor:
        """Return the energy of states, `[rows]`."""

    def recall(self, states: Tensor, *, asynchronous: bool, sweeps: int) -> Tensor:
        """Return where states come to rest, `[rows, units]`."""


def draw(probability: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return 1 with the given probability, else 0, from torch's own generator: one pass, nothing copied."""
    drawn: Tensor = rand_like(probability).lt_(probability)
    return drawn


def is_binary(values: Tensor) -> bool:
    """Whether all values are 0 or 1."""
    return bool(((values == 0) | (values == 1)).all())
