"""Baselines over rows: what needs no deep learning. A net that does not beat them has learned nothing worth its cost.

Fitted by scikit-learn on the same prepared training rows, judged by the same task on the same part:
the majority class (or the mean), a linear model (softmax regression or ridge, L2), and five nearest neighbours.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.world import World
from pellucid.randomness import derive
from pellucid.tasks.rows import RowTask, of_rows
from pellucid.tasks.task import PerRow, Score

NEIGHBOURS = 5
# Work above which a baseline is fitted on a sample of the training rows, and says so.
MAX_LINEAR = 2e8  # rows x features
MAX_NEIGHBOUR = 4e11  # training rows x judged rows x features


def fit_and_judge(task: RowTask, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
    """Return each baseline's scores on a part, and the number of rows that it was fitted on."""
    world = of_rows(world)
    train = world.take(world.rows("train"))
    judged = world.take(world.rows(part))
    X, y = (
        train[name].flatten(1).cpu().numpy() if name == "input" else train[name].cpu().numpy()
        for name in ("input", "target")
    )
    new = judged["input"].flatten(1).cpu().numpy()
    if world.spec.input.kind == "tokens":
        X, new = _term_weights(X, new, len(world.spec.input.categories))
    targets = judged["target"].cpu().numpy()
    spec = world.spec.target
    assert spec is not None
    if spec.kind == "category":
        of = _document_classifiers if world.spec.input.kind == "tokens" else _classifiers
        predictions = of(X, y, new, len(spec.categories))
    else:
        mean, std = np.array(spec.mean or (0.0,)), np.array(spec.std or (1.0,))
        predictions = {
            name: ({"number": numbers * std + mean}, rows) for name, (numbers, rows) in _regressors(X, y, new).items()
        }
    return {name: (task.scores(predicted, targets), rows) for name, (predicted, rows) in predictions.items()}


def _term_weights(X: NDArray[Any], new: NDArray[Any], num_tokens: int) -> tuple[Any, Any]:
    """Documents as how often each known token occurs, weighted by how few training documents have it (tf-idf)."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfTransformer

    def counts(tokens: NDArray[Any]) -> Any:
        rows, places = np.nonzero(tokens > 1)  # neither padding nor unknown
        shape = (len(tokens), num_tokens)
        return csr_matrix((np.ones(len(rows)), (rows, tokens[rows, places])), shape)

    weights = TfidfTransformer(sublinear_tf=True).fit(counts(X))
    return weights.transform(counts(X)), weights.transform(counts(new))


def _document_classifiers(X: Any, y: NDArray[Any], new: Any, num_classes: int) -> dict[str, tuple[PerRow, int]]:
    """The largest class, and softmax regression on the weighted tokens."""
    from sklearn.linear_model import LogisticRegression

    rows = X.shape[0]
    linear = LogisticRegression(C=4.0, max_iter=200).fit(X, y)
    majority = np.tile(np.bincount(y, minlength=num_classes) / len(y), (new.shape[0], 1))
    found = {"majority": majority, "tfidf": _all_classes(linear.predict_proba(new), linear.classes_, num_classes)}
    return {name: (_per_row(shares), rows) for name, shares in found.items()}


def _per_row(shares: NDArray[Any]) -> PerRow:
    """Probabilities `[rows, classes]` as a task judges them."""
    return {
        "log_probability": np.log(np.maximum(shares, np.finfo(np.float64).tiny)),
        "class": shares.argmax(axis=1),
    }


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
    return {name: (_per_row(shares), rows) for name, (shares, rows) in results.items()}


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
