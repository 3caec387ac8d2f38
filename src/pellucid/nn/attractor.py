"""Nets of -1 and +1 that settle: Hebb's weights, the energy, and renewing units until nothing changes.

J. Hopfield, "Neural networks and physical systems with emergent collective computational abilities", PNAS 79, 1982.
With symmetric weights and nothing on the diagonal, renewing one unit at a time can only lower E(s) = -(s . W s) / 2.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

# axes: B rows, P patterns, N units

CAPACITY = 0.138
"""Random patterns per unit that Hebb's weights hold: D. Amit, H. Gutfreund, H. Sompolinsky, Physical Review Letters 55,
1985, doi:10.1103/PhysRevLett.55.1530."""


def hebbian(patterns: Float[Tensor, "patterns units"]) -> Float[Tensor, "units units"]:
    """Return the mean product of every two units' states over patterns, times P / N; nothing of a unit with itself."""
    return (patterns.T @ patterns / patterns.shape[1]).fill_diagonal_(0)  # (N, N)


def energy(weights: Float[Tensor, "units units"], states: Float[Tensor, "batch units"]) -> Float[Tensor, " batch"]:
    """Return E(s) of each row."""
    return -0.5 * (states @ weights * states).sum(dim=1)


def renewed(
    weights: Float[Tensor, "units units"], states: Float[Tensor, "batch units"]
) -> Float[Tensor, "batch units"]:
    """Return the sign of each unit's sum, all at the same time; a unit whose sum is zero stays as it is."""
    sums = states @ weights  # (B, N)
    return torch.where(sums == 0, states, sums.sign())


def sweep(weights: Float[Tensor, "units units"], states: Float[Tensor, "batch units"]) -> None:
    """Renew every unit once, one after the other, in place; the order is drawn from torch's own generator."""
    columns = states.T.contiguous()  # (N, B): a unit's states of all rows lie side by side
    for unit in torch.randperm(len(columns)).tolist():
        sums = weights[unit] @ columns  # (B,)
        columns[unit] = torch.where(sums == 0, columns[unit], sums.sign())
    states.copy_(columns.T)


def settle(
    weights: Float[Tensor, "units units"], states: Float[Tensor, "batch units"], *, asynchronous: bool, sweeps: int
) -> Float[Tensor, "batch units"]:
    """Return where states come to rest, or where they are after so many renewals of all units.

    Args:
        asynchronous: one unit at a time, which comes to rest for certain. All at once is faster, and may end in a cycle
            of two.
    """
    states = states.clone()
    for _ in range(sweeps):
        before = states
        if asynchronous:
            before = states.clone()
            sweep(weights, states)
        else:
            states = renewed(weights, states)
        if torch.equal(states, before):
            break
    return states
