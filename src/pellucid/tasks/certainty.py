"""How sure a prediction is, as it was measured on rows that were not trained on, and how `predict` tells it.

A temperature softens or sharpens probabilities (Guo et al. 2017, arXiv:1706.04599). A quantile of conformity scores
makes sets of classes, or intervals of numbers, that hold the truth in a stated share of cases (Sadinle, Lei & Wasserman
2019; Angelopoulos & Bates 2021, arXiv:2107.07511). Both are fitted by `evaluation`, and only applied here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pellucid.catalogue import Config
from pellucid.errors import PellucidError
from pellucid.tasks.task import PerRow

COVERAGES = tuple(round(0.5 + 0.01 * step, 2) for step in range(50))
"""0.5, 0.51, ... 0.99: the coverages that quantiles are kept for."""
LEAST_LOG = -1e4
"""A class that was held impossible has a finite logarithm, so that a temperature can soften it."""

Floats = NDArray[np.float64]
Amend = Callable[[PerRow], tuple[PerRow, list[dict[str, Any]]]]
"""From predictions to those that are told, and what is told beside each row's."""


class Asking(Config):
    """How sure an answer is to say that it is."""

    calibrated: bool = False
    """Tell classes' probabilities at the temperature fitted on validation; which class is likeliest stays the same."""
    coverage: float | None = Field(None, ge=COVERAGES[0], le=COVERAGES[-1])
    """Tell with each answer what holds the truth in this share of cases: a set of classes, or an interval of each
    number. Taken up to the next hundredth."""


@dataclass(frozen=True)
class Certainty:
    """What was fitted on the rows of a part that were not trained on.

    Attributes:
        part: which part, usually validation.
        rows: how many rows.
        rows_hash: SHA-256 of their ids.
        weights: SHA-256 of the weights' file that was judged.
        temperature: by which log-probabilities are divided; None where no classes are predicted.
        quantiles: of each of `COVERAGES` the conformal quantile: of 1 - p of the true class, one number; of absolute
            errors in the user's units, one per target. None stands for infinity: too few rows for so high a coverage.
    """

    part: str
    rows: int
    rows_hash: str
    weights: str
    temperature: float | None
    quantiles: Mapping[str, Sequence[float | None]]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {**asdict(self), "quantiles": {name: list(values) for name, values in self.quantiles.items()}}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Certainty:
        """Read what `to_dict` made."""
        return Certainty(**{name: values[name] for name in Certainty.__dataclass_fields__})

    def quantile(self, coverage: float) -> Floats:
        """Return the conformal quantile of a coverage, `[1]` or `[targets]`; infinite where rows were too few."""
        step = min(each for each in COVERAGES if each >= coverage - 1e-9)
        return np.array([math.inf if each is None else each for each in self.quantiles[f"{step:g}"]])


@runtime_checkable
class Calibrated(Protocol):
    """A task whose answers can say how sure they are, once it is told what was measured."""

    certainty: Certainty | None


def tempered(log_probabilities: NDArray[Any], temperature: float) -> Floats:
    """Return log-probabilities `[rows, classes]` at a temperature: above 1 less sure, below 1 surer."""
    scaled = np.maximum(log_probabilities.astype(np.float64), LEAST_LOG) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    found: Floats = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return found


def class_sets(probabilities: NDArray[Any], quantile: float) -> NDArray[np.bool_]:
    """Return which classes each row's set holds, `[rows, classes]`: those whose 1 - p is at most the quantile.

    The likeliest class always belongs to it. That makes no set empty, and can only add to the coverage.
    """
    held: NDArray[np.bool_] = 1 - probabilities.astype(np.float64) <= quantile
    held[np.arange(len(held)), probabilities.argmax(axis=1)] = True
    return held


def of_classes(certainty: Certainty | None, settings: Config, labels: Sequence[Any]) -> Amend | None:
    """Return what makes answers about classes say how sure they are; None where that was not asked for.

    Raises:
        PellucidError: it was asked for, and nothing was ever measured.
    """
    asked = _asked(certainty, settings)
    if asked is None:
        return None
    found, calibrated, coverage = asked

    def amend(predictions: PerRow) -> tuple[PerRow, list[dict[str, Any]]]:
        logs = predictions["log_probability"]
        told: list[dict[str, Any]] = [{} for _ in logs]
        if coverage is not None:
            held = class_sets(np.exp(logs.astype(np.float64)), float(found.quantile(coverage)[0]))
            order = np.argsort(-logs, axis=1, kind="stable")
            told = [{"set": [labels[code] for code in row if has[code]]} for row, has in zip(order, held, strict=True)]
        if calibrated and found.temperature is not None:
            predictions = {**predictions, "log_probability": tempered(logs, found.temperature)}
        return predictions, told

    return amend


def of_numbers(certainty: Certainty | None, settings: Config, endings: Sequence[str]) -> Amend | None:
    """Return what gives each predicted number its interval, as `of_classes` does; one of `endings` for each target."""
    asked = _asked(certainty, settings)
    if asked is None:
        return None
    found, calibrated, coverage = asked
    if calibrated:
        raise PellucidError("predict.calibrated is of probabilities, and this run predicts numbers: give coverage=0.9.")
    assert coverage is not None
    half = found.quantile(coverage)

    def amend(predictions: PerRow) -> tuple[PerRow, list[dict[str, Any]]]:
        numbers = predictions["number"].astype(np.float64)
        ends = np.stack([numbers - half, numbers + half], axis=2)  # (rows, targets, 2)
        told = [
            {f"interval{ending}": [float(x) if math.isfinite(x) else None for x in pair] for ending, pair in named}
            for named in (list(zip(endings, row, strict=True)) for row in ends)
        ]
        return predictions, told

    return amend


def _asked(certainty: Certainty | None, settings: Config) -> tuple[Certainty, bool, float | None] | None:
    """What was measured and what is asked of it; None where nothing is asked."""
    assert isinstance(settings, Asking)
    if not settings.calibrated and settings.coverage is None:
        return None
    if certainty is None:
        name = "predict.calibrated" if settings.calibrated else "predict.coverage"
        raise PellucidError(
            f"{name}: this run keeps no calibration, which is fitted on its validation part. Fit it first: "
            "pellucid evaluate RUN"
        )
    return certainty, settings.calibrated, settings.coverage
