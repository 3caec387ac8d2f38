"""A score: one number about a set of units, kept as what each unit adds to it, so that any resampling is exact.

Most scores are functions of sums over the units (`REDUCTIONS`). Some are functions of a confusion matrix, or of the
units' order, such as the area under a curve (`ORDERED`): those are computed anew from the counts of each resample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.tasks.confusion import CONFUSION
from pellucid.tasks.ranking import area_under_roc, average_precision
from pellucid.tasks.reductions import REDUCTIONS

Moments = NDArray[np.float64]
Better = Literal["max", "min"]
Interval = Literal["bootstrap", "wilson", "student"]

ORDERED: Mapping[str, Callable[[Moments, Moments], Moments]] = {
    **CONFUSION,
    "area_under_roc": area_under_roc,
    "average_precision": average_precision,
}
"""Scores that no few sums tell, from moments `[units, m]` and counts `[resamples, units]` to values `[resamples]`."""


@dataclass(frozen=True)
class Score:
    """One number about a set of units (rows, windows of text, episodes).

    Attributes:
        moments: what each unit adds, `[units, m]`.
        kind: a name of `REDUCTIONS` or of `ORDERED`: what is made of the moments.
        better: which way is good.
        interval: how its 95 % interval is made. wilson is for a share of the units; student for a mean of few ones.
        standard_error: of something estimated behind every value, which no resampling of the units shows (a partition
            function by annealing); the interval is widened by it.
    """

    moments: Moments
    kind: str
    better: Better
    interval: Interval = "bootstrap"
    standard_error: float = 0.0

    @property
    def is_additive(self) -> bool:
        """Whether it is a function of sums over the units."""
        return self.kind in REDUCTIONS

    @property
    def value(self) -> float:
        """The score of the set."""
        if self.is_additive:
            return float(self.of_sums(self.moments.sum(axis=0)))
        return float(self.of_counts(np.ones((1, len(self.moments))))[0])

    @property
    def units(self) -> Moments:
        """The score of each unit by itself, `[units]`; only of one that is a function of sums."""
        return self.of_sums(self.moments)

    def of_sums(self, sums: Moments) -> Moments:
        """Return the values of summed moments, `[..., m]` to `[...]`."""
        return REDUCTIONS[self.kind](sums)

    def of_counts(self, counts: Moments) -> Moments:
        """Return the score of each resample, `[resamples]`, from how often it drew each unit, `[resamples, units]`."""
        if self.is_additive:
            return self.of_sums(counts @ self.moments)
        return ORDERED[self.kind](self.moments, counts)


def mean_score(values: NDArray[Any], better: Better, interval: Interval = "bootstrap") -> Score:
    """Return the score that is the mean of one value per unit, `[units]`."""
    values = np.asarray(values, np.float64)
    return Score(np.stack([values, np.ones_like(values)], axis=1), "ratio", better, interval)
