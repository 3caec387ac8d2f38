"""Records made by hand: a run's recording as plain values, with nothing ill in it until something is changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.verdict.record import Record

RECIPE: dict[str, Any] = {
    "model": {"name": "mlp", "hidden": [32], "dropout": 0.0, "activation": "relu", "norm": "none"},
    "data": {"source": "table.csv", "kind": "table"},
    "split": {"kind": "stratified"},
    "task": {"name": "classify", "label_smoothing": 0.0, "class_weights": "none"},
    "rule": {
        "name": "backpropagation",
        "optimizer": {"name": "adam", "learning_rate": 0.001, "weight_decay": 0.0},
        "clip": None,
    },
    "train": {"epochs": 10, "batch_size": 64, "keep": "best"},
    "prepare": {"standardize": True},
}


def score(value: float, half: float, n: int = 200) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half, "n": n, "interval": "bootstrap"}


def record(validation: list[float] | None = None, training: list[float] | None = None, **changed: Any) -> Record:
    """A classifier's run of ten epochs: validation losses, and training losses of ten lines."""
    losses = validation or list(0.3 + 0.4 * np.exp(-np.arange(10.0)))
    learned = training or list(0.25 + 0.4 * np.exp(-np.arange(10.0)))
    lines: list[dict[str, Any]] = []
    for place, (loss, held) in enumerate(zip(learned, losses, strict=True)):
        step = 10 * (place + 1)
        lines.append(
            {
                "kind": "train",
                "step": step,
                "loss": loss,
                "gradient_norm": 0.5,
                "gradient_norms": [0.2, 0.1, 0.3, 0.1],
                "update_ratios": [4e-3, 1e-2, 3e-3, 1e-2],
            }
        )
        lines.append(
            {
                "kind": "validation",
                "step": step,
                "epoch": place + 1.0,
                "metrics": {"accuracy": 0.85, "log_loss": held},
                "best": held == min(losses[: place + 1]),
            }
        )
    result = {
        "primary": "accuracy",
        "directions": {"accuracy": "max", "log_loss": "min"},
        "metrics": {"accuracy": score(0.85, 0.04), "log_loss": score(min(losses), 0.05)},
        "baselines": {
            "majority": {"accuracy": score(0.5, 0.05), "log_loss": score(0.693, 0.01)},
            "linear": {"accuracy": score(0.8, 0.05), "log_loss": score(0.5, 0.05)},
        },
        "class_names": ["no", "yes"],
    }
    values: dict[str, Any] = {
        "run": "runs/made",
        "recipe": RECIPE,
        "result": result,
        "lines": lines,
        "fitted": {"metrics": {"accuracy": score(0.87, 0.02), "log_loss": score(0.28, 0.03)}, "units": {}},
        "parameter_names": ["hidden.weight", "hidden.bias", "output.weight", "output.bias"],
    }
    return Record(**{**values, **changed})
