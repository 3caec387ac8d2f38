"""Step: the rate drops at milestones, as for ResNet (He et al. 2015, arXiv 1512.03385).

factor = drop ^ (how many milestones have passed)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from pellucid.optim.schedules.warmup import Warmup


class Config(Warmup):
    """Settings of the step schedule."""

    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.5, 0.75)
    """Where the rate drops, as shares of the run, so that they hold for any length; ResNet's on CIFAR-10."""
    drop: float = Field(0.1, gt=0, lt=1)
    """What remains of the rate at each milestone."""


def step_down(step: int, total_steps: int, config: Config, scores: Sequence[float]) -> float:
    """Return `drop` to the power of the milestones passed."""
    passed = sum(step >= milestone * total_steps for milestone in config.milestones)
    return config.drop**passed
