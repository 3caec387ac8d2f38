"""Baselines over rows: what needs no deep learning. A net that does not beat them has learned nothing worth its cost.

Fitted by scikit-learn on the same prepared training rows, judged by the same task on the same part:
the majority class (or the mean), a linear model (softmax regression or ridge, L2), and five nearest neighbours; of
tables gradient-boosted trees too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.data.batch import tensor_of
from pellucid.data.rows import Rows
from pellucid.data.world import World
from pellucid.randomness import derive
from pellucid.tasks import trees
from pellucid.tasks.rows import RowsLook, RowTask, of_rows
from pellucid.tasks.score import Score
from pellucid.tasks.task import PerRow

NEIGHBOURS = 5
# Work above which a baseline is fitted on a sample of the training rows, and says so.
MAX_LINEAR = 2e8  # rows x features
MAX_NEIGHBOUR = 4e11  # training rows x judged rows x features
MAX_TREES = 5e8  # rows x features x trees

Inputs = Callable[[NDArray[np.int64]], NDArray[Any]]
"""Prepared training inputs at some places of the training part, `[places, features]`: only what a baseline is fitted on
is ever held."""


def fit_and_judge(
    task: RowTask, world: World, part: str, quantile: float | None = None
) -> dict[str, tuple[Mapping[str, Score], int]]:
    """Return each baseline's scores on a part, and the number of rows that it was fitted on.

    Args:
        quantile: which one is predicted of a number, where that is not the mean.
    """
    world = of_rows(world)
    rows = world.rows("train")
    judged = world.take(world.rows(part))
    y, targets = prepared_targets(world, "train"), judged["target"].cpu().numpy()
    new = judged["input"].flatten(1).cpu().numpy()

    def taken(places: NDArray[np.int64]) -> NDArray[Any]:
        return world.take(rows[torch.from_numpy(places)])["input"].flatten(1).cpu().numpy()

    def scored(predictions: Mapping[str, tuple[PerRow, int]]) -> dict[str, tuple[Mapping[str, Score], int]]:
        looks = {
            name: RowsLook(part, world.rows(part).numpy(), told, targets, task, world)
            for name, (told, _) in predictions.items()
        }
        return {name: (look.all_scores, predictions[name][1]) for name, look in looks.items()}

    inputs: Inputs = taken
    spec = world.spec.target
    assert spec is not None
    if world.spec.input.kind == "tokens":
        X, new = term_weights(inputs(np.arange(len(y))), new, len(world.spec.input.categories))
        if spec.kind == "category":
            return scored(_document_classifiers(X, y, new, len(spec.categories)))
        inputs = X.__getitem__
    is_table = world.columns.schema["input"].kind == "number" and world.columns.dense("input").ndim == 2
    if spec.kind == "category":
        told = _classifiers(inputs, y, new, len(spec.categories))
        if is_table:
            told["boosted_trees"] = _tree_classifier(world, part, y, len(spec.categories))
        return scored(told)
    found = _regressors(inputs, y, new, quantile)
    if is_table:
        found["boosted_trees"] = _tree_regressor(world, part, y, quantile)
    mean, std = np.array(spec.mean or (0.0,)), np.array(spec.std or (1.0,))
    return scored({name: ({"number": numbers * std + mean}, num) for name, (numbers, num) in found.items()})


def prepared_targets(world: Rows, part: str) -> NDArray[Any]:
    """Return the targets of a part as batches hold them, without their inputs."""
    raw = tensor_of(world.columns.dense("target")[world.rows(part).numpy()]).to(world.device)
    prepared: NDArray[Any] = world.preprocessing.apply("target", raw).cpu().numpy()
    return prepared


def term_weights(X: NDArray[Any], new: NDArray[Any], num_tokens: int) -> tuple[Any, Any]:
    """Return how often each known token occurs in documents, weighted by how few training ones have it (tf-idf)."""
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


def _classifiers(inputs: Inputs, y: NDArray[Any], new: NDArray[Any], num_classes: int) -> dict[str, tuple[PerRow, int]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    shares = np.bincount(y, minlength=num_classes) / len(y)
    majority = np.tile(shares, (len(new), 1))
    sample = _with_every_class(some_places(len(y), MAX_LINEAR / new.shape[1]), y)
    near = some_places(len(y), MAX_NEIGHBOUR / new.size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 50 steps are a baseline whether or not they converge
        linear = LogisticRegression(C=1.0, max_iter=50).fit(inputs(sample), y[sample])
    neighbours = KNeighborsClassifier(min(NEIGHBOURS, len(near))).fit(inputs(near), y[near])
    votes = neighbours.predict_proba(new) * neighbours.n_neighbors
    results = {
        "majority": (majority, len(y)),
        "linear": (_all_classes(linear.predict_proba(new), linear.classes_, num_classes), len(sample)),
        # One more vote shared by all classes: no class is impossible because five rows lacked it
        "k_nearest": (
            (_all_classes(votes, neighbours.classes_, num_classes) + 1 / num_classes) / (neighbours.n_neighbors + 1),
            len(near),
        ),
    }
    return {name: (_per_row(shares), rows) for name, (shares, rows) in results.items()}


def _regressors(
    inputs: Inputs, y: NDArray[Any], new: NDArray[Any], quantile: float | None
) -> dict[str, tuple[NDArray[Any], int]]:
    """A constant, ridge regression and nearest neighbours, each for the mean or, of what it leaves over, a quantile."""
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor

    def middle(values: NDArray[Any], axis: int) -> NDArray[Any]:
        found: NDArray[Any] = values.mean(axis) if quantile is None else np.quantile(values, quantile, axis)
        return found

    sample, near = some_places(len(y), MAX_LINEAR / new.shape[1]), some_places(len(y), MAX_NEIGHBOUR / new.size)
    neighbours = KNeighborsRegressor(min(NEIGHBOURS, len(near))).fit(inputs(near), y[near])
    X = inputs(sample)
    linear = Ridge(alpha=1.0).fit(X, y[sample])
    shape = (new.shape[0], y.shape[1])
    left_over = 0.0 if quantile is None else middle(y[sample] - linear.predict(X).reshape(len(X), -1), 0)
    nearest = neighbours.kneighbors(new, return_distance=False)  # (rows, neighbours)
    return {
        "mean" if quantile is None else "quantile": (np.tile(middle(y, 0), (new.shape[0], 1)), len(y)),
        "linear": (linear.predict(new).reshape(shape) + left_over, len(sample)),
        "k_nearest": (middle(y[near][nearest], 1), len(near)),
    }


def _tree_classifier(world: Rows, part: str, y: NDArray[Any], num_classes: int) -> tuple[PerRow, int]:
    places = _with_every_class(_sample_for_trees(world, trees.outputs_of(num_classes)), y)
    X, new, levels = _at_rest(world, "train", places), _at_rest(world, part), _levels(world)
    found = trees.shares(X, y[places], new, levels, num_classes)
    return _per_row(_all_classes(found, np.unique(y), num_classes)), len(places)


def _tree_regressor(world: Rows, part: str, y: NDArray[Any], quantile: float | None) -> tuple[NDArray[Any], int]:
    places = _sample_for_trees(world, y.shape[1])
    X, new, levels = _at_rest(world, "train", places), _at_rest(world, part), _levels(world)
    return trees.numbers(X, y[places], new, levels, quantile), len(places)


def _sample_for_trees(world: Rows, outputs: int) -> NDArray[np.int64]:
    features = len(_levels(world))
    return some_places(world.size("train"), MAX_TREES / (features * outputs * trees.rounds(features, outputs)))


def _at_rest(world: Rows, part: str, places: NDArray[np.int64] | None = None) -> NDArray[Any]:
    """Rows of a table as they were read, `[rows, features]`: NaN where a value is missing."""
    rows = world.rows(part).numpy()
    values: NDArray[Any] = world.columns.dense("input")[rows if places is None else rows[places]]
    return values


def _levels(world: Rows) -> NDArray[np.int64]:
    """How many values each feature of a table has that is a category; 0 of a number."""
    raw = world.columns.schema["input"]
    return np.array([len(feature.levels) for feature in raw.features] or [0] * raw.size)


def some_places(num_rows: int, most: float) -> NDArray[np.int64]:
    """Return all places, or `most` of them at random where that would be too much work."""
    if num_rows <= most:
        return np.arange(num_rows)
    return np.sort(np.random.default_rng(derive(0, "baselines")).permutation(num_rows)[: max(100, int(most))])


def _with_every_class(places: NDArray[np.int64], y: NDArray[Any]) -> NDArray[np.int64]:
    """A sample with one row of each class that chance left out: a linear model of one class cannot be fitted."""
    classes, first = np.unique(y, return_index=True)
    return np.union1d(places, first[~np.isin(classes, y[places])])


def _all_classes(values: NDArray[Any], present: NDArray[Any], num_classes: int) -> NDArray[Any]:
    """Columns for every class, zero where a sample of the rows lacked it."""
    full = np.zeros((len(values), num_classes))
    full[:, present] = values
    return full
