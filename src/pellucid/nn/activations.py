"""Activations: what a unit does with the weighted sum that reaches it.

| name       | of a sum z                               | paper                                               |
|------------|------------------------------------------|-----------------------------------------------------|
| identity   | z                                        |                                                     |
| sigmoid    | 1 / (1 + e^-z)                           |                                                     |
| tanh       | (e^z - e^-z) / (e^z + e^-z)              |                                                     |
| relu       | max(0, z)                                | Nair & Hinton 2010                                  |
| leaky_relu | z if z > 0 else 0.01 z                   | Maas, Hannun & Ng 2013                              |
| elu        | z if z > 0 else e^z - 1                  | Clevert, Unterthiner & Hochreiter, arXiv:1511.07289 |
| gelu       | z P(Z <= z), Z standard normal           | Hendrycks & Gimpel, arXiv:1606.08415                |
| softmax    | e^z_i / sum_j e^z_j over a layer's units |                                                     |
| maxout     | the largest of a unit's k sums           | Goodfellow et al., arXiv:1302.4389                  |

Maxout is the odd one: each unit reads k sums instead of one. The layer before it asks `sums_per_unit` how many to make.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import PellucidError, ShapeError, closest

ActivationName = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "softmax", "maxout"]


class Maxout(nn.Module):
    """The largest of `pieces` linear sums per unit: a convex piecewise-linear activation that is learned."""

    def __init__(self, pieces: int = 2) -> None:
        super().__init__()
        if pieces < 2:
            raise PellucidError(f"maxout takes the largest of pieces={pieces} sums. Choose 2 or more.")
        self.pieces = pieces

    def forward(self, sums: Float[Tensor, "batch sums *positions"]) -> Float[Tensor, "batch units *positions"]:
        """Reduce `pieces` x units sums to units; sum `p * units + u` is piece `p` of unit `u`."""
        num_sums = sums.shape[1]
        if num_sums % self.pieces:
            raise ShapeError(
                f"maxout with pieces={self.pieces} was given {num_sums} sums, which {self.pieces} does not divide. "
                f"Give it pieces x units sums."
            )
        batch, *positions = sums.shape[0], *sums.shape[2:]
        return sums.reshape(batch, self.pieces, num_sums // self.pieces, *positions).amax(dim=1)  # (B, units, ...)

    def extra_repr(self) -> str:
        """Show the number of pieces where the model is printed."""
        return f"pieces={self.pieces}"


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, negative_slope=0.01),
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "softmax": partial(nn.Softmax, dim=1),
}


def activation(name: str, *, pieces: int = 2) -> nn.Module:
    """Return a fresh module for the activation called `name`; only maxout uses `pieces`.

    Example:
        >>> activation("relu")
        ReLU()
    """
    if name == "maxout":
        return Maxout(pieces)
    if name not in ACTIVATIONS:
        raise PellucidError(f"activation: there is no {name!r}. {closest(name, [*ACTIVATIONS, 'maxout'])}")
    return ACTIVATIONS[name]()


def sums_per_unit(name: str, *, pieces: int = 2) -> int:
    """Return how many weighted sums one unit of this activation reads: `pieces` for maxout, else one."""
    return pieces if name == "maxout" else 1
