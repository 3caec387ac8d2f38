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

from functools import partial
from typing import Any, Literal

from pydantic import Field
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.environments.policy import Wanted
from pellucid.execution import Execution
from pellucid.rules import surrogates
from pellucid.rules.policy_gradient import PolicyGradient, PolicyGradientConfig, Terms
from pellucid.tasks.task import Task


class Config(PolicyGradientConfig):
    """Settings of REINFORCE."""

    optimizer: dict[str, Any] = Field({"name": "adam", "learning_rate": 5e-3, "epsilon": 1e-5}, validate_default=True)
    """Which optimizer; Adam does not mind that gradients of summed returns are large."""
    episodes: int = Field(16, ge=1)
    """Whole episodes per update, played side by side; more are less noisy and cost more steps."""
    baseline: Literal["none", "mean", "value"] = "value"
    """What is subtracted from returns: nothing, their mean, or what the critic expected; value is the least noisy."""


def objective(config: Config, logits: Tensor, values: Tensor, batch: Batch) -> Terms:
    """Return minus the sum over steps, per episode, of log-probability times what followed beyond the baseline."""
    returns = batch["return"]
    taken = surrogates.chosen(logits, batch["action"])
    followed = {"none": returns, "mean": returns - returns.mean(), "value": batch["advantage"]}[config.baseline]
    policy_loss = -(taken.log_probabilities * followed).sum() / config.episodes
    value_loss = surrogates.value_loss(values, returns)
    # Without it the critic rests: its gradient is zero, and nothing asks what it expects.
    weight = 1.0 if config.baseline == "value" else 0.0
    steps_per_episode = len(batch) / config.episodes
    loss = policy_loss + weight * value_loss - config.entropy_bonus * steps_per_episode * taken.entropy
    return Terms(loss, {"policy_loss": policy_loss, "value_loss": value_loss, "entropy": taken.entropy})


def reinforce(config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int) -> PolicyGradient:
    """Return the rule: one update per set of whole episodes."""
    wanted = Wanted(
        num_environments=config.episodes,
        length=None,
        discount=config.discount,
        gae_lambda=1.0,
        bootstrap=config.baseline == "value",
    )
    return PolicyGradient(partial(objective, config), wanted, config, model, task, execution, total_steps)
