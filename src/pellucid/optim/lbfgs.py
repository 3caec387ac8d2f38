"""L-BFGS (Liu & Nocedal 1989): steps shaped by the curvature that the last few steps met.

For small convex problems on the full batch, where tens to hundreds of steps reach the solution itself. Minimises
f(w) = loss + weight_decay / 2 * |decayed weights|^2 along d = -H g, where H is the inverse Hessian that agrees with
the last pairs s = change of w, y = change of g (two-loop recursion, Nocedal & Wright, algorithm 7.4).

One step is one evaluation, as for every other optimizer: the weights always stand at a *trial* point, and a step
judges it by the loss and gradient that come back.

    accepted  f(w + t d) <= f(w) + 1e-4 t g'd (Armijo): keep (s, y), choose the next direction, go to its first trial
    refused   go back half the way: t = t / 2

Near the solution the loss changes by less than its rounding. There the gradient judges instead: Hager & Zhang's
approximate condition (2005), that the slope at the trial point has not turned into its opposite. Clipping and
mini-batches spoil the pairs: leave them out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from pellucid.catalogue import Config as Base
from pellucid.errors import PellucidError
from pellucid.optim.flat import FlatParameters

ARMIJO = 1e-4
MAX_HALVINGS = 20
CURVATURE = 1e-8
"""A pair is kept where s'y > 1e-8 |s| |y|: what is flatter is rounding."""


class Config(Base):
    """Settings of L-BFGS."""

    learning_rate: float = Field(1.0, gt=0)
    """First trial along a direction; 1 is the full quasi-Newton step, and right but for noise."""
    weight_decay: float = Field(0.0, ge=0)
    """Strength of the L2 penalty, weight_decay / 2 * |w|^2, on weights but not on biases and norms."""
    history: int = Field(10, ge=1)
    """How many pairs of steps and gradient changes are remembered; more than 20 rarely helps."""


class LBFGS:
    """L-BFGS over the flat parameters, its line search spread over the steps."""

    def __init__(self, config: Config, flat: FlatParameters) -> None:
        self._values, self._gradient = flat.values, flat.gradient
        self._decayed, self._weight_decay = flat.decayed, config.weight_decay
        self._rounding = 10 * torch.finfo(flat.values.dtype).eps
        self._precision = torch.float32 if flat.values.device.type == "mps" else torch.float64  # mps has no float64
        self._pairs: deque[tuple[Tensor, Tensor]] = deque(maxlen=config.history)
        self._started = False
        self._length = 0.0  # t, of the trial that the weights stand at
        self._halvings = 0
        # The point that was accepted last, its gradient and its f; the direction from there.
        self._origin = torch.zeros_like(flat.values, dtype=self._precision)
        self._origin_gradient = torch.zeros_like(self._origin)
        self._origin_objective = 0.0
        self._direction = torch.zeros_like(self._origin)

    def step(self, learning_rate: float, loss: Tensor | float | None = None) -> None:
        """Judge the point where the weights stand, and go to the next trial."""
        if loss is None:
            raise PellucidError("L-BFGS searches along a line and needs the loss: step(learning_rate, loss).")
        values = self._values.to(self._precision, copy=True)  # not the flat tensor, which moves on
        gradient = self._gradient.to(self._precision, copy=True)
        weights = values[self._decayed]
        gradient[self._decayed] += self._weight_decay * weights
        objective = float(loss) + self._weight_decay / 2 * weights.dot(weights).item()

        if not self._started or self._is_lower(objective, gradient):
            if self._started:
                self._remember(values - self._origin, gradient - self._origin_gradient)
            self._set_out(values, gradient, objective, learning_rate)
        elif self._halvings < MAX_HALVINGS:
            self._length /= 2
            self._halvings += 1
        else:  # nothing lower along this line: forget the curvature, and try straight down
            self._pairs.clear()
            self._set_out(self._origin, self._origin_gradient, self._origin_objective, learning_rate)
        self._values.copy_(self._origin + self._length * self._direction)

    def _is_lower(self, objective: float, gradient: Tensor) -> bool:
        """Whether the trial point is low enough: Armijo's condition, or the slope's where only rounding is left."""
        slope = self._origin_gradient.dot(self._direction).item()
        if objective <= self._origin_objective + ARMIJO * self._length * slope:
            return True
        within_rounding = objective <= self._origin_objective + self._rounding * abs(self._origin_objective)
        return within_rounding and gradient.dot(self._direction).item() <= (2 * ARMIJO - 1) * slope

    def _remember(self, step: Tensor, change: Tensor) -> None:
        if step.dot(change) > CURVATURE * step.norm() * change.norm():
            self._pairs.append((step, change))

    def _set_out(self, values: Tensor, gradient: Tensor, objective: float, learning_rate: float) -> None:
        """Accept a point and choose the direction and the first trial from it."""
        direction = self._quasi_newton(gradient)
        if gradient.dot(direction) > 0:
            self._pairs.clear()
            direction = -gradient
        self._origin, self._origin_gradient, self._origin_objective = values, gradient, objective
        self._direction, self._halvings, self._started = direction, 0, True
        self._length = learning_rate
        if not self._pairs:  # no scale yet: a step whose coordinates add up to the rate at most
            self._length *= min(1.0, 1.0 / max(gradient.abs().sum().item(), 1e-30))

    def _quasi_newton(self, gradient: Tensor) -> Tensor:
        """Return -H g, `(size,)`."""
        direction = -gradient
        shares = []
        for step, change in reversed(self._pairs):
            share = step.dot(direction) / step.dot(change)
            direction.sub_(share * change)
            shares.append(share)
        if self._pairs:
            step, change = self._pairs[-1]
            direction.mul_(step.dot(change) / change.dot(change))
        for (step, change), share in zip(self._pairs, reversed(shares), strict=True):
            direction.add_((share - change.dot(direction) / step.dot(change)) * step)
        return direction

    def state_dict(self) -> dict[str, Any]:
        """The accepted point, the search from it and the pairs."""
        return {
            "origin": self._origin,
            "gradient": self._origin_gradient,
            "direction": self._direction,
            "objective": self._origin_objective,
            "length": self._length,
            "halvings": self._halvings,
            "started": self._started,
            "pairs": {str(i): {"step": s, "change": y} for i, (s, y) in enumerate(self._pairs)},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""

        def tensor(value: Tensor) -> Tensor:
            return value.to(self._origin, copy=True)

        self._origin, self._origin_gradient = tensor(state["origin"]), tensor(state["gradient"])
        self._direction, self._origin_objective = tensor(state["direction"]), float(state["objective"])
        self._length, self._halvings = float(state["length"]), int(state["halvings"])
        self._started = bool(state["started"])
        pairs = state["pairs"]
        self._pairs.clear()
        for number in range(len(pairs)):
            pair = pairs[str(number)]
            self._pairs.append((tensor(pair["step"]), tensor(pair["change"])))
