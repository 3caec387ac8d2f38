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

from functools import partial

from pydantic import Field, model_validator
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.environments.policy import Wanted
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.rules import policy_gradient, surrogates
from pellucid.rules.policy_gradient import ActorCriticConfig, PolicyGradient, Terms
from pellucid.tasks.task import Task


class Config(ActorCriticConfig):
    """Settings of proximal policy optimisation."""

    rollout: int = Field(128, ge=1)
    """Steps in each environment before the policy learns from them; the paper's for Atari."""
    epochs: int = Field(4, ge=1)
    """Passes over a rollout; 3 to 10 in the paper. More use experience better, until the clip holds all back."""
    minibatches: int = Field(4, ge=1)
    """Updates per pass, each on as large a share of the rollout."""
    clip_ratio: float = Field(0.2, gt=0, lt=1)
    """How far from 1 the ratio of probabilities is let; the paper's best."""
    normalise_advantages: bool = True
    """Give the advantages of a minibatch mean zero and deviation one, whatever the size of rewards."""

    @model_validator(mode="after")
    def _rows_for_every_minibatch(self) -> Config:
        if self.minibatches > self.num_environments * self.rollout:
            raise ValueError("minibatches at most num_environments * rollout, so that each holds a step")
        return self


SIGNALS = (
    *policy_gradient.SIGNALS,
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
"""What there is to watch, beside what every policy gradient has."""


def objective(config: Config, logits: Tensor, values: Tensor, batch: Batch) -> Terms:
    """Return the loss of a minibatch: clipped policy, value and entropy in one number."""
    advantages = surrogates.normalised(batch["advantage"]) if config.normalise_advantages else batch["advantage"]
    taken = surrogates.chosen(logits, batch["action"])
    log_ratios = taken.log_probabilities - batch["log_probability"]
    policy_loss = -surrogates.clipped_objective(log_ratios, advantages, config.clip_ratio)
    value_loss = surrogates.value_loss(values, batch["return"])
    loss = policy_loss + config.value_weight * value_loss - config.entropy_bonus * taken.entropy
    moved = log_ratios.detach()
    return Terms(
        loss,
        {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": taken.entropy,
            "kl": surrogates.divergence(moved),
            "clip_share": ((moved.exp() - 1).abs() > config.clip_ratio).float().mean(),
        },
    )


def proximal_policy(
    config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int
) -> PolicyGradient:
    """Return the rule: several passes over each rollout, in minibatches."""
    wanted = Wanted(
        num_environments=config.num_environments,
        length=config.rollout,
        epochs=config.epochs,
        minibatches=config.minibatches,
        discount=config.discount,
        gae_lambda=config.gae_lambda,
        scale_rewards=config.scale_rewards,
    )
    return PolicyGradient(partial(objective, config), wanted, config, model, task, execution, total_steps, SIGNALS)
