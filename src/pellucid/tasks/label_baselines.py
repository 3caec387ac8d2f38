"""Baselines of multi-label classification, fitted by scikit-learn on the same prepared training rows.

Each label's share of the rows, a linear model of each label against the rest (logistic regression, L2), and the votes
of five nearest neighbours.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.data.world import World
from pellucid.tasks import baselines
from pellucid.tasks.rows import RowsLook, RowTask, of_rows
from pellucid.tasks.score import Score

NEIGHBOURS = baselines.NEIGHBOURS


def fit_and_judge(
    task: RowTask, threshold: float, world: World, part: str
) -> dict[str, tuple[Mapping[str, Score], int]]:
    """Return each baseline's scores on a part, and the number of rows that it was fitted on.

    Args:
        threshold: the probability from which a row is said to have a label.
    """
    world = of_rows(world)
    rows = world.rows("train")
    judged = world.take(world.rows(part))
    y = baselines.prepared_targets(world, "train") > 0.5  # (rows, labels)
    truth, new = judged["target"].cpu().numpy(), judged["input"].flatten(1).cpu().numpy()

    def inputs(places: NDArray[np.int64]) -> NDArray[Any]:
        return world.take(rows[torch.from_numpy(places)])["input"].flatten(1).cpu().numpy()

    everyone = np.arange(len(y))
    found = {"label_shares": (np.tile(_shares(y.sum(axis=0), len(y)), (len(new), 1)), len(y))}
    if world.spec.input.kind == "tokens":
        X, weighted = baselines.term_weights(inputs(everyone), new, len(world.spec.input.categories))
        found["tfidf"] = _one_against_the_rest(X, y, weighted, strength=4.0), len(y)
    else:
        sample = baselines.some_places(len(y), baselines.MAX_LINEAR / (new.shape[1] * y.shape[1]))
        near = baselines.some_places(len(y), baselines.MAX_NEIGHBOUR / new.size)
        found["linear"] = _one_against_the_rest(inputs(sample), y[sample], new, strength=1.0), len(sample)
        found["k_nearest"] = _neighbours(inputs(near), y[near], new), len(near)
    scored: dict[str, tuple[Mapping[str, Score], int]] = {}
    for name, (told, num) in found.items():
        predictions = {"log_odds": np.log(told) - np.log1p(-told), "has": told >= threshold}
        look = RowsLook(part, world.rows(part).numpy(), predictions, truth, task, world)
        scored[name] = look.all_scores, num
    return scored


def _shares(having: NDArray[Any], rows: int) -> NDArray[np.float64]:
    """Shares of rows, with half a row more on each side: no label is impossible, and none certain."""
    shares: NDArray[np.float64] = (having + 0.5) / (rows + 1)
    return shares


def _one_against_the_rest(X: Any, y: NDArray[np.bool_], new: Any, strength: float) -> NDArray[np.float64]:
    """Probabilities `[new rows, labels]`; a label that every row has, or none, keeps its share."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    told = np.tile(_shares(y.sum(axis=0), len(y)), (new.shape[0], 1))
    smallest = np.finfo(np.float64).eps
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 50 steps are a baseline whether or not they converge
        for place, having in enumerate(y.T):
            if 0 < having.sum() < len(having):
                fitted = LogisticRegression(C=strength, max_iter=50).fit(X, having)
                told[:, place] = np.clip(fitted.predict_proba(new)[:, 1], smallest, 1 - smallest)
    return told


def _neighbours(X: NDArray[Any], y: NDArray[np.bool_], new: NDArray[Any]) -> NDArray[np.float64]:
    """The share of the nearest training rows that have each label."""
    from sklearn.neighbors import NearestNeighbors

    num = min(NEIGHBOURS, len(X))
    nearest = NearestNeighbors(n_neighbors=num).fit(X).kneighbors(new, return_distance=False)  # (new rows, num)
    return _shares(y[nearest].sum(axis=1), num)
