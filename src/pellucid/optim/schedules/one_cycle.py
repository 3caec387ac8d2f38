"""One cycle (Smith & Topin 2017, arXiv 1708.07120): up to a rate that is nearly too large, then down to almost none.

The large rate regularises, the low end settles. Two half cosines instead of the paper's straight lines, as fast.ai
found better; the momentum is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from pellucid.optim.schedules.warmup import Warmup


class Config(Warmup):
    """Settings of the one-cycle schedule. The optimizer's learning rate is the peak."""

    rise: float = Field(0.3, gt=0, lt=1)
    """Share of the run in which the rate rises; fast.ai's value."""
    start: float = Field(0.04, ge=0, le=1)
    """Share of the peak at the start; a 25th, fast.ai's value."""
    final: float = Field(4e-6, ge=0, le=1)
    """Share of the peak at the end: a 10,000th of the start."""


def one_cycle(step: int, total_steps: int, config: Config, scores: Sequence[float]) -> float:
    """Return `start` at step 0, 1 at the peak, `final` at the last step."""
    last = max(1.0, total_steps - 1)
    peak = min(last, max(0.0, config.rise * total_steps - 1))
    if step < peak:
        return _between(config.start, 1.0, step / peak)
    return _between(1.0, config.final, min(1.0, (step - peak) / max(1.0, last - peak)))


def _between(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
