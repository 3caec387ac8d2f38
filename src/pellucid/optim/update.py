"""Update: what happens between a flat gradient and new weights. Every rule that has a gradient ends in one.

norm and finiteness -> clipping -> schedule -> optimizer -> moving average
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor, nn

from pellucid.catalogue import Config, configure
from pellucid.optim import OPTIMIZERS, SCHEDULES
from pellucid.optim.flat import FlatParameters
from pellucid.optim.optimizer import Optimizer
from pellucid.optim.schedules.warmup import Schedule, factor


class NonFinite(ArithmeticError):
    """The loss or the gradient is infinite or not a number. Nothing has been changed by then."""

    def __init__(self, step: int, loss: float, gradient_norm: float, learning_rate: float, update: str = "") -> None:
        self.step = step
        self.update = update
        self.loss = loss
        self.gradient_norm = gradient_norm
        self.learning_rate = learning_rate
        super().__init__(
            (f"update of the {update}, " if update else "")
            + f"step {step}: loss {loss:g}, gradient norm {gradient_norm:g}, at learning rate {learning_rate:g}"
        )


class UpdateConfig(Config):
    """Settings of an update. A rule whose paper has a first choice of its own gives it as its field's default."""

    optimizer: dict[str, Any] = Field({"name": "adam"}, validate_default=True)
    """Which optimizer, and its own fields; Adam where no name is given, because its rate needs the least search."""
    schedule: dict[str, Any] = Field({"name": "constant"}, validate_default=True)
    """How the learning rate changes over the run, and its own fields; constant where no name is given."""
    clip: float | None = Field(None, gt=0)
    """Largest norm of the whole gradient; a longer one is shortened to it. Recurrent nets want 1; none by default."""
    accumulate: int = Field(1, ge=1)
    """Into how many micro-batches a batch is cut, when it is too large for the memory at once; the same gradient (but a
    batch norm then sees a micro-batch at a time)."""
    ema: float | None = Field(None, gt=0, lt=1)
    """Decay of a moving average of the weights, which is then what is judged and kept; 0.999 is usual."""

    @field_validator("optimizer", "schedule")
    @classmethod
    def _complete(cls, section: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Fill a section up: by the field's default where both name the same row, then by that row's own defaults."""
        field = str(info.field_name)
        table = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES}[field]
        first_choice: dict[str, Any] = cls.model_fields[field].default
        if section.get("name", first_choice["name"]) == first_choice["name"]:
            section = first_choice | section
        return {"name": section["name"]} | configure(table, section, field).model_dump(mode="json")


class StochasticUpdateConfig(UpdateConfig):
    """Settings of an update whose loss is another function at every step: chance is in it, or an opponent."""

    @field_validator("optimizer")
    @classmethod
    def _takes_a_new_loss_each_time(cls, section: dict[str, Any]) -> dict[str, Any]:
        if section["name"] == "lbfgs":
            raise ValueError("an optimizer that takes a new loss at every step, such as adam; lbfgs does not")
        return section


class Update:
    """Optimizer, schedule, clipping and moving average over a model's flat parameters.

    The moving average follows decay = min(ema, (1 + step) / (10 + step)), TensorFlow's rule: a fixed decay of 0.999
    would still hold a third of the random start after 1,000 steps. Buffers (a norm's statistics) are not averaged.

    Attributes:
        name: what it updates, where a rule has several; empty where it has one.
        flat: the parameters and their gradient, which a rule fills before each `step`.
        steps: how many updates have been made.
        last_rate: the learning rate of the last update.
        shrink: what clipping has multiplied the last gradient by, `()`; None without clipping.
    """

    def __init__(
        self, model: nn.Module, config: UpdateConfig, total_steps: int, name: str = "", stacked: bool = False
    ) -> None:
        self.name = name
        self.flat = FlatParameters(model, stacked)
        self.steps = 0
        self._total_steps = total_steps
        self._optimizer: Optimizer = OPTIMIZERS[config.optimizer["name"]].load()(
            configure(OPTIMIZERS, config.optimizer, "optimizer"), self.flat
        )
        self._base_rate: float = config.optimizer["learning_rate"]
        self._schedule: Schedule = SCHEDULES[config.schedule["name"]].load()
        self._schedule_config: Any = configure(SCHEDULES, config.schedule, "schedule")
        self._scores: list[float] = []
        self._clip = config.clip
        self._ema = config.ema or 0.0
        self._average = self.flat.values.clone() if config.ema is not None else None
        self.shrink: Tensor | None = None
        self.last_rate = math.nan

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        return self._base_rate * factor(
            self._schedule, self.steps, self._total_steps, self._schedule_config, self._scores
        )

    def step(self, loss: Tensor) -> Tensor:
        """Change the weights by the flat gradient, and return its norm before clipping, `()`.

        Args:
            loss: of the batch, `()`: watched, and what a line search goes by.

        Raises:
            NonFinite: the loss or the gradient is not finite. Weights and state are as they were before.
        """
        gradient, learning_rate = self.flat.gradient, self.learning_rate
        norm = torch.dot(gradient, gradient).sqrt_()
        # One number is read per step. An accelerator has to come to rest for it; a weight that is lost is worse.
        if not math.isfinite((norm + loss).item()):
            raise NonFinite(self.steps, loss.item(), norm.item(), learning_rate, self.name)
        if self._clip is not None:
            self.shrink = (self._clip / (norm + 1e-6)).clamp_(max=1.0)
            gradient.mul_(self.shrink)
        self._optimizer.step(learning_rate, loss)
        self.last_rate = learning_rate
        if self._average is not None:
            self._average.lerp_(self.flat.values, 1 - min(self._ema, (1 + self.steps) / (10 + self.steps)))
        self.steps += 1
        return norm

    def observe(self, score: float) -> None:
        """Take note of a validation score, the higher the better, for a schedule that waits for it."""
        self._scores.append(float(score))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the moving average in the place of the weights while it lasts; without `ema` nothing changes."""
        if self._average is None:
            yield
            return
        learned = self.flat.values.clone()
        self.flat.values.copy_(self._average)
        try:
            yield
        finally:
            self.flat.values.copy_(learned)

    @contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """Put weights and state back when what follows this update in the same step raises `NonFinite`.

        Where nothing is raised it costs a copy of the weights and of the optimizer's state.
        """
        weights, state = self.flat.values.clone(), _copied(self.state_dict())
        arrived, shrink = self.flat.arrived, self.shrink
        try:
            yield
        except NonFinite:
            self.flat.values.copy_(weights)
            self.load_state_dict(state)
            self.flat.arrived, self.shrink = arrived, shrink
            raise

    def state_dict(self) -> dict[str, Any]:
        """Return what the next step depends on beside the weights: live tensors (copy to keep them) and numbers."""
        state = {
            "steps": self.steps,
            "last_rate": None if math.isnan(self.last_rate) else self.last_rate,
            "scores": list(self._scores),
            "optimizer": self._optimizer.state_dict(),
        }
        return state if self._average is None else state | {"average": self._average}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned; the model's weights are loaded by the model."""
        self.steps = int(state["steps"])
        self.flat.arrived = self.steps > 0
        last_rate = state.get("last_rate")  # told in metrics.jsonl, also by steps that do not update this net
        self.last_rate = math.nan if last_rate is None else float(last_rate)
        self._scores = [float(score) for score in state["scores"]]
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.copy_(state["average"])


def _copied(state: Any) -> Any:
    """A tree of tensors and plain values whose tensors are copies."""
    if isinstance(state, Tensor):
        return state.clone()
    if isinstance(state, dict):
        return {name: _copied(item) for name, item in state.items()}
    return [_copied(item) for item in state] if isinstance(state, list) else state
