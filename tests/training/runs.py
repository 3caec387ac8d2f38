"""Small runs of every recipe family, and how two runs are compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pellucid.training.bookkeeping import Bookkeeping

QUICK: dict[str, Any] = {"evaluate.baselines": False, "execution.threads": 1}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "convolutional, batch norm, one-cycle": ("digits", {"train.epochs": 2, "train.checkpoint_every": 7}),
    "dropout, moving average, clipping": (
        "digits-mlp",
        {"train.epochs": 2, "train.checkpoint_every": 5, "model.dropout": 0.3, "rule.ema": 0.9, "rule.clip": 1.0},
    ),
    "L-BFGS, full batch": ("digits-softmax", {"train.steps": 30, "train.checkpoint_every": 4}),
    "perceptron's rule": (
        "digits-perceptron",
        {"train.epochs": 3, "train.batch_size": 64, "train.checkpoint_every": 9},
    ),
    "regression, early stopping": (
        "diabetes-mlp",
        {"train.epochs": 12, "train.patience": 3, "train.checkpoint_every": 6},
    ),
    "residual, accumulation": (
        "digits",
        {
            "model.name": "resnet",
            "model.depth": 8,
            "model.width": 4,
            "train.steps": 12,
            "train.evaluate_every": 4,
            "train.checkpoint_every": 3,
            "rule.accumulate": 3,
        },
    ),
    "momentum, plateau": (
        "digits-mlp",
        {
            "rule.optimizer.name": "sgd",
            "rule.optimizer.learning_rate": 0.05,
            "rule.optimizer.momentum": 0.9,
            "rule.schedule.name": "plateau",
            "train.epochs": 3,
            "train.evaluate_every": 4,
            "train.checkpoint_every": 5,
        },
    ),
}


def outcome(run: Path) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """What two runs must agree in to the byte: every file of the artefact, and the metrics without the times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("seconds")
    return {path.name: path.read_bytes() for path in (run / "artefact").iterdir()}, lines


@contextmanager
def dying(step: int) -> Iterator[None]:
    """Let whatever is trained inside die after its `step`-th step was made and before it was counted."""
    count = Bookkeeping.count

    def die(self: Bookkeeping, *arguments: Any) -> None:
        if self.state.step == step - 1:
            raise MemoryError
        count(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bookkeeping, "count", die)
        with pytest.raises(MemoryError):
            yield
