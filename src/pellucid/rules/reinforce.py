"""REINFORCE (Williams 1992, Machine Learning 8): make an action likelier by the return that followed it.

    gradient = mean over episodes of the sum over steps of (return from here on - baseline) * grad log pi(action)

It is an unbiased estimate of the gradient of the mean return, and a noisy one: a baseline that does not depend on the
action takes noise away and changes no expectation. Whole episodes are played, as many as there are environments, all by
the same weights; each gives one update and is thrown away.

Where we differ: returns are discounted and those of a step hold only what came after it (Sutton & Barto 2018, 13.3),
with the usual omission of discount^t before each step's term. A time limit counts as the end of an episode, except
with `baseline = "value"`, where the value of the last observation stands for what would have come. The mean over the
batch holds each step's own return, so that `baseline = "mean"` is not quite free of bias.
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
    """Settings of REINFORCE."""

    optimizer: dict[str, Any] = Field({"name": "adam", "learning_rate": 5e-3, "epsilon": 1e-5}, validate_default=True)
    """Which optimizer; Adam does not mind that gradients of summed returns are large."""
    accumulate: Literal[1] = 1
    """Batches of experience are small: they go through the model at once."""
    episodes: int = Field(16, ge=1)
    """Whole episodes per update, played side by side; more are less noisy and cost more steps."""
    discount: float = Field(0.99, ge=0, le=1)
    """What a reward is worth one step later; 0.99 looks about 100 steps ahead."""
    baseline: Literal["none", "mean", "value"] = "value"
    """What is subtracted from returns: nothing, their mean, or what the critic expected; value is the least noisy."""
    entropy_bonus: float = Field(0.0, ge=0)
    """Reward per nat of indecision; keeps a policy from settling too early."""


class Reinforce:
    """One update per set of whole episodes."""

    signals: tuple[Signal, ...] = SIGNALS

    def __init__(self, config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int) -> None:
        self.model = model
        self.execution = execution
        self.config = config
        wanted = Wanted(
            num_environments=config.episodes,
            length=None,
            discount=config.discount,
            gae_lambda=1.0,
            bootstrap=config.baseline == "value",
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
        """Minus the sum over steps, per episode, of log-probability times what followed beyond the baseline."""
        config, returns = self.config, batch["return"]
        with self.execution.autocast():
            logits, values = self.model(batch["input"])
        taken = surrogates.chosen(logits, batch["action"])
        followed = {"none": returns, "mean": returns - returns.mean(), "value": batch["advantage"]}[config.baseline]
        policy_loss = -(taken.log_probabilities * followed).sum() / config.episodes
        value_loss = surrogates.value_loss(values, returns)
        # Without it the critic rests: its gradient is zero, and nothing asks what it expects.
        weight = 1.0 if config.baseline == "value" else 0.0
        steps_per_episode = len(batch) / config.episodes
        loss = policy_loss + weight * value_loss - config.entropy_bonus * steps_per_episode * taken.entropy
        return loss, {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": taken.entropy,
            "explained_variance": surrogates.explained_variance(batch["value"], returns),
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
