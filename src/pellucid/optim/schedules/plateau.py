"""Plateau (Bengio 2012, arXiv 1206.5533): the rate drops when the validation score has stopped to rise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from pellucid.optim.schedules.warmup import Warmup


class Config(Warmup):
    """Settings of the plateau schedule."""

    patience: int = Field(5, ge=0)
    """How many scores without a new best are borne before the rate drops; below it noise decides."""
    drop: float = Field(0.1, gt=0, lt=1)
    """What remains of the rate each time."""
    margin: float = Field(0.0, ge=0)
    """How far a score must exceed the best to count as a new best, in the score's own unit."""
    final: float = Field(1e-4, ge=0, le=1)
    """The factor goes no lower: beyond it nothing is learned any more."""


def plateau(step: int, total_steps: int, config: Config, scores: Sequence[float]) -> float:
    """Return `drop` to the power of how often patience ran out over the scores so far; a NaN is no new best."""
    best, waited, drops = -math.inf, 0, 0
    for score in scores:
        if score > best + config.margin:
            best, waited = score, 0
        else:
            waited += 1
        if waited > config.patience:
            waited, drops = 0, drops + 1
    return max(config.final, config.drop**drops)
