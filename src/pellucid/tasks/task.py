"""What every task offers, and how a score over a set is made of per-row moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pellucid.data.batch import Batch

Moments = NDArray[np.float64]
PerRow = dict[str, NDArray[Any]]


class Loss(NamedTuple):
    """A loss that adds up exactly over batches, micro-batches and processes: never a mean.

    `carry` is the state that a recurrent model hands to the next batch of the same streams; None elsewhere.
    """

    total: Tensor
    rows: Tensor | float
    carry: Any = None


@dataclass(frozen=True)
class Score:
    """One number about a set of rows, as a function of sums over rows.

    `value = combine(sum over rows of moments)`. So a score is exact over the set however it was batched, and any
    resampling of the rows is a product of row counts with the moments.

    Attributes:
        moments: `[rows, m]`.
        combine: maps summed moments `[..., m]` to values `[...]`.
        better: which way is good.
        proportion: the score is a share of rows, so that its interval has a closed form.
    """

    moments: Moments
    combine: Callable[[Moments], Moments]
    better: Literal["max", "min"]
    proportion: bool = False

    @property
    def value(self) -> float:
        """The score of the set."""
        return float(self.combine(self.moments.sum(axis=0)))


def mean_score(values: NDArray[Any], better: Literal["max", "min"], proportion: bool = False) -> Score:
    """Return the score that is the mean of one value per row, `[rows]`."""
    values = np.asarray(values, np.float64)
    return Score(np.stack([values, np.ones_like(values)], axis=1), lambda s: s[..., 0] / s[..., 1], better, proportion)


class Task(Protocol):
    """What is asked of a model."""

    primary: str
    """The score that stands first."""

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        """Return the summed loss of a batch and what to divide it by."""

    def predict(self, model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
        """Return per-row predictions, each `[rows, ...]`, in the user's units."""

    def judge(self, predictions: PerRow, targets: NDArray[Any]) -> PerRow:
        """Return per-row losses and verdicts: at least `"loss"`, the larger the worse the prediction was."""

    def scores(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Score]:
        """Return the scores of a set, the primary one first."""

    def rank(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """Return what the best weights are chosen by: larger is better, later entries break ties."""

    def details(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Any]:
        """Return what a report shows beyond scores (a confusion matrix, say), as JSON types."""

    def table(self, predictions: PerRow, targets: NDArray[Any] | None) -> dict[str, Sequence[Any]]:
        """Return the columns of a predictions file, in the user's words."""
