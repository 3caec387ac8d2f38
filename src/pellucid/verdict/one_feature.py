"""One feature that tells the target alone, by a rule of a few cuts: it is made from the target, or a record of it.

S. Kaufman, S. Rosset, C. Perlich, O. Stitelman, "Leakage in Data Mining", 2012, doi:10.1145/2382577.2382579. R. Holte,
"Very simple classification rules perform well on most commonly used datasets", 1993, on how far one feature goes alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.evaluation.intervals import wilson

ALONE = 0.98
"""Of what one feature explains: the lower end of the share of rows it gets right, or its share of the variance."""
SCREENED = 8
"""Features that are looked at closely: those that vary most between the classes, or with the number."""
LEAVES_PER_CLASS = 2
"""Intervals of one feature that a rule may tell a class by."""
FEWEST = 20
"""Rows of each part below which nothing is said."""


def strongest(X: NDArray[Any], y: NDArray[Any], new: NDArray[Any], truth: NDArray[Any]) -> tuple[int, float]:
    """Return the feature that explains most by itself, and what: the share of rows that it surely gets right, or of
    the variance of numbers.

    Args:
        X, y: training rows, `[rows, features]`, and their targets; fractions are numbers, all else are classes.
        new, truth: validation rows.
    """
    best, place = -math.inf, 0
    if min(len(X), len(new)) < FEWEST:
        return place, 0.0
    classes = not np.issubdtype(y.dtype, np.floating)
    for feature in _screen(X, y, classes):
        share = _explains(X[:, feature], y, new[:, feature], truth, classes)
        if share > best:
            best, place = share, int(feature)
    return place, best


def _screen(X: NDArray[Any], y: NDArray[Any], classes: bool) -> NDArray[np.int64]:
    """The features that look most telling by themselves, by how much of their ranks' variance the target explains."""
    from scipy.stats import rankdata

    ranks = rankdata(X, axis=0)
    ranks -= ranks.mean(axis=0)
    total = np.maximum((ranks * ranks).sum(axis=0), 1e-12)
    if classes:
        explained = np.zeros(X.shape[1])
        for label in np.unique(y):
            mine = ranks[y == label]
            explained += len(mine) * mine.mean(axis=0) ** 2
    else:
        target = rankdata(y)
        target -= target.mean()
        explained = (ranks * target[:, None]).sum(axis=0) ** 2 / max(float((target * target).sum()), 1e-12)
    return np.argsort(-explained / total, kind="stable")[:SCREENED]


def _explains(x: NDArray[Any], y: NDArray[Any], new: NDArray[Any], truth: NDArray[Any], classes: bool) -> float:
    """What a few cuts of one feature explain: the worse of what they do for training and for validation rows."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if classes:
        leaves = LEAVES_PER_CLASS * len(np.unique(y))
        rule = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(x[:, None], y)
        right = int((rule.predict(new[:, None]) == truth).sum() + (rule.predict(x[:, None]) == y).sum())
        return wilson(right, len(truth) + len(y))[0] if _reaches(rule, new, truth) else 0.0
    from sklearn.linear_model import LinearRegression

    # A straight line, and steps where that is none: a copy of the target in another unit, or rounded.
    rules = (LinearRegression(), DecisionTreeRegressor(min_samples_leaf=5, random_state=0))
    return max(float(rule.fit(x[:, None], y).score(new[:, None], truth)) for rule in rules)


def _reaches(rule: Any, new: NDArray[Any], truth: NDArray[Any]) -> bool:
    return float(rule.score(new[:, None], truth)) >= ALONE
