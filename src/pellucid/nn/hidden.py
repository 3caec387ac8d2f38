"""The hidden layer of dense networks."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from pellucid.nn.activations import activation, sums_per_unit
from pellucid.nn.norms import vector_norm

# axes: B rows, U units of the layer


class HiddenLayer(nn.Module):
    """Weighted sums, a norm, the activation, dropout."""

    def __init__(
        self, num_inputs: int, num_units: int, *, activation_name: str, pieces: int, norm: str, dropout: float
    ) -> None:
        super().__init__()
        num_sums = num_units * sums_per_unit(activation_name, pieces=pieces)
        self.sums = nn.Linear(num_inputs, num_sums, bias=norm != "batch")  # batch norm would subtract the bias again
        self.norm = vector_norm(norm, num_sums)
        self.activation = activation(activation_name, pieces=pieces)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch units"]:
        """Return the units' activations."""
        sums = self.norm(self.sums(x))  # (B, U), or (B, pieces * U) for maxout
        units: Tensor = self.dropout(self.activation(sums))  # (B, U)
        return units
