"""One function looks at a part of the data, for the validation during training and for the verb alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pellucid.data.world import World
from pellucid.errors import DataError
from pellucid.execution import Execution
from pellucid.randomness import undisturbed
from pellucid.tasks.task import PerRow, Score, Task


@dataclass(frozen=True)
class Evaluation:
    """What a model says of a part, row by row, and how right it is.

    Attributes:
        part: `"train"`, `"validation"` or `"test"`.
        rows: row ids, `[rows]`.
        predictions: what the task predicts, each `[rows, ...]`.
        targets: the truth as the task's batches hold it, `[rows, ...]`.
        task: whose words these are.
    """

    part: str
    rows: NDArray[np.int64]
    predictions: PerRow
    targets: NDArray[Any]
    task: Task

    @cached_property
    def scores(self) -> dict[str, Score]:
        """Every score of the task on this part, the primary one first."""
        return self.task.scores(self.predictions, self.targets)

    @cached_property
    def values(self) -> dict[str, float]:
        """The scores' values."""
        return {name: score.value for name, score in self.scores.items()}

    @property
    def rank(self) -> tuple[float, ...]:
        """What the best weights are chosen by; larger is better."""
        return self.task.rank(self.values)

    def worst(self, num: int) -> list[int]:
        """Return the places of the worst mistakes: wrong rows, by falling loss."""
        judged = self.task.judge(self.predictions, self.targets)
        wrong = np.flatnonzero(~judged["correct"]) if "correct" in judged else np.arange(len(self.rows))
        order = np.argsort(-judged["loss"][wrong], kind="stable")
        return [int(place) for place in wrong[order[:num]]]


def run(model: nn.Module, task: Task, world: World, part: str, execution: Execution) -> Evaluation:
    """Let the model predict every row of a part, in evaluation mode, without disturbing training.

    Raises:
        DataError: the part has no rows.
        LeakError: a preprocessing step was fitted on other rows than the training part.
    """
    rows = world.rows(part)
    if len(rows) == 0:
        raise DataError(
            f"The {part} part has no rows: the recipe's split.{part} is 0. Give it a share, and train again."
        )
    world.preprocessing.check_fitted_on(world.split)
    predictions: list[PerRow] = []
    targets: list[NDArray[Any]] = []
    with evaluating(model), undisturbed(), torch.inference_mode():
        for batch in world.batches(part):
            with execution.autocast():
                predicted = task.predict(model, batch["input"])
            predictions.append({name: tensor.cpu().numpy() for name, tensor in predicted.items()})
            targets.append(batch["target"].cpu().numpy())
    joined = {name: np.concatenate([piece[name] for piece in predictions]) for name in predictions[0]}
    return Evaluation(part, rows.numpy(), joined, np.concatenate(targets), task)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and each of its modules back into the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
