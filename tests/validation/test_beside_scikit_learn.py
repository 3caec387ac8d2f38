"""Cross-validation gives what scikit-learn's `cross_validate` gives of a plain torch loop, fold by fold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_validate
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn.functional import cross_entropy

import pellucid
from pellucid import models
from pellucid.data.arrays import from_parts
from pellucid.data.folds import folds
from pellucid.proposals.arrays import on_arrays
from pellucid.randomness import permutation
from pellucid.spec import Field, Spec
from pellucid.verbs import recipe_of

EPOCHS, BATCH, RATE, WIDTH, SEED = 4, 32, 0.05, 16, 3
SETTINGS = {
    "model.name": "mlp",
    "model.hidden": [WIDTH],
    "rule.optimizer.name": "sgd",
    "rule.optimizer.learning_rate": RATE,
    "rule.optimizer.momentum": 0.9,
    "train.epochs": EPOCHS,
    "train.batch_size": BATCH,
    "train.keep": "last",
    "split.validation": 0,
    "split.test": 0.2,
    "split.kind": "stratified",
    "seed": SEED,
    "evaluate.baselines": False,
    "execution.threads": 1,
    "execution.variant": "eager",
}


class Wrapped(ClassifierMixin, BaseEstimator):
    """A hand-written loop: standardise, momentum, batches cut evenly from a permutation per epoch."""

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> Wrapped:
        self.classes_ = np.unique(y)
        self.scaler_ = StandardScaler().fit(X.astype(np.float64))
        inputs, target = self._prepared(X), torch.from_numpy(y)
        spec = Spec(Field("number", (X.shape[1],)), Field("category", categories=tuple(map(str, self.classes_))))
        config = {"name": "mlp", "hidden": [WIDTH]}
        self.net_ = models.build(config, spec, seed=SEED, sample=lambda: inputs[:256])
        parameters = [p for p in self.net_.parameters() if isinstance(p, nn.Parameter)]
        velocities = [torch.zeros_like(p) for p in parameters]
        for epoch in range(EPOCHS):
            for rows in permutation(len(inputs), SEED, epoch).tensor_split(-(-len(inputs) // BATCH)):
                loss = cross_entropy(self.net_(inputs[rows]), target[rows])
                gradients = torch.autograd.grad(loss, parameters)
                with torch.no_grad():
                    for p, velocity, gradient in zip(parameters, velocities, gradients, strict=True):
                        p -= RATE * velocity.mul_(0.9).add_(gradient)
        return self

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        with torch.no_grad():
            return self.classes_[self.net_(self._prepared(X)).argmax(1).numpy()]

    def _prepared(self, X: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(self.scaler_.transform(X.astype(np.float64)).astype(np.float32))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> pellucid.CrossValidation:
    X, y = load_breast_cancer(return_X_y=True)
    out = tmp_path_factory.mktemp("crossval") / "out"
    return pellucid.crossval("digits-mlp", SETTINGS, data=(X, y), folds=4, out=out, report=False, quiet=True)


def test_each_fold_scores_what_cross_validate_scores(found: pellucid.CrossValidation) -> None:
    X, y = load_breast_cancer(return_X_y=True)
    columns = from_parts({"train": (X, y)}, "classify")
    recipe = on_arrays(recipe_of("digits-mlp", SETTINGS), columns)
    dealt = [(fold.parts["train"], fold.parts["validation"]) for fold in folds(recipe.split, columns, 4)]
    reference = cross_validate(
        Wrapped(), X, y, cv=dealt, scoring=["accuracy", "balanced_accuracy"], return_estimator=True
    )
    theirs = np.zeros(len(y), y.dtype)
    for net, (_, fold) in zip(reference["estimator"], dealt, strict=True):
        theirs[fold] = net.predict(X[fold])
    ours = polars.read_csv(found.predictions)
    assert (ours["prediction"].to_numpy() == theirs[ours["row"].to_numpy()]).mean() >= 0.995
    for metric in ("accuracy", "balanced_accuracy"):
        each = [fold[metric] for fold in found.result["folds"]]
        assert each == pytest.approx(reference[f"test_{metric}"], abs=0.011)  # one row of a fold
        assert found.metrics[metric] == pytest.approx(reference[f"test_{metric}"].mean(), abs=0.003)


def test_the_net_is_worth_comparing(found: pellucid.CrossValidation) -> None:
    """Both could agree by having learned nothing."""
    assert found.metrics["accuracy"] > 0.93


def test_every_row_outside_the_test_part_is_judged_once(found: pellucid.CrossValidation) -> None:
    judged = polars.read_csv(found.predictions)["row"].to_list()
    assert len(set(judged)) == len(judged) == 569 - 114
    assert judged == sorted(judged)
    assert Path(found.folder / "results/crossval.json").exists()
