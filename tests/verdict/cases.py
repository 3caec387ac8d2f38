"""Runs that were made to have an illness, and runs that have none: data sets, models and tasks of many kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn import datasets
from torch import nn

import pellucid
from pellucid.verbs import Run

Rows = tuple[NDArray[Any], NDArray[Any]]


def digits(num: int = 1797, wrong: float = 0.0) -> Rows:
    """Scikit-learn's 8x8 digits, some of them with a wrong label."""
    X, y = datasets.load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    y = np.where(random.random(len(y)) < wrong, random.integers(0, 10, len(y)), y)
    return (X / 16).astype(np.float32).reshape(-1, 8, 8)[:num], y[:num]


def flat_digits(num: int = 1797, wrong: float = 0.0) -> Rows:
    """The same as rows of 64 numbers."""
    X, y = digits(num, wrong)
    return X.reshape(len(X), -1), y


def cancer() -> Rows:
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return X.astype(np.float32), y


def wine() -> Rows:
    X, y = datasets.load_wine(return_X_y=True)
    return X.astype(np.float32), y


def diabetes() -> Rows:
    X, y = datasets.load_diabetes(return_X_y=True)
    return X.astype(np.float32), (y + 0.5).astype(np.float32)  # fractions: to be regressed


def classes(**settings: Any) -> Rows:
    X, y = datasets.make_classification(**settings)
    return X.astype(np.float32), y


def numbers(made: Rows) -> Rows:
    return made[0].astype(np.float32), made[1].astype(np.float32)


def points(made: Rows) -> Rows:
    return made[0].astype(np.float32), made[1]


def several_numbers() -> Rows:
    """Three numbers to predict of each row."""
    return numbers(datasets.make_regression(900, 6, n_targets=3, noise=10.0, random_state=4))


def few_levels() -> Rows:
    """A survey: five columns of three answers each, so that many rows are alike."""
    random = np.random.default_rng(5)
    X = random.integers(0, 3, (1200, 5)).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] * X[:, 2] + random.normal(0, 0.8, 1200) > 2).astype(int)


def imbalanced() -> Rows:
    return classes(n_samples=1500, n_features=12, n_informative=6, weights=[0.9], class_sep=1.5, random_state=1)


def friedman(noise: float = 1.0) -> Rows:
    return numbers(datasets.make_friedman1(1200, noise=noise, random_state=0))


def hard() -> Rows:
    return classes(n_samples=300, n_features=40, n_informative=5, class_sep=0.6, flip_y=0.2, random_state=3)


def with_target_as_feature() -> Rows:
    X, y = cancer()
    told = (y + np.random.default_rng(0).normal(0, 0.05, len(y))).astype(np.float32)
    return np.concatenate([X, told[:, None]], axis=1), y


def with_target_in_another_unit() -> Rows:
    X, y = diabetes()
    told = 2.2 * y + np.random.default_rng(0).normal(0, 1, len(y)).astype(np.float32)
    return np.concatenate([X, told[:, None]], axis=1).astype(np.float32), y


def drawn_twice() -> Rows:
    """Rows that were oversampled before they were split."""
    X, y = classes(n_samples=400, n_features=20, n_informative=4, flip_y=0.3, random_state=2)
    places = np.r_[np.arange(400), np.random.default_rng(0).integers(0, 400, 400)]
    return X[places], y[places]


def marked_pictures() -> Rows:
    """A scanner that writes the class into a corner."""
    X, y = digits(900)
    X = X.copy()
    X[:, 0, 0] = y / 10
    return X, y


def dense(
    inputs: int, outputs: int, depth: int, unit: type[nn.Module] = nn.ReLU, *, std: float = 0.0, bias: float = 0.0
) -> nn.Module:
    """A plain net of `depth` hidden layers of 32 units, whose start may be spoilt."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Flatten()]
    for place in range(depth):
        layer = nn.Linear(inputs if place == 0 else 32, 32)
        if std:
            nn.init.normal_(layer.weight, std=std)
        if bias:
            nn.init.constant_(layer.bias, bias)
        layers += [layer, unit()]
    return nn.Sequential(*layers, nn.Linear(32, outputs))


@dataclass(frozen=True)
class Case:
    """A run to be made."""

    rows: Callable[[], Rows]
    model: str | Callable[[], nn.Module] | None = None
    epochs: int = 20
    settings: Mapping[str, Any] = field(default_factory=dict)

    def train(self, out: Path, seed: int = 0) -> Run:
        """Carry it out."""
        X, y = self.rows()
        model = self.model() if callable(self.model) else self.model
        return pellucid.fit(
            X, y, model=model, epochs=self.epochs, settings=self.settings, out=out, seed=seed, report=False, quiet=True
        )


RATE = "rule.optimizer.learning_rate"
SGD = {"rule.optimizer.name": "sgd"}

HEALTHY: dict[str, Case] = {
    "pictures, convolutions": Case(digits, epochs=10),
    "pictures, dense": Case(flat_digits, "mlp", 15),
    "table of two classes": Case(cancer),
    "178 rows": Case(wine, epochs=30, settings={RATE: 0.003}),
    "178 rows, much dropout": Case(wine, epochs=20, settings={"model.dropout": 0.5}),
    "numbers, small net": Case(diabetes, epochs=40, settings={"model.hidden": [16]}),
    "numbers, linear": Case(diabetes, "linear", 40, {RATE: 0.01}),
    "numbers, dropout and patience": Case(
        diabetes, epochs=60, settings={"model.hidden": [16], "model.dropout": 0.3, "train.patience": 8}
    ),
    "numbers, curved": Case(lambda: numbers(datasets.make_friedman2(1500, random_state=1, noise=20.0)), epochs=30),
    "numbers, 150 rows": Case(
        lambda: numbers(datasets.make_regression(150, 4, noise=5.0, random_state=2)),
        epochs=60,
        settings={"model.hidden": [32], RATE: 0.01, "train.batch_size": 16},
    ),
    "three numbers": Case(several_numbers, "linear", 40, {RATE: 0.03}),
    "unequal classes": Case(imbalanced),
    "unequal classes, weighted, dropout": Case(
        imbalanced, settings={"task.class_weights": "balanced", "model.dropout": 0.2}
    ),
    "augmented": Case(digits, epochs=12, settings={"augment": [{"name": "affine"}], "model.dropout": 0.2}),
    "label smoothing": Case(lambda: digits(600), epochs=20, settings={"task.label_smoothing": 0.05}),
    "label smoothing, dropout": Case(digits, epochs=20, settings={"task.label_smoothing": 0.1, "model.dropout": 0.3}),
    "stochastic gradient descent": Case(
        digits, epochs=15, settings={**SGD, RATE: 0.02, "rule.schedule.name": "one_cycle"}
    ),
    "softmax regression": Case(flat_digits, "linear", 20, {RATE: 0.01}),
    "a net of one's own": Case(digits, lambda: dense(64, 10, 3, nn.GELU), 25),
    "two moons": Case(
        lambda: points(datasets.make_moons(2000, noise=0.15, random_state=3)),
        epochs=60,
        settings={RATE: 0.003, "model.hidden": [64, 64]},
    ),
    "few levels": Case(few_levels, epochs=20, settings={"model.hidden": [32]}),
    "five classes, averaged weights": Case(
        lambda: classes(n_samples=1500, n_features=20, n_informative=10, n_classes=5, random_state=11),
        epochs=40,
        settings={"model.dropout": 0.3, "rule.ema": 0.99},
    ),
}
"""Nothing ails these."""

ILL: dict[str, dict[str, Case]] = {
    "overfits": {
        "300 rows, 40 features": Case(hard, epochs=60),
        "wrong labels, convolutions": Case(lambda: digits(700, 0.3), epochs=30),
        "wrong labels, dense": Case(lambda: flat_digits(400, 0.3), "mlp", 60),
        "numbers": Case(diabetes, epochs=150, settings={RATE: 0.003}),
    },
    "underfits": {
        "a line between circles": Case(
            lambda: points(datasets.make_circles(1200, noise=0.1, factor=0.5, random_state=0)),
            "linear",
            30,
            {RATE: 0.01},
        ),
        "two epochs": Case(digits, epochs=2),
        "two units": Case(flat_digits, "mlp", 40, {"model.hidden": [2]}),
        "silenced": Case(flat_digits, "mlp", 20, {"model.dropout": 0.9, "model.hidden": [16]}),
        "numbers, too briefly": Case(friedman, epochs=12, settings={"model.hidden": [64, 64]}),
    },
    "rate_too_high": {
        "adam": Case(flat_digits, "mlp", 15, {RATE: 0.3}),
        "stochastic gradient descent": Case(flat_digits, "mlp", 15, {**SGD, RATE: 1.0}),
        "numbers": Case(friedman, "mlp", 15, {RATE: 0.1}),
        "two classes": Case(cancer, "mlp", 15, {RATE: 0.3}),
    },
    "rate_too_low": {
        "adam": Case(flat_digits, "mlp", 15, {RATE: 1e-5}),
        "stochastic gradient descent": Case(flat_digits, "mlp", 15, {**SGD, RATE: 1e-4}),
        "numbers": Case(friedman, "mlp", 15, {RATE: 1e-5}),
        "two classes": Case(cancer, "mlp", 15, {RATE: 1e-5}),
    },
    "dead_units": {
        "pictures": Case(digits, lambda: dense(64, 10, 1, bias=-8.0), 10),
        "two classes": Case(cancer, lambda: dense(30, 2, 1, bias=-20.0), 15),
        "numbers": Case(friedman, lambda: dense(10, 1, 1, bias=-5.0), 15),
    },
    "vanishing_gradients": {
        "eight layers of sigmoid": Case(
            flat_digits, "mlp", 10, {"model.hidden": [64] * 8, "model.activation": "sigmoid"}
        ),
        "ten layers of sigmoid": Case(cancer, lambda: dense(30, 2, 10, nn.Sigmoid), 15),
        "a small start": Case(friedman, lambda: dense(10, 1, 10, nn.Tanh, std=0.02), 15),
    },
    "exploding_gradients": {
        "a large start": Case(digits, lambda: dense(64, 10, 8, std=1.0), 10),
        "a large start, numbers": Case(friedman, lambda: dense(10, 1, 6, std=0.8), 15),
        "a large start, small rate": Case(cancer, lambda: dense(30, 2, 8, std=1.0), 15, {RATE: 1e-4}),
        "large numbers as they are": Case(
            lambda: (diabetes()[0], diabetes()[1] * 1000.7), epochs=15, settings={"prepare.standardize": False}
        ),
    },
    "poorly_calibrated": {
        "smoothed by half": Case(digits, epochs=12, settings={"task.label_smoothing": 0.5}),
        "two moons, smoothed": Case(
            lambda: points(datasets.make_moons(1500, noise=0.2, random_state=0)),
            epochs=60,
            settings={"task.label_smoothing": 0.4, RATE: 0.005},
        ),
        "four blobs, smoothed": Case(
            lambda: points(datasets.make_blobs(900, 8, centers=4, cluster_std=4, random_state=0)),
            epochs=30,
            settings={"task.label_smoothing": 0.4, RATE: 0.01},
        ),
        "the last weights": Case(hard, epochs=60, settings={"train.keep": "last", "split.validation": 0.3}),
    },
    "suspiciously_good": {
        "the target as a feature": Case(with_target_as_feature),
        "the target in another unit": Case(with_target_in_another_unit),
        "rows drawn twice": Case(drawn_twice, epochs=30),
        "marked pictures": Case(marked_pictures, epochs=8),
    },
}
"""Made to have an illness, by its kind."""

DEEP = {"model.hidden": [32, 32, 32], "train.epochs": 4}
UNSTABLE: dict[str, tuple[str, Mapping[str, Any]]] = {
    "adam, wild": ("digits-mlp", {**DEEP, RATE: 0.1}),
    "stochastic gradient descent, wild": ("digits-mlp", {**DEEP, **SGD, RATE: 0.3}),
    "three units a layer": ("digits-mlp", {"model.hidden": [3, 3], "train.epochs": 10, RATE: 0.01}),
    "numbers, wild": ("diabetes-mlp", {"model.hidden": [32, 32, 32], "train.epochs": 6, RATE: 0.2}),
}
"""Recipes whose four seeds come to different ends."""
STEADY: dict[str, tuple[str, Mapping[str, Any]]] = {
    "digits": ("digits-mlp", {"train.epochs": 8}),
    "digits, deep": ("digits-mlp", {**DEEP, RATE: 0.003}),
    "numbers": ("diabetes-mlp", {"train.epochs": 6}),
    "numbers, brief": ("diabetes-mlp", {"train.epochs": 1, RATE: 0.003}),
}
"""Recipes whose four seeds agree, whatever else ails them."""
