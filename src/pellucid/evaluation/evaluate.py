"""One function looks at a part of the world, for the validation during training and for the verb alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from pellucid.data.world import World
from pellucid.errors import DataError
from pellucid.execution import Execution
from pellucid.randomness import undisturbed
from pellucid.tasks.task import Look, Task

SEED = 0
"""Of what a look draws (latents, chains): the same for all looks, so that two of them differ by the weights alone."""


def run(model: nn.Module, task: Task, world: World, part: str, execution: Execution) -> Look:
    """Let the task judge a model on a part, in evaluation mode, without disturbing training.

    Raises:
        DataError: the part is empty.
        LeakError: a preprocessing step was fitted on other rows than the training part.
    """
    if world.size(part) == 0:
        raise DataError(
            f"The {part} part has no rows: the recipe's split.{part} is 0. Give it a share, and train again."
        )
    world.check()
    with evaluating(model), undisturbed(SEED), torch.inference_mode(), execution.autocast():
        return task.look(model, world, part)


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
