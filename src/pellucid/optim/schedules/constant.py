"""Constant: the same rate throughout, after the warm-up."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.optim.schedules.warmup import Warmup


class Config(Warmup):
    """Settings of the constant schedule."""


def constant(step: int, total_steps: int, config: Config, scores: Sequence[float]) -> float:
    """Return 1."""
    return 1.0
