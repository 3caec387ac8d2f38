"""Stacked: K models learn by backpropagation in one pass, each from its own batch, with the numbers that it has alone.

Their losses are summed, so that the gradient of each model's loss arrives at its own slice of the parameters
`[K, *shape]`; whatever an elementwise optimizer does with a slice depends on that slice alone. Clipping is by the norm
of each model's gradient.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.data.stacked import is_even, parts
from pellucid.environments.policy import Policy
from pellucid.errors import TrainingFailed
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.nn.stacked import Stacked as StackedModel
from pellucid.optim.update import NonFinite, Update, UpdateConfig
from pellucid.randomness import undisturbed
from pellucid.rules.check import try_out
from pellucid.rules.gradient import Gradient
from pellucid.rules.standing import Standing
from pellucid.tasks.task import Differentiable, Loss


class NotStackable(Exception):
    """What one of the models computes cannot be computed for all at once; the message says why."""


class Losses:
    """The models' mean losses, summed: a task of the stack."""

    def __init__(self, tasks: Sequence[Differentiable]) -> None:
        self._task = tasks[0]
        held = [name for name, value in vars(tasks[0]).items() if isinstance(value, Tensor)]
        # Such as the weights of classes, which balance those of a fold
        self._tensors = {f"task/{name}": torch.stack([vars(task)[name] for task in tasks]) for name in held}

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        """Return the sum of the models' mean losses, and leave each in the model's `losses`."""
        assert isinstance(model, StackedModel)
        total: Tensor | float = 0.0
        pieces = list(parts(batch))
        for place, (columns, members) in enumerate(pieces):
            tensors = {name: tensor.to(model.losses.device) for name, tensor in self._tensors.items()}
            if members is not None:
                tensors = {name: tensor.index_select(0, members) for name, tensor in tensors.items()}
            # Each part draws what its models would draw alone: from the same state of the generators
            with undisturbed() if place + 1 < len(pieces) else nullcontext():
                means = model(self._mean, columns | tensors, members)
            with torch.no_grad():
                if members is None:
                    model.losses.copy_(means)
                else:
                    model.losses.index_copy_(0, members, means.detach())
            total = total + means.sum()
        assert isinstance(total, Tensor)
        return Loss(total, 1.0)

    def _mean(self, model: nn.Module, columns: Mapping[str, Tensor]) -> Tensor:
        """The mean loss of one model, `()`."""
        task = copy.copy(self._task)
        vars(task).update({name: columns[f"task/{name}"] for name in self._held()})
        own = {name: column for name, column in columns.items() if not name.startswith("task/")}
        total, count, carry = task.loss(model, Batch(own, torch.arange(len(own["input"]))))
        if carry is not None:
            raise NotStackable("it carries state from batch to batch")
        return total * (1 / count)

    def _held(self) -> list[str]:
        return [name.removeprefix("task/") for name in self._tensors]


class MemberFailed(TrainingFailed):
    """The loss or the gradient of one of the models, or of several, is not finite. No weight was touched.

    Attributes:
        names: theirs.
    """

    def __init__(
        self, step: int, learning_rate: float, names: Sequence[str], losses: Sequence[float], norms: Sequence[float]
    ) -> None:
        self.names = tuple(names)
        told = "; ".join(
            f"{name} has the loss {loss:g} and the gradient norm {norm:g}"
            for name, loss, norm in zip(names, losses, norms, strict=True)
        )
        super().__init__(
            f"Step {step + 1} was stopped at learning rate {learning_rate:.3g}: {told}. "
            f"No weight was touched. With --no-stack, and another --out, {names[0]} tells of the layer and the rows. "
            "Try a smaller rule.optimizer.learning_rate, rule.clip=1.0 or a warm-up."
        )


class Stacked:
    """Fills the flat gradient of all models, then updates them.

    Attributes:
        standing: where each model stands; the look that judges them tells it.
    """

    policy: Policy | None = None
    model: nn.Module
    updates: Mapping[str, Update]
    signals: tuple[Signal, ...] = ()
    accumulate = 1

    def __init__(
        self,
        config: UpdateConfig,
        model: StackedModel,
        tasks: Sequence[Differentiable],
        execution: Execution,
        total_steps: int,
        *,
        names: Sequence[str],
        standing: Standing,
        log_every: int,
        draws: bool,
    ) -> None:
        """Begin.

        Args:
            config: of each model's update.
            tasks: of each model.
            names: of each model, for messages.
            log_every: steps between lines of the log, on which each model tells how it fares.
            draws: whether the models draw random numbers as they learn.
        """
        self.model, self.standing, self.names = model, standing, tuple(names)
        self._stack = model
        self.update = Update(model, config.model_copy(update={"clip": None}), total_steps, stacked=True)
        self.updates = {"update": self.update}
        self._losses = Losses(tasks)
        self.gradient = Gradient(model, self._losses, self.update.flat, execution)
        # A recording would go on drawing where it left off, and each part begins with the draws of its step
        self._by_chain_rule = Gradient(model, self._losses, self.update.flat, execution)
        self._by_chain_rule.begin(captured=False)
        self._draws = draws
        self._clip = config.clip
        self._log_every = log_every
        self._sums = torch.zeros_like(model.losses, dtype=torch.float64)  # of the losses since the last line
        self._summed = 0
        flat = self.update.flat
        self._slices = [gradient.view(len(self.names), -1) for gradient in flat.gradients]

    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Return the mean of the models' losses; where a line is logged, what each of them has to tell too."""
        flat, num = self.update.flat, len(self.names)
        gradient = self.gradient if is_even(batch) or not self._draws else self._by_chain_rule
        loss, _ = gradient.fill(batch)
        logs = (self.update.steps + 1) % self._log_every == 0
        before = flat.values.clone() if logs else None
        told = self._gradients() if logs else {}
        if self._clip is not None:
            self._shorten(self._clip)
        try:
            norm = self.update.step(loss)
        except NonFinite as error:
            norm = self._without_the_stopped(error)
        self._sums += self._stack.losses
        self._summed += 1
        scalars = {"loss": loss / num, "gradient_norm": norm}
        if before is None:
            return scalars
        lines = {**told, "loss": self._sums / self._summed, **self._ratios(before)}
        self._sums.zero_()
        self._summed = 0
        return scalars | {
            f"{name}/{key}": value
            for key, column in lines.items()
            for name, value in zip(self.names, column.tolist(), strict=True)
        }

    def _norms(self) -> Tensor:
        """The norm of each model's gradient, `[K]`."""
        each = [torch.linalg.vector_norm(slices, dim=1) for slices in self._slices]
        norms: Tensor = torch.linalg.vector_norm(torch.stack(each), dim=0)
        return norms

    @torch.no_grad()
    def _shorten(self, longest: float) -> None:
        shrink = (longest / (self._norms() + 1e-6)).clamp_(max=1.0)[:, None]
        for slices in self._slices:
            slices.mul_(shrink)

    def _gradients(self) -> dict[str, Tensor]:
        """The norm of each model's gradient, whole and by parameter, `[K]` each."""
        each = [torch.linalg.vector_norm(slices, dim=1, dtype=torch.float64) for slices in self._slices]
        return {
            "gradient_norm": torch.linalg.vector_norm(torch.stack(each), dim=0),
            **{f"gradient_norms/{place}": norms for place, norms in enumerate(each)},
        }

    def _ratios(self, before: Tensor) -> dict[str, Tensor]:
        """How long each parameter's step was, by its own length before, `[K]` each; 1 for the first from zero."""
        found = {}
        flat, num = self.update.flat, len(self.names)
        for place, (now, then) in enumerate(zip(flat.views(flat.values), flat.views(before), strict=True)):
            step = torch.linalg.vector_norm((now.detach() - then).view(num, -1), dim=1, dtype=torch.float64)
            length = torch.linalg.vector_norm(then.view(num, -1), dim=1, dtype=torch.float64)
            found[f"update_ratios/{place}"] = torch.where(length > 0, step / length, (step > 0).double())
        return found

    @torch.no_grad()
    def _without_the_stopped(self, error: NonFinite) -> Tensor:
        """Update again where the models that are not finite have stopped: they go back to what was kept of them.

        Raises:
            MemberFailed: one of them is still learning.
        """
        norms, losses = self._norms().tolist(), self._stack.losses.tolist()
        failed = [place for place, told in enumerate(zip(norms, losses, strict=True)) if not all(map(isfinite, told))]
        learning = [place for place in failed if self.standing.members[place].stopped_at is None]
        if learning or not failed:
            told = [(self.names[place], losses[place], norms[place]) for place in learning or range(len(norms))]
            raise MemberFailed(error.step, error.learning_rate, *zip(*told, strict=True))
        for place in failed:
            for slices in self._slices:
                slices[place] = 0.0
            for name, stack in self._stack.tensors().items():
                stack[place].copy_(self.standing.kept[name][place])
            self._stack.losses[place] = 0.0
        return self.update.step(self._stack.losses.sum())

    def check(self, batch: Batch) -> None:
        """Try a batch."""
        try_out(self.model, lambda: self._losses.loss(self._stack, batch), len(batch), ())

    def observe(self, score: float) -> None:
        """Nothing: no schedule that waits for a score is stacked."""

    def averaged(self) -> AbstractContextManager[None]:
        """The moving averages of the weights, where the recipe asks for them."""
        return self.update.averaged()

    def state_dict(self) -> dict[str, Any]:
        """Optimizer, schedule, moving averages, and where each model stands."""
        return {
            "update": self.update.state_dict(),
            "standing": self.standing.state_dict(),
            "sums": self._sums,
            "summed": self._summed,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.update.load_state_dict(state["update"])
        self.standing.load_state_dict(state["standing"])
        self._sums.copy_(state["sums"])
        self._summed = int(state["summed"])
