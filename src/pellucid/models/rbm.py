"""The restricted Boltzmann machine: visible and hidden units that are on or off, and an energy for every state.

P. Smolensky, "Information processing in dynamical systems: foundations of harmony theory", 1986; trained as in
G. Hinton, "Training products of experts by minimizing contrastive divergence", Neural Computation 14, 2002,
doi:10.1162/089976602760128018. p(v, h) = exp(-E(v, h)) / Z with E(v, h) = -(b . v + c . h + h . W v). No two units of
one kind are joined, so that all units of a kind can be drawn at once given the other kind.

Where we differ: the first paper's units are -1 and +1; today's 0 and 1 have the same distributions.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.inputs import flat_size
from pellucid.spec import Spec

# axes: B rows, V visible units, H hidden units


class Config(catalogue.Config):
    """Settings of a restricted Boltzmann machine."""

    hidden: int = Field(500, ge=1)
    """Hidden units: each is one feature of the inputs, and all of them vote together. 500 suit MNIST; up to 20 let
    log Z be summed exactly."""
    spread: float = Field(0.01, ge=0)
    """Standard deviation of the first weights: small, so that the units begin alike but not equal (Hinton 2010)."""
    initialiser: Literal["zero", "base_rates"] = "base_rates"
    """How the visible biases start. base_rates are the log-odds with which each input is on in a sample of the training
    rows, so that the weights need not learn the mean first (Hinton 2010); zero knows nothing."""


class RestrictedBoltzmannMachine(nn.Module):
    """Weights between V visible and H hidden units, and a bias for each."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        size = flat_size(spec, "rbm")
        self.weights = nn.Parameter(torch.randn(config.hidden, size) * config.spread)  # (H, V)
        self.visible_bias = nn.Parameter(torch.zeros(size))
        self.hidden_bias = nn.Parameter(torch.zeros(config.hidden))

        self._knows_rates = config.initialiser == "base_rates"

    @torch.no_grad()
    def begin_from(self, sample: Float[Tensor, "batch *shape"]) -> None:
        """Set the visible biases to the log-odds of a sample, with one row more that is on and one that is off."""
        if self._knows_rates:
            on = sample.flatten(1).clamp(0, 1).sum(dim=0)
            self.visible_bias.copy_(((on + 1) / (len(sample) + 2)).logit())

    def forward(self, x: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch hidden"]:
        """Return the probability that each hidden unit is on: the features of the inputs."""
        return self.hidden(x.flatten(1))

    def sums(self, visible: Float[Tensor, "batch visible"]) -> Float[Tensor, "batch hidden"]:
        """Return what each hidden unit sums up: the log-odds of p(h = 1 | v)."""
        return torch.addmm(self.hidden_bias, visible, self.weights.T)

    def hidden(self, visible: Float[Tensor, "batch visible"]) -> Float[Tensor, "batch hidden"]:
        """Return p(h = 1 | v)."""
        return self.sums(visible).sigmoid()

    def visible(self, hidden: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch visible"]:
        """Return p(v = 1 | h)."""
        return torch.addmm(self.visible_bias, hidden, self.weights).sigmoid()

    def energy(
        self, visible: Float[Tensor, "batch visible"], hidden: Float[Tensor, "batch hidden"]
    ) -> Float[Tensor, " batch"]:
        """Return E(v, h)."""
        return -(visible @ self.visible_bias + (self.sums(visible) * hidden).sum(dim=1))

    def free_energy(
        self, visible: Float[Tensor, "batch visible"], sums: Float[Tensor, "batch hidden"] | None = None
    ) -> Float[Tensor, " batch"]:
        """Return F(v): a unit with the sum x adds -log(1 + exp(x)), for its two states are summed over.

        Args:
            sums: of the hidden units, where they are known already.
        """
        known = self.sums(visible) if sums is None else sums  # (B, H)
        return -(visible @ self.visible_bias) - F.softplus(known).sum(dim=1)
