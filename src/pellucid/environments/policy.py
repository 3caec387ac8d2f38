"""What passes between a rule and a source of experience: who chooses the actions, and what is wanted of the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor


@dataclass(frozen=True)
class Wanted:
    """How much experience a rule wants at once, how often it goes over it, and how actions are given their due.

    Attributes:
        num_environments: played side by side.
        length: steps in each of them; None for one whole episode in each.
        epochs, minibatches: how often the experience is gone over, and in how many batches each time.
        discount: what a reward is worth one step later.
        gae_lambda: how far an advantage looks beyond the value of the next observation.
        bootstrap: where an episode is cut, count on the value of the observation that came next.
        scale_rewards: divide rewards by the running deviation of discounted returns.
    """

    num_environments: int
    length: int | None
    epochs: int = 1
    minibatches: int = 1
    discount: float = 0.99
    gae_lambda: float = 1.0
    bootstrap: bool = True
    scale_rewards: bool = False


@runtime_checkable
class Acting(Protocol):
    """A model that gives `(logits, values)` for observations and can take note of them."""

    def absorb(self, observations: Tensor) -> None:
        """Let the normaliser take note of training observations `[rows, ...]`."""


class Choice(NamedTuple):
    """Actions for some observations, how probable they were, and what is expected from there, each `[rows]`."""

    actions: Tensor
    log_probabilities: Tensor
    values: Tensor


class Policy(Protocol):
    """What a source of experience asks of a rule."""

    wanted: Wanted

    def act(self, observations: Tensor, uniforms: Tensor) -> Choice:
        """Choose an action for each observation `[rows, ...]`, by a number in 0 to 1 for each, `[rows]`."""

    def values(self, observations: Tensor) -> Tensor:
        """Return what is expected from each observation on, `[rows]`."""

    def absorb(self, observations: Tensor) -> None:
        """Let the normaliser take note of training observations `[rows, ...]`."""

    def note(self, mean_return: float | None, mean_length: float | None, steps: int) -> None:
        """Take note of the training episodes that ended, if any did, and of all environment steps so far."""
