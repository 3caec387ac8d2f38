"""Recipes of nets with an energy and of maps: no gradient is propagated back through any of them."""

from __future__ import annotations

from pellucid.recipe import DataSection, PrepareSection, Recipe, SplitSection, TrainSection

DIGITS = DataSection(source="digits")
BINARY = PrepareSection(standardize=False, binarize=True)


def digits_rbm() -> Recipe:
    """A machine of 64 visible and 16 hidden units: small enough for its partition function to be summed exactly."""
    return Recipe(
        name="digits-rbm",
        data=DIGITS,
        split=SplitSection(validation=0.1, test=0.2),
        prepare=BINARY,
        model={"name": "rbm", "hidden": 16},
        task={"name": "density"},
        rule={
            "name": "contrastive_divergence",
            "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.5},
            "schedule": {"name": "cosine"},
        },
        train=TrainSection(epochs=400, batch_size=64, evaluate_every=400),
    )


def mnist_rbm() -> Recipe:
    """500 hidden units and 100 persistent chains, as in the papers that measure such machines."""
    return Recipe(
        name="mnist-rbm",
        data=DataSection(source="mnist"),
        split=SplitSection(kind="given", validation=5000 / 60000),
        prepare=BINARY,
        model={"name": "rbm", "hidden": 500},
        task={"name": "density"},
        rule={
            "name": "contrastive_divergence",
            "optimizer": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.5},
            "schedule": {"name": "cosine"},
        },
        # A validation anneals for seconds: ten of them are a small share of the training.
        train=TrainSection(epochs=100, batch_size=100, evaluate_every=5500),
    )


def digits_hopfield() -> Recipe:
    """One digit of each kind in 64 units. Pictures resemble one another, and Hebb's own weights lose all ten of them
    (`rule.form=outer_products` shows it); what each adds to the others can be held.
    """
    return Recipe(
        name="digits-hopfield",
        data=DIGITS,
        split=SplitSection(validation=0.1, test=0.894),  # leaves ten rows, one of each digit
        prepare=BINARY,
        model={"name": "hopfield"},
        task={"name": "recall"},
        rule={"name": "hebb", "form": "projection"},
        train=TrainSection(epochs=1, batch_size=5),
    )


def digits_som() -> Recipe:
    """100 units on a square sheet; nearly every unit ends as a digit, beside those that resemble it."""
    return Recipe(
        name="digits-som",
        data=DIGITS,
        split=SplitSection(validation=0.1, test=0.2),
        prepare=PrepareSection(standardize=False),
        model={"name": "som"},
        task={"name": "map"},
        rule={"name": "competitive"},
        train=TrainSection(epochs=40, batch_size=16),
    )
