"""Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347): learn several times from the same rollout.

    ratio = pi(action) / pi_old(action)
    loss  = -mean min(ratio A, clip(ratio, 1 - e, 1 + e) A) + value_weight * value loss - entropy_bonus * entropy

The clip takes the reason away to move an action's probability further than by a factor 1 +- e from that of the policy
that gathered the rollout; within that, several passes are as good as fresh experience.

Where we differ: two separate nets in place of shared layers; advantages are normalised per minibatch and the gradient
is clipped, as the authors' code does and the paper does not say (Engstrom et al. 2020, arXiv:2005.12729; Huang et al.
2022); the value loss is not clipped, which was found not to help (Andrychowicz et al. 2020, arXiv:2006.05990);
observations are normalised by what earlier rollouts saw, so that the first ratios of a rollout are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal

from pydantic import Field, model_validator
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
    """Settings of proximal policy optimisation."""

    optimizer: dict[str, Any] = Field({"name": "adam", "learning_rate": 1e-3, "epsilon": 1e-5}, validate_default=True)
    """Which optimizer; the epsilon keeps Adam's steps small while gradients are."""
    clip: float | None = Field(0.5, gt=0)
    """Largest norm of the whole gradient, as in the authors' code."""
    accumulate: Literal[1] = 1
    """Batches of experience are small: they go through the model at once."""
    num_environments: int = Field(8, ge=1)
    """Played side by side; they are in different places, so that a batch is varied."""
    rollout: int = Field(128, ge=1)
    """Steps in each environment before the policy learns from them; the paper's for Atari."""
    epochs: int = Field(4, ge=1)
    """Passes over a rollout; 3 to 10 in the paper. More use experience better, until the clip holds all back."""
    minibatches: int = Field(4, ge=1)
    """Updates per pass, each on as large a share of the rollout."""
    discount: float = Field(0.99, ge=0, le=1)
    """What a reward is worth one step later; 0.99 looks about 100 steps ahead."""
    gae_lambda: float = Field(0.95, ge=0, le=1)
    """How far advantages look beyond the value of the next observation: 0 only to it, 1 to the rollout's end."""
    clip_ratio: float = Field(0.2, gt=0, lt=1)
    """How far from 1 the ratio of probabilities is let; the paper's best."""
    value_weight: float = Field(0.5, ge=0)
    """Weight of the value loss; half of half the squared error, as is usual."""
    entropy_bonus: float = Field(0.0, ge=0)
    """Reward per nat of indecision; a little where a policy settles too early."""
    normalise_advantages: bool = True
    """Give the advantages of a minibatch mean zero and deviation one, whatever the size of rewards."""
    scale_rewards: bool = False
    """Divide rewards by the running deviation of discounted returns, where they are far from size one."""

    @model_validator(mode="after")
    def _rows_for_every_minibatch(self) -> Config:
        if self.minibatches > self.num_environments * self.rollout:
            raise ValueError("minibatches at most num_environments * rollout, so that each holds a step")
        return self


class ProximalPolicy:
    """Several passes over each rollout, in minibatches."""

    signals: tuple[Signal, ...] = (
        *SIGNALS,
        Signal(
            "kl",
            "Divergence from the policy that gathered the rollout",
            "How far this rollout's updates have moved the policy, in nats.",
            high=0.05,
            when_high="The policy moves far on old experience: fewer epochs, or a smaller learning rate.",
        ),
        Signal(
            "clip_share",
            "Share of steps that are clipped",
            "For how many steps the ratio of probabilities has left the range in which it may be moved.",
            high=0.3,
            when_high="Much of the rollout teaches nothing any more: fewer epochs, or a smaller learning rate.",
        ),
    )

    def __init__(self, config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int) -> None:
        self.model = model
        self.execution = execution
        self.config = config
        wanted = Wanted(
            num_environments=config.num_environments,
            length=config.rollout,
            epochs=config.epochs,
            minibatches=config.minibatches,
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
        log_ratios = taken.log_probabilities - batch["log_probability"]
        policy_loss = -surrogates.clipped_objective(log_ratios, advantages, config.clip_ratio)
        value_loss = surrogates.value_loss(values, batch["return"])
        moved = log_ratios.detach()
        return policy_loss + config.value_weight * value_loss - config.entropy_bonus * taken.entropy, {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": taken.entropy,
            "kl": surrogates.divergence(moved),
            "clip_share": ((moved.exp() - 1).abs() > config.clip_ratio).float().mean(),
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
