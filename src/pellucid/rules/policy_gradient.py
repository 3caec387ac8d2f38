"""What policy gradients share: actions are drawn, and those that turned out well become likelier.

A policy gradient is an objective over batches of experience and a wish for so much of it: a2c.py, ppo.py and
reinforce.py say these two. The rest is the same for all and stands here: the policy that gathers the experience, the
update that descends the objective, and what there is to watch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

from pydantic import Field
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.environments.policy import Wanted
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.optim.update import StochasticUpdateConfig, Update
from pellucid.rules import surrogates
from pellucid.rules.actor import Actor
from pellucid.rules.check import try_out
from pellucid.tasks.task import Task


class PolicyGradientConfig(StochasticUpdateConfig):
    """Settings of every policy gradient, beside those of its update."""

    optimizer: dict[str, Any] = Field({"name": "adam", "learning_rate": 1e-3, "epsilon": 1e-5}, validate_default=True)
    """Which optimizer; the epsilon keeps Adam's steps small while gradients are."""
    accumulate: Literal[1] = 1
    """Batches of experience are small: they go through the model at once."""
    discount: float = Field(0.99, ge=0, le=1)
    """What a reward is worth one step later; 0.99 looks about 100 steps ahead."""
    entropy_bonus: float = Field(0.0, ge=0)
    """Reward per nat of indecision; a little keeps a policy from settling too early."""


class ActorCriticConfig(PolicyGradientConfig):
    """Settings of policy gradients that learn from parts of episodes, with a value for what they do not show."""

    clip: float | None = Field(0.5, gt=0)
    """Largest norm of the whole gradient: a single lucky episode must not throw the policy over."""
    num_environments: int = Field(8, ge=1)
    """Played side by side; they are in different places, so that a batch is varied."""
    gae_lambda: float = Field(0.95, ge=0, le=1)
    """How far advantages look beyond the value of the next observation: 0 only to it, 1 to the rollout's end."""
    value_weight: float = Field(0.5, ge=0)
    """Weight of the value loss; half of half the squared error, as is usual."""
    scale_rewards: bool = False
    """Divide rewards by the running deviation of discounted returns, where they are far from size one."""


class Terms(NamedTuple):
    """What is minimised, `()`, and by name what is told of it, each `()`."""

    loss: Tensor
    told: Mapping[str, Tensor]


Objective = Callable[[Tensor, Tensor, Batch], Terms]
"""Of logits `[rows, actions]` and values `[rows]` for the observations of a batch, and the batch."""

SIGNALS = (
    Signal(
        "return",
        "Return of training episodes",
        "The rewards of an episode, summed: the mean over those that ended in the last rollout, actions drawn.",
    ),
    Signal(
        "explained_variance",
        "Explained variance of the value",
        "Which share of the variation in returns the critic foresees: 1 is all, 0 no better than their mean.",
        low=0.0,
        when_low="The critic is worse than a constant: train it longer, or give it a larger learning rate.",
    ),
    Signal(
        "entropy",
        "Entropy of the policy, in nats",
        "How undecided the policy is: the logarithm of the number of actions is even chances, 0 is one action always.",
        low=0.01,
        when_low="The policy tries nothing new any more. If it is not good yet: more entropy_bonus, or a smaller rate.",
    ),
)
"""What every policy gradient has to watch."""


class PolicyGradient:
    """One update per batch of experience, down the gradient of an objective.

    Args:
        objective: what each batch is to make smaller.
        wanted: how much experience the objective learns from at once, and how often.
        signals: what there is to watch; an objective that tells more adds to `SIGNALS`.
    """

    def __init__(
        self,
        objective: Objective,
        wanted: Wanted,
        config: PolicyGradientConfig,
        model: nn.Module,
        task: Task,
        execution: Execution,
        total_steps: int,
        signals: tuple[Signal, ...] = SIGNALS,
    ) -> None:
        self.model = model
        self.execution = execution
        self.objective = objective
        self.signals = signals
        self.policy = Actor(model, task, execution, wanted)
        self.update = Update(model, config, total_steps)
        self.updates = {"update": self.update}

    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Return the loss and its parts (before the update), and how training episodes went."""
        loss, told = self.terms(batch)
        self.update.flat.fill(loss)
        loss = loss.detach()
        norm = self.update.step(loss)
        parts = {name: value.detach() for name, value in told.items()}
        foreseen = surrogates.explained_variance(batch["value"], batch["return"])
        return {
            "loss": loss,
            **parts,
            "explained_variance": foreseen,
            "gradient_norm": norm,
            **self.policy.scalars(),
        }

    def terms(self, batch: Batch) -> Terms:
        """Return the objective of a batch, with its history."""
        with self.execution.autocast():
            logits, values = self.model(batch["input"])
        return self.objective(logits, values, batch)

    def check(self, batch: Batch) -> None:
        """Try the model on a few observations."""
        try_out(self.model, lambda: self.terms(batch), len(batch), batch["input"].shape[1:])

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
