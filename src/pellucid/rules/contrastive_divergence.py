"""Contrastive divergence: lower the energy of the data, raise that of what the machine itself believes.

G. Hinton, "Training products of experts by minimizing contrastive divergence", Neural Computation 14, 2002,
doi:10.1162/089976602760128018: chains start at the data and take k steps of Gibbs sampling. T. Tieleman, "Training
restricted Boltzmann machines using approximations to the likelihood gradient", ICML 2008: the chains go on where the
last update left them (`persistent`), which comes nearer to the gradient of the likelihood.

The statistics of the chains (negative) minus those of the data (positive), the gradient of -log p where the chains are
at rest, are written into the flat gradient. So momentum, schedules, clipping, moving averages and instruments serve
this rule as any other.

The `loss` of a step is the mean free energy of the data minus that of the chains' ends. It is what the step descends:
with the chains held still, its gradient is exactly the one that is filled. It costs two sums over units that are there
anyway. It is no likelihood: near zero the two look alike to the machine, and that is where it should stay.

Where we differ: the chains' last hidden units count by their probability, as the data's do (less noise, same mean), and
their visible units as drawn; a persistent chain is kept as its hidden units, which saves a product per step.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.errors import DataError, PellucidError
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.models.rbm import RestrictedBoltzmannMachine
from pellucid.nn.energy import draw, is_binary
from pellucid.optim.update import StochasticUpdateConfig, Update
from pellucid.rules.check import try_out
from pellucid.tasks.task import Task

NEVER, ALWAYS = 0.01, 0.99
"""A hidden unit is idle where it is on for less than the one share of a batch, or for more than the other."""


class Config(StochasticUpdateConfig):
    """Settings of contrastive divergence, beside those of its update."""

    k: int = Field(1, ge=1)
    """Steps of Gibbs sampling before each update. One is usual; more come nearer to the likelihood's gradient and cost
    two products each."""
    persistent: bool = True
    """Whether the chains go on from update to update. They then reach what the machine believes far from the data; from
    the data anew each time, k steps see only its neighbourhood."""
    chains: int = Field(100, ge=1)
    """How many persistent chains; as many as a batch has rows cost as much as the batch."""


class ContrastiveDivergence:
    """Gibbs sampling for what the machine believes, then an update."""

    policy = None
    signals: tuple[Signal, ...] = (
        Signal(
            "hidden_activity",
            "Hidden units that are on",
            "Mean probability of a hidden unit, over units and rows.",
            low=0.01,
            high=0.9,
            when_low="Hardly any unit is on: raise the weights' spread, or lower the learning rate.",
            when_high="Nearly all units are on, whatever the input: lower the learning rate.",
        ),
        Signal(
            "idle_units",
            "Idle hidden units",
            f"Share of the hidden units that are on for less than {NEVER:.0%} or more than {ALWAYS:.0%} of a batch: "
            "they tell no two inputs apart.",
            high=0.5,
            when_high="Most units are idle: take fewer of them, or a lower learning rate.",
        ),
        Signal(
            "loss",
            "Data against chains",
            "Mean free energy of the data minus that of the chains, in nats. Near zero they look alike to the machine; "
            "far above zero the machine has found states that it prefers to the data, far below zero the chains are "
            "stuck where nothing is, or the data is learned by heart.",
        ),
    )

    def __init__(self, config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int) -> None:
        if not isinstance(model, RestrictedBoltzmannMachine):
            raise PellucidError(
                f"rule.name = 'contrastive_divergence' teaches a restricted Boltzmann machine, and the model is "
                f"{type(model).__name__}. Choose model.name = 'rbm', or rule.name = 'backpropagation'."
            )
        if config.accumulate != 1:
            raise PellucidError(
                f"rule.accumulate = {config.accumulate}: the statistics of a batch are one product. Leave it at 1, and "
                "choose a smaller train.batch_size where the memory is short."
            )
        self.model: RestrictedBoltzmannMachine = model
        self.update = Update(model, config, total_steps)
        self.updates = {"update": self.update}
        self._k = config.k
        self._num_chains = config.chains if config.persistent else 0
        self._chains: Tensor | None = None  # (chains, H), drawn by the first step
        places = {id(p): view for p, view in zip(self.update.flat.parameters, self.update.flat.gradients, strict=True)}
        self._weights, self._visible_bias, self._hidden_bias = (
            places[id(p)] for p in (model.weights, model.visible_bias, model.hidden_bias)
        )

    @torch.no_grad()
    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Return the free energy of data minus chains, the gradient's norm, and how busy the hidden units are."""
        model = self.model
        positive_visible = batch["input"].flatten(1)  # (B, V): the data
        sums = model.sums(positive_visible)  # (B, H)
        positive_energy = model.free_energy(positive_visible, sums).mean()
        positive_hidden = sums.sigmoid_()  # (B, H): probabilities, in the place of the sums

        hidden = self._begin(positive_hidden)  # (chains, H)
        for _ in range(self._k):
            negative_visible = draw(model.visible(hidden))  # (chains, V)
            sums = model.sums(negative_visible)  # (chains, H)
            negative_hidden = sums.sigmoid()
            hidden = draw(negative_hidden)
        loss = positive_energy - model.free_energy(negative_visible, sums).mean()

        # The gradient of -log p: the negative statistics (means over the chains) minus the positive (over the data).
        rows, chains = len(positive_visible), len(negative_visible)
        torch.mm(positive_hidden.T, positive_visible, out=self._weights)
        self._weights.addmm_(negative_hidden.T, negative_visible, beta=-1 / rows, alpha=1 / chains)
        torch.sub(negative_visible.mean(dim=0), positive_visible.mean(dim=0), out=self._visible_bias)
        activity = positive_hidden.mean(dim=0)  # (H,)
        torch.sub(negative_hidden.mean(dim=0), activity, out=self._hidden_bias)

        norm = self.update.step(loss)
        if self._num_chains:
            self._chains = hidden  # after the update: a step that fails leaves the chains where they were
        idle = ((activity < NEVER) | (activity > ALWAYS)).float().mean()
        return {"loss": loss, "gradient_norm": norm, "hidden_activity": activity.mean(), "idle_units": idle}

    def _begin(self, positive_hidden: Tensor) -> Tensor:
        """Hidden units from which the chains go on: the persistent ones, else a draw at the data."""
        if not self._num_chains:
            return draw(positive_hidden)
        if self._chains is None:
            return torch.rand(self._num_chains, positive_hidden.shape[1], device=positive_hidden.device).round_()
        return self._chains

    def check(self, batch: Batch) -> None:
        """Try a batch, and refuse inputs that are not 0 or 1."""
        if not is_binary(batch["input"]):
            raise DataError(
                "rule.name = 'contrastive_divergence' learns units that are on or off, and the inputs are not all 0 or "
                f"1 (here from {float(batch['input'].min()):.3g} to {float(batch['input'].max()):.3g}). "
                "Set prepare.binarize=true, which cuts inputs of 0 to 1 at a half."
            )
        try_out(self.model, lambda: self.model(batch["input"]), len(batch), batch["input"].shape[1:])

    def observe(self, score: float) -> None:
        """Tell the schedule."""
        self.update.observe(score)

    def averaged(self) -> AbstractContextManager[None]:
        """The moving average of the weights, where the recipe asks for one."""
        return self.update.averaged()

    def state_dict(self) -> dict[str, Any]:
        """The update's state and the chains."""
        return {"update": self.update.state_dict(), "chains": self._chains}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.update.load_state_dict(state["update"])
        chains = state["chains"]
        self._chains = None if chains is None else chains.to(self.update.flat.values.device)
