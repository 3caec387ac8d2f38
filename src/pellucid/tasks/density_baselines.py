"""Distributions of binary rows that need no deep learning: units on their own, and a mixture of such.

Independent units: each is on as often as in the training rows. A mixture of Bernoulli distributions, fitted by
expectation maximisation (Dempster, Laird & Rubin 1977; Bishop 2006, 9.3.3): some typical rows, each with noise.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.randomness import generator

COMPONENTS = 50
ROUNDS = 30


class Distribution(NamedTuple):
    """Components that rows come from, each with units of their own rates.

    Attributes:
        log_shares: of the components, `[components]`.
        rates: how often each unit is on, `[components, units]`; above 0 and below 1.
    """

    log_shares: Tensor
    rates: Tensor

    def joint(self, rows: Tensor) -> Tensor:
        """Return log p(row, component), `[rows, components]`."""
        on, off = self.rates.log(), (-self.rates).log1p()
        return rows @ (on - off).T + off.sum(dim=1) + self.log_shares

    def log_likelihood(self, rows: Tensor) -> Tensor:
        """Return log p(row) in nats, `[rows]`."""
        return self.joint(rows).logsumexp(dim=1)

    def reconstruct(self, rows: Tensor) -> Tensor:
        """Return each unit's rate, given the whole row: the components' rates, weighted by how likely they are."""
        return self.joint(rows).softmax(dim=1) @ self.rates


def independent(rows: Tensor) -> Distribution:
    """Return each unit's rate in the rows, as if one row more were on and one off."""
    rates = (rows.sum(dim=0) + 1) / (len(rows) + 2)
    return Distribution(torch.zeros(1, device=rows.device), rates[None])


def mixture(rows: Tensor, components: int = COMPONENTS, rounds: int = ROUNDS) -> Distribution:
    """Return a mixture fitted by expectation maximisation from soft copies of random rows."""
    mean = independent(rows).rates
    chosen = torch.randperm(len(rows), generator=generator(0, "mixture"))[:components]
    found = Distribution(
        torch.zeros(len(chosen), device=rows.device) - torch.tensor(float(len(chosen))).log(),
        0.25 * rows[chosen.to(rows.device)] + 0.75 * mean,
    )
    for _ in range(rounds):
        shares = found.joint(rows).softmax(dim=1)  # (rows, components)
        sizes = shares.sum(dim=0)
        # The mean of all rows counts as one row more in each component: no unit is impossible.
        rates = (shares.T @ rows + mean) / (sizes + 1)[:, None]
        found = Distribution(((sizes + 1) / (sizes + 1).sum()).log(), rates)
    return found
