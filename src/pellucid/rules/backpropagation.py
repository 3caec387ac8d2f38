"""Backpropagation: the gradient of the task's loss by the chain rule (Rumelhart, Hinton & Williams 1986).

The summed loss of a batch is differentiated with the weight 1/count. With `accumulate`, a batch goes through the
model in micro-batches whose gradients of sums add up, and is divided once: exactly the big batch, whatever the sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.optim.update import Update, UpdateConfig
from pellucid.rules.check import try_out
from pellucid.rules.gradient import Gradient
from pellucid.tasks.task import Differentiable, Task

Config = UpdateConfig


class Backpropagation:
    """Fills the flat gradient with the mean loss's, then updates."""

    policy = None
    signals: tuple[Signal, ...] = ()

    def __init__(
        self, config: UpdateConfig, model: nn.Module, task: Task, execution: Execution, total_steps: int
    ) -> None:
        if not isinstance(task, Differentiable):
            raise PellucidError(
                f"rule.name = 'backpropagation' needs a task with a loss, and {type(task).__name__} has none. "
                "Choose the rule that its recipes use (`pellucid ls rules`)."
            )
        self.model = model
        self.task: Differentiable = task
        self.execution = execution
        self.update = Update(model, config, total_steps)
        self.updates = {"update": self.update}
        self.gradient = Gradient(model, self.task, self.update.flat, execution)
        self.accumulate = config.accumulate
        self._carry: Any = None

    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Return the batch's mean loss (before the update) and the gradient's norm."""
        if self.accumulate == 1:
            loss, carry = self.gradient.fill(batch, self._carry)
        else:
            loss, carry = self._fill_by_parts(batch)
        norm = self.update.step(loss)
        self._carry = _detached(carry)  # after the update: a step that fails leaves everything as it was
        return {"loss": loss, "gradient_norm": norm}

    def _fill_by_parts(self, batch: Batch) -> tuple[Tensor, list[Any]]:
        """Fill the gradient of a batch in micro-batches; return its mean loss and what each part carries on."""
        flat = self.update.flat
        total, count = torch.zeros((), device=flat.values.device), torch.zeros((), device=flat.values.device)
        carries = []
        for number, part in enumerate(batch.split(self.accumulate)):
            with self.execution.autocast():
                carry = self._carry[number] if self._carry else None
                part_total, part_count, carry = self.task.loss(self.model, part, carry)
            carries.append(carry)
            if number == 0:
                flat.fill(part_total)
            else:
                flat.accumulate(part_total)
            total += part_total.detach()
            count += part_count
        flat.gradient.div_(count)
        return total / count, carries if any(carry is not None for carry in carries) else []

    def check(self, batch: Batch) -> None:
        """Try the smallest micro-batch of a batch."""
        *_, part = batch.split(self.accumulate)
        try_out(self.model, lambda: self.task.loss(self.model, part), len(part), part["input"].shape[1:])

    def observe(self, score: float) -> None:
        """Tell the schedule."""
        self.update.observe(score)

    def averaged(self) -> AbstractContextManager[None]:
        """The moving average of the weights, where the recipe asks for one."""
        return self.update.averaged()

    def state_dict(self) -> dict[str, Any]:
        """Optimizer, schedule, moving average."""
        return {"update": self.update.state_dict(), "carry": self._carry}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.update.load_state_dict(state["update"])
        self._carry = _on(self.update.flat.values.device, state["carry"])


def _detached(carry: Any) -> Any:
    """Carried state without its history: the gradient stops at the batch (truncated backpropagation through time)."""
    if isinstance(carry, tuple | list):
        return type(carry)(_detached(item) for item in carry)
    return carry.detach() if isinstance(carry, Tensor) else carry


def _on(device: torch.device, carry: Any) -> Any:
    if isinstance(carry, tuple | list):
        return type(carry)(_on(device, item) for item in carry)
    return carry.to(device) if isinstance(carry, Tensor) else carry
