"""Recipes on scikit-learn's embedded diabetes table: 442 patients, ten measurements, one number to predict."""

from __future__ import annotations

from pellucid.recipe import DataSection, Recipe, SplitSection, TrainSection


def diabetes_mlp() -> Recipe:
    """A small net; on so few rows the linear baseline is hard to beat, and the report says so."""
    return Recipe(
        name="diabetes-mlp",
        data=DataSection(source="diabetes"),
        split=SplitSection(kind="random", validation=0.2, test=0.2),
        model={"name": "mlp", "hidden": [32], "dropout": 0.2},
        task={"name": "regress"},
        rule={
            "name": "backpropagation",
            "optimizer": {"name": "adamw", "learning_rate": 3e-3, "weight_decay": 0.1},
            "schedule": {"name": "cosine"},
        },
        train=TrainSection(epochs=60, batch_size=32, patience=15),
    )
