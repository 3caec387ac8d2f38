"""How many steps, and on which of them to look, log and save: the recipe's wishes turned into numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pellucid.errors import RecipeError
from pellucid.recipe import TrainSection


@dataclass(frozen=True)
class Plan:
    """The run's length and rhythm, in steps. `checkpoint_every` is None where the clock decides."""

    total_steps: int
    steps_per_epoch: int | None
    evaluate_every: int
    log_every: int
    checkpoint_every: int | None
    patience: int | None
    keep: Literal["best", "last"] = "best"

    def epoch(self, step: int) -> float | None:
        """How many epochs `step` steps are; None where there are no epochs."""
        return round(step / self.steps_per_epoch, 4) if self.steps_per_epoch else None


def plan(section: TrainSection, steps_per_epoch: int | None) -> Plan:
    """Fill in what the recipe leaves out.

    Raises:
        RecipeError: epochs were asked for where there are none.
    """
    if section.steps is not None:
        total = section.steps
    elif steps_per_epoch is not None:
        assert section.epochs is not None
        total = section.epochs * steps_per_epoch
    else:
        raise RecipeError(["train.epochs: this source has no epochs. Give train.steps."])
    # Once an epoch, but not a hundred times and more: an epoch can be a single step.
    rhythm = max(steps_per_epoch, total // 100) if steps_per_epoch else max(1, total // 20)
    return Plan(
        total_steps=total,
        steps_per_epoch=steps_per_epoch,
        evaluate_every=section.evaluate_every or rhythm,
        # A look inside costs as much as a step of a tiny net: fifty steps apart, where that leaves twenty of them.
        log_every=section.log_every or max(1, total // 100, min(50, total // 20)),
        checkpoint_every=section.checkpoint_every,
        patience=section.patience,
        keep=section.keep,
    )
