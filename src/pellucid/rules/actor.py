"""The policy that learns: it answers the source while experience is gathered, and holds what the source tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.environments.policy import Acting, Choice, Wanted
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.tasks.task import Task


class Actor:
    """Draws actions from a model's logits, and keeps the last word on how training episodes went."""

    def __init__(self, model: nn.Module, task: Task, execution: Execution, wanted: Wanted) -> None:
        if not isinstance(model, Acting):
            raise PellucidError(
                f"A policy gradient needs a model of actions and values, and {type(model).__name__} is none. "
                "Choose model.name = 'actor_critic'."
            )
        if task.source(model) != "rollouts":
            raise PellucidError(
                f"A policy gradient learns from what it does, and {type(task).__name__} gives it rows of data. "
                "Choose an environment (`pellucid ls environments`) and task.name = 'control'."
            )
        self.wanted = wanted
        self._model = model
        self._acting: Acting = model
        self._execution = execution
        self._told: dict[str, float | None] = {"return": None, "episode_length": None, "environment_steps": 0}

    @torch.inference_mode()
    def act(self, observations: Tensor, uniforms: Tensor) -> Choice:
        """Choose where each number in 0 to 1 falls among the summed probabilities."""
        with self._execution.autocast():
            logits, values = self._model(observations)
        log_probabilities = F.log_softmax(logits.float(), dim=1)  # (rows, actions)
        below = log_probabilities.exp().cumsum(dim=1)[:, :-1] <= uniforms[:, None]  # the last action takes the rest
        actions = below.sum(dim=1)
        return Choice(actions, log_probabilities.gather(1, actions[:, None])[:, 0], values.float())

    @torch.inference_mode()
    def values(self, observations: Tensor) -> Tensor:
        """Return what is expected from each observation on."""
        with self._execution.autocast():
            values: Tensor = self._model(observations)[1]
        return values.float()

    def absorb(self, observations: Tensor) -> None:
        """Let the model's normaliser take note."""
        self._acting.absorb(observations)

    def note(self, mean_return: float | None, mean_length: float | None, steps: int) -> None:
        """Keep what was told; where no episode ended, what was told before still holds."""
        if mean_return is not None:
            self._told |= {"return": mean_return, "episode_length": mean_length}
        self._told["environment_steps"] = steps

    def scalars(self) -> dict[str, float]:
        """Return how training episodes went, to be logged; nan before any has ended."""
        return {name: math.nan if value is None else float(value) for name, value in self._told.items()}

    def state_dict(self) -> dict[str, Any]:
        """What was told."""
        return dict(self._told)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Hold what was told before."""
        self._told = dict(state)
