"""What all schedules share: a linear warm-up (Goyal et al. 2017, arXiv 1706.02677) before the schedule itself.

A schedule is a pure function `schedule(step, total_steps, config, scores) -> factor` on the learning rate of update
`step`, counted from 0, where `scores` are the validation scores so far (the higher the better).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field

from pellucid.catalogue import Config

Schedule = Callable[[int, int, Any, Sequence[float]], float]


class Warmup(Config):
    """Settings of every schedule."""

    warmup: int = Field(0, ge=0)
    """Steps over which the rate grows linearly to its full value; 0 for none. Steadies Adam's first, noisy moments."""


def factor(schedule: Schedule, step: int, total_steps: int, config: Warmup, scores: Sequence[float]) -> float:
    """Return the schedule's factor after the warm-up, and the growing share of its first one during it.

    Example:
        >>> from pellucid.optim.schedules.constant import Config, constant
        >>> [factor(constant, step, 6, Config(warmup=3), ()) for step in range(6)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    share = min(1.0, (step + 1) / (config.warmup + 1))
    return share * schedule(max(0, step - config.warmup), max(1, total_steps - config.warmup), config, scores)
