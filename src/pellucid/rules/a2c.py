"""Advantage actor-critic (Mnih et al. 2016, arXiv:1602.01783): every few steps, learn from how they turned out.

    advantage = rewards of a few steps + value of the observation after them - value of the observation before
    loss      = -mean(advantage * log pi(action)) + value_weight * value loss - entropy_bonus * entropy

The value bridges what the few steps do not show, so that learning need not wait for an episode's end.

Where we differ: one process plays all environments and makes one update from them together (A2C), where the paper's
workers update shared weights whenever each is ready (A3C). Advantages are estimated with GAE; `gae_lambda = 1` is the
paper's sum of rewards. Adam and an RMSProp of the catalogue stand in for the paper's shared RMSProp.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal

from pydantic import Field
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.environments.policy import Wanted
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.optim.update import StochasticUpdateConfig, Update
from pellucid.rules import surrogates
from pellucid.rules.actor import SIGNALS, Actor
from pellucid.rules.check import try_out
from pellucid.tasks.task import Task


class Config(StochasticUpdateConfig):
    """Settings of advantage actor-critic."""

    optimizer: dict[str, Any] = Field({"name": "adam", "learning_rate": 1e-3, "epsilon": 1e-5}, validate_default=True)
    """Which optimizer; the epsilon keeps Adam's steps small while gradients are."""
    clip: float | None = Field(0.5, gt=0)
    """Largest norm of the whole gradient: a single lucky episode must not throw the policy over."""
    accumulate: Literal[1] = 1
    """Batches of experience are small: they go through the model at once."""
    num_environments: int = Field(8, ge=1)
    """Played side by side; they are in different places, so that a batch is varied."""
    rollout: int = Field(8, ge=1)
    """Steps in each environment per update; the paper has 5, and 16 workers."""
    discount: float = Field(0.99, ge=0, le=1)
    """What a reward is worth one step later; 0.99 looks about 100 steps ahead."""
    gae_lambda: float = Field(0.95, ge=0, le=1)
    """How far advantages look beyond the value of the next observation: 0 only to it, 1 to the rollout's end."""
    value_weight: float = Field(0.5, ge=0)
    """Weight of the value loss; half of half the squared error, as is usual."""
    entropy_bonus: float = Field(0.01, ge=0)
    """Reward per nat of indecision; the paper's value."""
    normalise_advantages: bool = False
    """Give the advantages of a batch mean zero and deviation one; the paper does not."""
    scale_rewards: bool = False
    """Divide rewards by the running deviation of discounted returns, where they are far from size one."""


class AdvantageActorCritic:
    """One update per short rollout."""

    signals: tuple[Signal, ...] = SIGNALS

    def __init__(self, config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int) -> None:
        self.model = model
        self.execution = execution
        self.config = config
        wanted = Wanted(
            num_environments=config.num_environments,
            length=config.rollout,
            discount=config.discount,
            gae_lambda=config.gae_lambda,
            scale_rewards=config.scale_rewards,
        )
        self.policy = Actor(model, task, execution, wanted)
        self.update = Update(model, config, total_steps)
        self.updates = {"update": self.update}

    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Return the loss and its parts (before the update), and how training episodes went."""
        loss, scalars = self._loss(batch)
        self.update.flat.fill(loss)
        loss = loss.detach()
        norm = self.update.step(loss)
        parts = {name: value.detach() for name, value in scalars.items()}
        return {"loss": loss, **parts, "gradient_norm": norm, **self.policy.scalars()}

    def _loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Policy, value and entropy in one number."""
        config, advantages = self.config, batch["advantage"]
        if config.normalise_advantages:
            advantages = surrogates.normalised(advantages)
        with self.execution.autocast():
            logits, values = self.model(batch["input"])
        taken = surrogates.chosen(logits, batch["action"])
        policy_loss = -(taken.log_probabilities * advantages).mean()
        value_loss = surrogates.value_loss(values, batch["return"])
        return policy_loss + config.value_weight * value_loss - config.entropy_bonus * taken.entropy, {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": taken.entropy,
            "explained_variance": surrogates.explained_variance(batch["value"], batch["return"]),
        }

    def check(self, batch: Batch) -> None:
        """Try the model on a few observations."""
        try_out(self.model, lambda: self._loss(batch), len(batch), batch["input"].shape[1:])

    def observe(self, score: float) -> None:
        """Tell the schedule."""
        self.update.observe(score)

    def averaged(self) -> AbstractContextManager[None]:
        """The moving average of the weights, where the recipe asks for one."""
        return self.update.averaged()

    def state_dict(self) -> dict[str, Any]:
        """Optimizer, schedule, moving average, and how training episodes went."""
        return {"update": self.update.state_dict(), "policy": self.policy.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.update.load_state_dict(state["update"])
        self.policy.load_state_dict(state["policy"])
