"""Gradient-boosted trees: what is hardest to beat on a table (Friedman 2001; histograms: Ke et al. 2017).

A tree asks whether a value is above a threshold, so it needs neither scaling nor codes of many columns: it is given a
table's rows as they are at rest, missing values and categories included.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_TREES = 600
MOST_HISTOGRAMS = 1e5
"""Trees x features: of a table with thousands of columns fewer trees are grown, each with a larger say."""
MOST_LEVELS = 255
"""Values of a category above which its codes are taken for a number."""


def rounds(features: int, outputs: int) -> int:
    """Return how often a tree is added for each of several outputs; the work is rows x features x outputs x this."""
    most = min(MOST_TREES, MOST_HISTOGRAMS / features)
    return int(np.clip(most / outputs, 10, 100))


def outputs_of(num_classes: int) -> int:
    """Return how many outputs tell classes apart: one is enough for two."""
    return num_classes if num_classes > 2 else 1


def shares(
    X: NDArray[Any], y: NDArray[Any], new: NDArray[Any], levels: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """Return the probabilities of the classes of `new` rows, `[rows, classes present in y]`.

    Args:
        X, new: rows at rest, `[rows, features]`; NaN where a value is missing.
        levels: how many values each feature has that is a category, `[features]`; 0 of a number.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    num = rounds(X.shape[1], outputs_of(num_classes))
    fitted = HistGradientBoostingClassifier(**_settings(num, levels)).fit(X, y)
    found: NDArray[np.float64] = fitted.predict_proba(new)
    return found


def numbers(
    X: NDArray[Any], y: NDArray[Any], new: NDArray[Any], levels: NDArray[np.int64], quantile: float | None = None
) -> NDArray[np.float64]:
    """Return the mean (or a quantile) of `new` rows' numbers, `[rows, targets]`: each target has trees of its own."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    settings = _settings(rounds(X.shape[1], y.shape[1]), levels)
    if quantile is not None:
        settings |= {"loss": "quantile", "quantile": quantile}
    columns = [HistGradientBoostingRegressor(**settings).fit(X, target).predict(new) for target in y.T]
    return np.stack(columns, axis=1)


def _settings(num_rounds: int, levels: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "max_iter": num_rounds,
        "learning_rate": min(0.5, 10 / num_rounds),
        "categorical_features": (levels > 0) & (levels <= MOST_LEVELS),
        "early_stopping": False,  # it would put rows aside, which few can spare
        "random_state": 0,
    }
