"""Every score of regression, by name: in the user's units, means over the targets where there are several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from pellucid.errors import RecipeError, closest
from pellucid.tasks.score import Score, mean_score

Numbers = Float[NDArray[np.float64], "rows targets"]

METRICS = ("rmse", "mae", "r2", "pinball", "mase")
"""In the order in which a result shows them; mase is of series alone."""


def rmse(predicted: Numbers, truth: Numbers) -> Score:
    """The root of the mean squared error."""
    moments = np.concatenate([np.square(predicted - truth), np.ones((len(truth), 1))], axis=1)
    return Score(moments, "root_mean", "min")


def mae(predicted: Numbers, truth: Numbers) -> Score:
    """The mean absolute error."""
    return mean_score(np.abs(predicted - truth).mean(axis=1), "min")


def r2(predicted: Numbers, truth: Numbers) -> Score:
    """The share of the variance that is explained."""
    # From sums: 1 - SSE / (sum y^2 - (sum y)^2 / n); y as it is, so that the moments of folds may be pooled
    moments = [np.ones((len(truth), 1)), np.square(predicted - truth), np.square(truth), truth]
    return Score(np.concatenate(moments, axis=1), "explained_variance", "max")


def pinball(predicted: Numbers, truth: Numbers, quantile: float) -> Score:
    """The mean pinball loss (Koenker & Bassett 1978), which the true quantile makes smallest.

    What lies above the prediction costs `quantile` of the distance, what lies below it the rest: at 1/2 that is half
    the absolute error.
    """
    short = truth - predicted
    return mean_score(np.maximum(quantile * short, (quantile - 1) * short).mean(axis=1), "min")


def mase(predicted: Numbers, truth: Numbers, naive: Float[NDArray[np.float64], " rows"]) -> Score:
    """The mean absolute scaled error (Hyndman & Koehler 2006): below 1 it beats the naive forecast where it learned.

    Args:
        naive: the seasonal naive forecast's mean absolute error on the training part of each row's series.
    """
    return mean_score(np.abs(predicted - truth).mean(axis=1) / naive, "min")


def check(names: Sequence[str], *, series: bool) -> None:
    """Raise `RecipeError` with every name that is no metric here, and the closest ones."""
    known = METRICS if series else METRICS[:-1]
    problems = [
        "task.metrics: 'mase' compares with the last season, and these rows are no series. Leave it out."
        if name == "mase"
        else f"task.metrics: there is no {name!r}. {closest(name, known)}"
        for name in names
        if name not in known
    ]
    if problems:
        raise RecipeError(problems, where="task.metrics")
