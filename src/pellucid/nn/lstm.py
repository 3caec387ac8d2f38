"""The long short-term memory as equations that one can read, with the parameters of `torch.nn.LSTM` by their names.

S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997; the forget gate is F. Gers,
J. Schmidhuber, F. Cummins, "Learning to forget", 2000. For showing, testing and tinkering: the fused layer gives the
same numbers many times faster.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

# axes: B rows, T steps, D inputs, H hidden units


def step(
    x: Float[Tensor, "batch inputs"],
    hidden: Float[Tensor, "batch hidden"],
    cell: Float[Tensor, "batch hidden"],
    weight_input: Float[Tensor, "gates inputs"],
    weight_hidden: Float[Tensor, "gates hidden"],
    bias: Float[Tensor, " gates"],
) -> tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]]:
    """Return the hidden and the cell state after one step. `gates` are 4 H: input, forget, candidate, output."""
    sums = x @ weight_input.T + hidden @ weight_hidden.T + bias  # (B, 4 H)
    input_gate, forget_gate, candidate, output_gate = sums.chunk(4, dim=1)
    cell = forget_gate.sigmoid() * cell + input_gate.sigmoid() * candidate.tanh()  # what to keep, what to add
    return output_gate.sigmoid() * cell.tanh(), cell


class ReadableLSTM(nn.Module):
    """Layers of the equations above, from `[B, T, D]` to `[B, T, H]`; dropout between layers."""

    def __init__(self, inputs: int, hidden: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.hidden = hidden
        self.num_layers = num_layers
        self.dropout = nn.Dropout(dropout)
        bound = hidden**-0.5
        for layer in range(num_layers):
            for name, shape in (
                ("weight_ih", (4 * hidden, inputs if layer == 0 else hidden)),
                ("weight_hh", (4 * hidden, hidden)),
                ("bias_ih", (4 * hidden,)),
                ("bias_hh", (4 * hidden,)),
            ):
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))

    def forward(
        self, x: Float[Tensor, "batch steps inputs"], state: tuple[Tensor, Tensor]
    ) -> tuple[Float[Tensor, "batch steps hidden"], tuple[Tensor, Tensor]]:
        """Return the last layer's hidden states, and the state of every layer after the last step, `[layers, B, H]`."""
        ends_hidden, ends_cell = [], []
        for layer in range(self.num_layers):
            weight_input, weight_hidden, bias_input, bias_hidden = (
                self.get_parameter(f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            hidden, cell = state[0][layer], state[1][layer]  # (B, H)
            outputs = []
            for moment in x.unbind(dim=1):
                hidden, cell = step(moment, hidden, cell, weight_input, weight_hidden, bias_input + bias_hidden)
                outputs.append(hidden)
            x = torch.stack(outputs, dim=1)  # (B, T, H)
            if layer + 1 < self.num_layers:
                x = self.dropout(x)
            ends_hidden.append(hidden)
            ends_cell.append(cell)
        return x, (torch.stack(ends_hidden), torch.stack(ends_cell))


@torch.no_grad()
def remember_at_first(layer: nn.Module, hidden: int, num_layers: int) -> None:
    """Set the forget gates' biases to 1: a new cell keeps what it has, so that gradients reach back from the start.

    R. Jozefowicz, W. Zaremba, I. Sutskever, "An empirical exploration of recurrent network architectures", ICML 2015.
    """
    for number in range(num_layers):
        layer.get_parameter(f"bias_ih_l{number}")[hidden : 2 * hidden].fill_(1.0)
        layer.get_parameter(f"bias_hh_l{number}")[hidden : 2 * hidden].zero_()
