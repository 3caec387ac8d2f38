"""Recipes on MNIST: of 60,000 training rows 5,000 validate; the 10,000 test rows are those that were published."""

from __future__ import annotations

from typing import Any

from pellucid.recipe import DataSection, ExecutionSection, PrepareSection, Recipe, Section, SplitSection, TrainSection


def _recipe(
    name: str, model: Section, rule: dict[str, Any], epochs: int, batch_size: int = 128, label_smoothing: float = 0.0
) -> Recipe:
    return Recipe(
        name=name,
        data=DataSection(source="mnist"),
        split=SplitSection(kind="given", validation=5000 / 60000),
        model=model,
        task={"name": "classify", "label_smoothing": label_smoothing},
        rule={"name": "backpropagation", **rule},
        train=TrainSection(epochs=epochs, batch_size=batch_size),
    )


def mnist_softmax() -> Recipe:
    """Softmax regression."""
    optimizer = {"name": "adam", "learning_rate": 1e-3}
    return _recipe(
        "mnist-softmax", {"name": "linear"}, {"optimizer": optimizer, "schedule": {"name": "cosine"}}, epochs=10
    )


def mnist_mlp() -> Recipe:
    """Two hidden layers with dropout."""
    model = {"name": "mlp", "hidden": [512, 256], "dropout": 0.3}
    optimizer = {"name": "adamw", "learning_rate": 2e-3, "weight_decay": 1e-2}
    rule = {"optimizer": optimizer, "schedule": {"name": "one_cycle"}}
    return _recipe("mnist-mlp", model, rule, epochs=12, label_smoothing=0.1)


def mnist_lenet5() -> Recipe:
    """LeNet-5 with ReLU, max pooling and full connections."""
    optimizer = {"name": "adamw", "learning_rate": 4e-3, "weight_decay": 1e-2}
    rule = {"optimizer": optimizer, "schedule": {"name": "one_cycle"}, "ema": 0.99}
    return _recipe("mnist-lenet5", {"name": "lenet5", "form": "modern"}, rule, epochs=5, batch_size=64)


def mnist_lenet5_1998() -> Recipe:
    """LeNet-5 with tanh, trained average pooling and the published connection table."""
    optimizer = {"name": "adamw", "learning_rate": 4e-3, "weight_decay": 1e-2}
    rule = {"optimizer": optimizer, "schedule": {"name": "one_cycle"}}
    return _recipe("mnist-lenet5-1998", {"name": "lenet5", "form": "1998"}, rule, epochs=5, batch_size=64)


def mnist_resnet() -> Recipe:
    """A residual net of 8 layers."""
    optimizer = {"name": "adamw", "learning_rate": 4e-3, "weight_decay": 1e-2}
    rule = {"optimizer": optimizer, "schedule": {"name": "one_cycle"}}
    return _recipe("mnist-resnet", {"name": "resnet", "depth": 8}, rule, epochs=3)


def mnist_dcgan() -> Recipe:
    """An adversarial pair, judged by the features of `mnist-lenet5`."""
    return Recipe(
        name="mnist-dcgan",
        data=DataSection(source="mnist"),
        split=SplitSection(kind="given", validation=5000 / 60000),
        prepare=PrepareSection(standardize=False),
        model={"name": "dcgan", "latent": 64, "width": 64},
        task={"name": "generate", "features": "mnist-lenet5"},
        rule={"name": "adversarial", "generator": {"ema": 0.99}},
        train=TrainSection(epochs=10, batch_size=64),
        execution=ExecutionSection(precision="bf16"),
    )
