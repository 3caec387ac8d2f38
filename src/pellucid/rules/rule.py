"""What every rule offers. `fit` knows only this."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.environments.policy import Policy
from pellucid.exhibit import Signal
from pellucid.optim.update import Update
from pellucid.rules.gradient import Gradient


class Rule(Protocol):
    """How a model learns, one update at a time."""

    model: nn.Module
    """What learns; an adversarial rule's model holds both nets."""
    updates: Mapping[str, Update]
    """The updates that the rule owns, by name: one for most rules, two for a GAN, none for a Hopfield net."""
    policy: Policy | None
    """What a source of experience must ask for actions; None where rows are given."""

    signals: tuple[Signal, ...]
    """What to watch among the scalars of a step."""

    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Learn from one batch and return scalars to log; `"loss"` at least. Nothing is synchronised for them."""

    def check(self, batch: Batch) -> None:
        """Try a batch on the model and the task before a run begins; change nothing.

        Raises:
            ShapeError: they cannot take a batch of such a shape.
            DataError: they cannot learn from such values, and what to prepare otherwise.
        """

    def observe(self, score: float) -> None:
        """Take note of a validation score (larger is better): a plateau schedule waits for it."""

    def averaged(self) -> AbstractContextManager[None]:
        """The weights that are to be judged and kept (the moving average where there is one) while it lasts."""

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next step depends on, beside the model's own weights."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""


@runtime_checkable
class Tunable(Protocol):
    """A rule whose gradient can be computed in more than one way, to the same bytes."""

    gradient: Gradient
    accumulate: int
    """Parts of a batch whose gradients are added up."""
