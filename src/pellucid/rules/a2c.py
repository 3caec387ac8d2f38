"""Advantage actor-critic (Mnih et al. 2016, arXiv:1602.01783): every few steps, learn from how they turned out.

    advantage = rewards of a few steps + value of the observation after them - value of the observation before
    loss      = -mean(advantage * log pi(action)) + value_weight * value loss - entropy_bonus * entropy

The value bridges what the few steps do not show, so that learning need not wait for an episode's end.

Where we differ: one process plays all environments and makes one update from them together (A2C), where the paper's
workers update shared weights whenever each is ready (A3C). Advantages are estimated with GAE; `gae_lambda = 1` is the
paper's sum of rewards. Adam and an RMSProp of the catalogue stand in for the paper's shared RMSProp.
"""

from __future__ import annotations

from functools import partial

from pydantic import Field
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.environments.policy import Wanted
from pellucid.execution import Execution
from pellucid.rules import surrogates
from pellucid.rules.policy_gradient import ActorCriticConfig, PolicyGradient, Terms
from pellucid.tasks.task import Task


class Config(ActorCriticConfig):
    """Settings of advantage actor-critic."""

    rollout: int = Field(8, ge=1)
    """Steps in each environment per update; the paper has 5, and 16 workers."""
    entropy_bonus: float = Field(0.01, ge=0)
    """Reward per nat of indecision; the paper's value."""
    normalise_advantages: bool = False
    """Give the advantages of a batch mean zero and deviation one; the paper does not."""


def objective(config: Config, logits: Tensor, values: Tensor, batch: Batch) -> Terms:
    """Return the loss of a short rollout: policy, value and entropy in one number."""
    advantages = surrogates.normalised(batch["advantage"]) if config.normalise_advantages else batch["advantage"]
    taken = surrogates.chosen(logits, batch["action"])
    policy_loss = -(taken.log_probabilities * advantages).mean()
    value_loss = surrogates.value_loss(values, batch["return"])
    loss = policy_loss + config.value_weight * value_loss - config.entropy_bonus * taken.entropy
    return Terms(loss, {"policy_loss": policy_loss, "value_loss": value_loss, "entropy": taken.entropy})


def advantage_actor_critic(
    config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int
) -> PolicyGradient:
    """Return the rule: one update per short rollout."""
    wanted = Wanted(
        num_environments=config.num_environments,
        length=config.rollout,
        discount=config.discount,
        gae_lambda=config.gae_lambda,
        scale_rewards=config.scale_rewards,
    )
    return PolicyGradient(partial(objective, config), wanted, config, model, task, execution, total_steps)
