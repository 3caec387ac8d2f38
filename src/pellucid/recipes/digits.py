"""Recipes on scikit-learn's embedded digits: 1,797 images of 8x8, nothing to fetch."""

from __future__ import annotations

from pellucid.recipe import DataSection, PrepareSection, Recipe, SplitSection, TrainSection

DATA = DataSection(source="digits")
SPLIT = SplitSection(validation=0.1, test=0.2)


def digits() -> Recipe:
    """A small convolutional net: the first thing that a newcomer runs."""
    return Recipe(
        name="digits",
        data=DATA,
        split=SPLIT,
        model={"name": "convnet", "dropout": 0.3},
        task={"name": "classify", "label_smoothing": 0.1},
        rule={
            "name": "backpropagation",
            "optimizer": {"name": "adamw", "learning_rate": 3e-3, "weight_decay": 1e-2},
            "schedule": {"name": "one_cycle"},
        },
        train=TrainSection(epochs=40, batch_size=64),
    )


def digits_softmax() -> Recipe:
    """Softmax regression with L2 in the loss, full batch, to the optimum: it equals scikit-learn's solution."""
    return Recipe(
        name="digits-softmax",
        data=DATA,
        split=SPLIT,
        prepare=PrepareSection(standardize=False),
        model={"name": "linear"},
        task={"name": "classify"},
        # 1,259 training rows: C = 1 / (rows * weight_decay) is about 1 in scikit-learn's terms
        rule={"name": "backpropagation", "optimizer": {"name": "lbfgs", "weight_decay": 8e-4}},
        train=TrainSection(steps=300, batch_size="all", keep="last"),
    )


def digits_mlp() -> Recipe:
    """One hidden layer of 128 units."""
    return Recipe(
        name="digits-mlp",
        data=DATA,
        split=SPLIT,
        model={"name": "mlp", "hidden": [128]},
        task={"name": "classify"},
        rule={"name": "backpropagation", "optimizer": {"name": "adam", "learning_rate": 2e-3}},
        train=TrainSection(epochs=30, batch_size=64),
    )


def digits_perceptron() -> Recipe:
    """Rosenblatt's rule, row by row."""
    return Recipe(
        name="digits-perceptron",
        data=DATA,
        split=SPLIT,
        prepare=PrepareSection(standardize=False),
        model={"name": "perceptron"},
        task={"name": "classify"},
        rule={"name": "perceptron"},
        train=TrainSection(epochs=10, batch_size=1),
    )


def digits_dcgan() -> Recipe:
    """An adversarial pair, small enough to be trained in seconds; judged by the features of `digits-mlp`."""
    return Recipe(
        name="digits-dcgan",
        data=DATA,
        split=SPLIT,
        prepare=PrepareSection(standardize=False),
        model={"name": "dcgan", "latent": 16, "width": 32},
        task={"name": "generate", "features": "digits-mlp"},
        rule={
            "name": "adversarial",
            "generator": {"optimizer": {"learning_rate": 1e-3}, "ema": 0.99},
            "discriminator": {"optimizer": {"learning_rate": 1e-3}},
        },
        train=TrainSection(epochs=60, batch_size=64, evaluate_every=100),
    )
