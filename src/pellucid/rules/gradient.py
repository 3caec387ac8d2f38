"""The gradient of a task's mean loss, by the chain rule or by a program that was recorded of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.capture import NotCapturable, Program, capture
from pellucid.data.batch import Batch
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.optim.flat import FlatParameters
from pellucid.rules.rehearsal import Rehearsal, rehearsal
from pellucid.tasks.task import Differentiable

Key = tuple[object, ...]
"""Training mode, and the shapes of a batch's columns."""


class Gradient:
    """Fills the flat gradient of a model with that of a batch's mean loss.

    Captured, the operations of the first batch of each shape are recorded, and the recording is carried out for those
    that follow. It is compared with the chain rule, byte for byte, on the 1st, 2nd, 4th, 8th, ... of them: where the
    first two differ, or the model cannot be recorded, the chain rule is used on. Whoever watches the model's layers by
    hooks (forward or backward, set at any time) sees the chain rule too.

    Attributes:
        captured: whether to record.
        reason: why it was not recorded, once that is known.
    """

    def __init__(self, model: nn.Module, task: Differentiable, flat: FlatParameters, execution: Execution) -> None:
        self._model, self._task, self._flat, self._execution = model, task, flat, execution
        self._hooks = [
            hooks
            for module in model.modules()
            for hooks in (
                module._forward_hooks,
                module._forward_pre_hooks,
                module._backward_hooks,
                module._backward_pre_hooks,
            )
        ]
        self.begin(execution.variant == "captured")

    def begin(self, captured: bool) -> None:
        """Forget all recordings, and record anew or not: what is compared begins anew too."""
        self.captured, self.reason = captured, ""
        self._programs: dict[Key, Program] = {}
        self._calls: dict[Key, int] = {}

    def fill(self, batch: Batch, carry: Any = None) -> tuple[Tensor, Any]:
        """Fill the gradient; return the mean loss, `()`, and the state that a recurrent model carries on.

        Raises:
            PellucidError: the model changed the way it computes after it was recorded.
        """
        if not self.captured or carry is not None or any(self._hooks):
            return self._by_chain_rule(batch, carry)
        key = (self._model.training, *[column.shape for column in batch.columns.values()])
        program = self._programs.get(key)
        if program is None:
            self._record(batch, key)
            return self._by_chain_rule(batch, carry)
        calls = self._calls[key] = self._calls[key] + 1
        if calls & (calls - 1) == 0 and not self._agrees(program, batch, calls):
            return self._by_chain_rule(batch, carry)
        return program(*batch.columns.values())[0], None

    def source(self, batch: Batch) -> str:
        """Return the recorded program for batches of this shape, as Python.

        Raises:
            NotCapturable: the model cannot be recorded.
        """
        return self._capture(batch).source

    def rehearsal(self, batch: Batch) -> AbstractContextManager[Rehearsal]:
        """Compute as in a step, and leave no trace of it in the model, the batch or the generators."""
        return rehearsal(self._model, batch.columns)

    def _by_chain_rule(self, batch: Batch, carry: Any) -> tuple[Tensor, Any]:
        mean, carry = self._mean_loss(batch, carry)
        self._flat.fill(mean)
        return mean.detach(), carry

    def _mean_loss(self, batch: Batch, carry: Any) -> tuple[Tensor, Any]:
        with self._execution.autocast():
            total, count, carry = self._task.loss(self._model, batch, carry)
        return total * (1 / count), carry

    def _record(self, batch: Batch, key: Key) -> None:
        try:
            self._programs[key] = self._capture(batch)
            self._calls[key] = 0
        except NotCapturable as error:
            self.captured, self.reason = False, str(error)
        except PellucidError:
            raise
        except Exception as error:  # whatever torch makes of an unusual model, the chain rule can still do it
            self.captured, self.reason = False, f"{type(error).__name__}: {error}"

    def _capture(self, batch: Batch) -> Program:
        flat = self._flat
        if any(parameter._backward_hooks for parameter in flat.parameters):
            raise NotCapturable("its parameters have hooks")

        def compute() -> tuple[list[Tensor], tuple[Tensor, ...]]:
            mean, carry = self._mean_loss(batch, None)
            if carry is not None:
                raise NotCapturable("it carries state from batch to batch")
            return [mean.detach()], flat.differentiate(mean)

        fixed = dict(zip(flat.names, flat.parameters, strict=True)) | dict(self._model.named_buffers())
        places = dict(zip(flat.names, flat.gradients, strict=True))
        with self.rehearsal(batch) as before:
            program = capture(compute, batch.columns, fixed, places)
            if before.changed():
                raise NotCapturable(before.changed())
        return program

    def _agrees(self, program: Program, batch: Batch, calls: int) -> bool:
        """Whether the program does to the byte what the chain rule does; if not, it is given up.

        Raises:
            PellucidError: it did when it was compared last.
        """
        with self.rehearsal(batch):
            expected = [self._by_chain_rule(batch, None)[0], self._flat.gradient, *self._model.buffers()]
            expected = [tensor.clone() for tensor in expected]
        try:
            with self.rehearsal(batch):
                found = [program(*batch.columns.values())[0], self._flat.gradient, *self._model.buffers()]
                if all(_same_bytes(a, b) for a, b in zip(expected, found, strict=True)):
                    return True
            self.reason = "the recording gives other bytes"
        except Exception as error:  # an operation that takes other arguments than it says
            self.reason = f"{type(error).__name__}: {error}"
        self.captured = False
        if calls > 2:
            raise PellucidError(
                f"{type(self._model).__name__} does not compute any more what was recorded of it: {self.reason}. "
                f"Some of the last {calls // 2} steps learned from wrong gradients: do not resume this run. Train anew "
                "with execution.variant=eager."
            )
        return False


def _same_bytes(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same bytes; a NaN is the same as itself."""
    if one.is_floating_point():
        return torch.equal(one.nan_to_num(), other.nan_to_num()) and torch.equal(one.isnan(), other.isnan())
    return torch.equal(one, other)
