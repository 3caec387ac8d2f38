"""The perceptron's own rule (Rosenblatt, 1958): only mistakes teach.

For a row x of class c that the units give to class k != c: w_c += rate * x, w_k -= rate * x. With two separable
classes and rows one by one it makes at most (R / margin)^2 mistakes (Novikoff 1962). The corrections of a batch are
summed into the flat gradient, so schedules, checkpoints and instruments work as for any other rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import Batch
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.optim.update import Update, UpdateConfig
from pellucid.rules.check import try_out
from pellucid.tasks.classify import Classify
from pellucid.tasks.task import Task


class Config(Base):
    """Settings of the perceptron's rule."""

    learning_rate: float = Field(1.0, gt=0)
    """Size of a correction. From zero weights it scales all of them alike, so it changes no decision."""


class PerceptronRule:
    """Error correction for one layer of linear units, `scores = W x + b`."""

    policy = None
    signals: tuple[Signal, ...] = ()

    def __init__(self, config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int) -> None:
        layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
        parameters = sum(parameter.numel() for parameter in model.parameters())
        if len(layers) != 1 or parameters != sum(p.numel() for p in layers[0].parameters()):
            raise PellucidError(
                f"rule.name = 'perceptron' corrects one layer of linear units, and {type(model).__name__} has "
                f"{len(layers)} linear layers and {parameters:,} parameters. Choose model.name = 'perceptron' or "
                "'linear', or rule.name = 'backpropagation'."
            )
        if not isinstance(task, Classify):
            raise PellucidError(
                "rule.name = 'perceptron' learns from wrong classes, and this task has none. "
                "Choose task.name = 'classify', or rule.name = 'backpropagation'."
            )
        self.model = model
        self.task: Classify = task
        optimizer = {"name": "sgd", "learning_rate": config.learning_rate, "momentum": 0.0, "weight_decay": 0.0}
        self.update = Update(model, UpdateConfig(optimizer=optimizer), total_steps)
        self.updates = {"update": self.update}
        layer = layers[0]
        gradients = dict(zip((id(p) for p in self.update.flat.parameters), self.update.flat.gradients, strict=True))
        self._weight = gradients[id(layer.weight)]
        self._bias = gradients[id(layer.bias)] if layer.bias is not None else None

    @torch.no_grad()
    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Return the share of rows that were mistaken as the loss, and the correction's norm."""
        inputs, target = batch["input"].flatten(1), batch["target"]
        scores = self.model(batch["input"])  # (rows, classes)
        answer = scores.argmax(dim=1)
        rows = torch.arange(len(target), device=target.device)
        correction = torch.zeros_like(scores)
        correction[rows, answer] += 1.0
        correction[rows, target] -= 1.0  # zero where the answer was right
        torch.mm(correction.T, inputs, out=self._weight)
        if self._bias is not None:
            torch.sum(correction, dim=0, out=self._bias)
        mistakes = (answer != target).float().mean()
        return {"loss": mistakes, "gradient_norm": self.update.step(mistakes)}

    def check(self, batch: Batch) -> None:
        """Try a batch."""
        try_out(self.model, lambda: self.task.loss(self.model, batch), len(batch), batch["input"].shape[1:])

    def observe(self, score: float) -> None:
        """Do nothing: the rate is constant, and no schedule waits for a score."""

    def averaged(self) -> AbstractContextManager[None]:
        """The weights as they are: the update of corrections keeps no moving average."""
        return self.update.averaged()

    def state_dict(self) -> dict[str, Any]:
        """The count of steps; corrections have no memory."""
        return {"update": self.update.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.update.load_state_dict(state["update"])
