"""Baselines: what needs no deep learning. A net that does not beat them has learned nothing worth its cost.

Fitted by scikit-learn on the same prepared training rows, judged by the same task on the same part:
the majority class (or the mean), a linear model (softmax regression or ridge, L2), and five nearest neighbours.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.world import World
from pellucid.evaluation.intervals import with_intervals
from pellucid.randomness import derive
from pellucid.rundir import write_atomically
from pellucid.tasks.task import PerRow, Task

VERSION = 1
NEIGHBOURS = 5
# Work above which a baseline is fitted on a sample of the training rows, and says so.
MAX_LINEAR = 2e8  # rows x features
MAX_NEIGHBOUR = 4e11  # training rows x judged rows x features


def run(task: Task, world: World, part: str, resamples: int) -> dict[str, dict[str, Any]]:
    """Return each baseline's scores with intervals; kept by content, so the same question is answered once."""
    question = (
        VERSION,
        importlib.metadata.version("scikit-learn"),
        world.columns.hash,
        world.split.hash,
        world.preprocessing.to_dict(),
        part,
        task.primary,
        resamples,
    )
    path = _cache() / f"{hashlib.sha256(json.dumps(question).encode()).hexdigest()}.json"
    try:
        kept: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    except (OSError, ValueError):
        pass
    results = _fit_and_judge(task, world, part, resamples)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(results).encode())
    except OSError:
        pass  # a cache that cannot be written costs time only
    return results


def _cache() -> Path:
    home = os.environ.get("PELLUCID_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "pellucid" / "baselines"


def _fit_and_judge(task: Task, world: World, part: str, resamples: int) -> dict[str, dict[str, Any]]:
    train = world.take(world.rows("train"))
    judged = world.take(world.rows(part))
    X, y = (
        train[name].flatten(1).cpu().numpy() if name == "input" else train[name].cpu().numpy()
        for name in ("input", "target")
    )
    new = judged["input"].flatten(1).cpu().numpy()
    targets = judged["target"].cpu().numpy()
    spec = world.spec.target
    assert spec is not None
    if spec.kind == "category":
        predictions = _classifiers(X, y, new, len(spec.categories))
    else:
        mean, std = np.array(spec.mean or (0.0,)), np.array(spec.std or (1.0,))
        predictions = {
            name: ({"number": numbers * std + mean}, rows) for name, (numbers, rows) in _regressors(X, y, new).items()
        }
    results = {}
    for name, (predicted, rows) in predictions.items():
        results[name] = with_intervals(task.scores(predicted, targets), resamples)
        for score in results[name].values():
            score["fitted_on"] = rows
    return results


def _classifiers(
    X: NDArray[Any], y: NDArray[Any], new: NDArray[Any], num_classes: int
) -> dict[str, tuple[PerRow, int]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    shares = np.bincount(y, minlength=num_classes) / len(y)
    majority = np.tile(shares, (len(new), 1))
    sample, near = _sample(len(X), MAX_LINEAR / X.shape[1]), _sample(len(X), MAX_NEIGHBOUR / new.size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 50 steps are a baseline whether or not they converge
        linear = LogisticRegression(C=1.0, max_iter=50).fit(X[sample], y[sample])
    neighbours = KNeighborsClassifier(min(NEIGHBOURS, len(near))).fit(X[near], y[near])
    votes = neighbours.predict_proba(new) * neighbours.n_neighbors
    results = {
        "majority": (majority, len(X)),
        "linear": (_all_classes(linear.predict_proba(new), linear.classes_, num_classes), len(sample)),
        # One more vote shared by all classes: no class is impossible because five rows lacked it
        "k_nearest": (
            (_all_classes(votes, neighbours.classes_, num_classes) + 1 / num_classes) / (neighbours.n_neighbors + 1),
            len(near),
        ),
    }
    tiny = np.finfo(np.float64).tiny
    return {
        name: ({"log_probability": np.log(np.maximum(p, tiny)), "class": p.argmax(axis=1)}, rows)
        for name, (p, rows) in results.items()
    }


def _regressors(X: NDArray[Any], y: NDArray[Any], new: NDArray[Any]) -> dict[str, tuple[NDArray[Any], int]]:
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor

    near = _sample(len(X), MAX_NEIGHBOUR / new.size)
    neighbours = KNeighborsRegressor(min(NEIGHBOURS, len(near))).fit(X[near], y[near])
    shape = (len(new), y.shape[1])
    return {
        "mean": (np.tile(y.mean(axis=0), (len(new), 1)), len(X)),
        "linear": (Ridge(alpha=1.0).fit(X, y).predict(new).reshape(shape), len(X)),
        "k_nearest": (neighbours.predict(new).reshape(shape), len(near)),
    }


def _sample(rows: int, most: float) -> NDArray[np.int64]:
    """All places, or `most` of them at random where that would be too much work."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(derive(0, "baselines")).permutation(rows)[: max(100, int(most))])


def _all_classes(values: NDArray[Any], present: NDArray[Any], num_classes: int) -> NDArray[Any]:
    """Columns for every class, zero where a sample of the rows lacked it."""
    full = np.zeros((len(values), num_classes))
    full[:, present] = values
    return full
