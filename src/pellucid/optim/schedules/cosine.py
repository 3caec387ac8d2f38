"""Cosine (Loshchilov & Hutter 2016, arXiv 1608.03983, without restarts): slow at both ends, fast between.

factor = final + (1 - final) * (1 + cos(pi * step / total_steps)) / 2
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from pellucid.optim.schedules.warmup import Warmup


class Config(Warmup):
    """Settings of the cosine schedule."""

    final: float = Field(0.0, ge=0, le=1)
    """Share of the rate that remains at the end; 0 lets the weights come to rest."""


def cosine(step: int, total_steps: int, config: Config, scores: Sequence[float]) -> float:
    """Return the point of half a cosine from 1 to `final`; it stays at `final` beyond the end."""
    progress = min(1.0, step / total_steps)
    return config.final + (1 - config.final) * (1 + math.cos(math.pi * progress)) / 2
