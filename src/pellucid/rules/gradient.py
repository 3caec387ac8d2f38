"""The gradient of a task's mean loss, by the chain rule or by a program that was recorded of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.capture import NotCapturable, Program, capture
from pellucid.data.batch import Batch
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.optim.flat import FlatParameters
from pellucid.randomness import undisturbed
from pellucid.tasks.task import Differentiable

Shapes = tuple[torch.Size, ...]


class Gradient:
    """Fills the flat gradient of a model with that of a batch's mean loss.

    Captured, the operations of the first batch of each shape are recorded, and the recording is carried out for those
    that follow. It is compared with the chain rule, byte for byte, on the 1st, 2nd, 4th, 8th, ... of them: where the
    first two differ, or the model cannot be recorded, the chain rule is used on. Whoever watches the model's layers by
    hooks sees the chain rule too.

    Attributes:
        captured: whether to record.
        reason: why it was not recorded, once that is known.
    """

    def __init__(self, model: nn.Module, task: Differentiable, flat: FlatParameters, execution: Execution) -> None:
        self.captured = execution.variant == "captured"
        self.reason = ""
        self._model, self._task, self._flat, self._execution = model, task, flat, execution
        self._hooks = [
            hooks for module in model.modules() for hooks in (module._forward_hooks, module._forward_pre_hooks)
        ]
        self._programs: dict[Shapes, Program] = {}
        self._calls: dict[Shapes, int] = {}

    def fill(self, batch: Batch, carry: Any = None) -> tuple[Tensor, Any]:
        """Fill the gradient; return the mean loss, `()`, and the state that a recurrent model carries on.

        Raises:
            PellucidError: the model changed the way it computes after it was recorded.
        """
        if not self.captured or carry is not None or any(self._hooks):
            return self._by_chain_rule(batch, carry)
        shapes = tuple([column.shape for column in batch.columns.values()])
        program = self._programs.get(shapes)
        if program is None:
            self._record(batch, shapes)
            return self._by_chain_rule(batch, carry)
        calls = self._calls[shapes] = self._calls[shapes] + 1
        if calls & (calls - 1) == 0 and not self._agrees(program, batch):
            if calls > 2:
                raise PellucidError(
                    f"{type(self._model).__name__} does not compute any more what was recorded of it: its Python "
                    "decides anew from step to step. Train it with execution.variant=eager."
                )
            self.captured, self.reason = False, "its Python decides anew from step to step"
            return self._by_chain_rule(batch, carry)
        return program(*batch.columns.values())[0], None

    def source(self, batch: Batch) -> str:
        """Return the recorded program for batches of this shape, as Python.

        Raises:
            NotCapturable: the model cannot be recorded.
        """
        return self._capture(batch).source

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Compute as in a step, and leave no trace of it in buffers or generators."""
        buffers = [(buffer, buffer.clone()) for buffer in self._model.buffers()]
        try:
            with undisturbed():
                yield
        finally:
            for buffer, before in buffers:
                buffer.copy_(before)

    def _by_chain_rule(self, batch: Batch, carry: Any) -> tuple[Tensor, Any]:
        mean, carry = self._mean_loss(batch, carry)
        self._flat.fill(mean)
        return mean.detach(), carry

    def _mean_loss(self, batch: Batch, carry: Any) -> tuple[Tensor, Any]:
        with self._execution.autocast():
            total, count, carry = self._task.loss(self._model, batch, carry)
        return total * (1 / count), carry

    def _record(self, batch: Batch, shapes: Shapes) -> None:
        try:
            self._programs[shapes] = self._capture(batch)
            self._calls[shapes] = 0
        except NotCapturable as error:
            self.captured, self.reason = False, str(error)

    def _capture(self, batch: Batch) -> Program:
        flat = self._flat

        def compute() -> tuple[list[Tensor], tuple[Tensor, ...]]:
            mean, carry = self._mean_loss(batch, None)
            if carry is not None:
                raise NotCapturable("it carries state from batch to batch")
            return [mean.detach()], flat.differentiate(mean)

        fixed = dict(zip(flat.names, flat.parameters, strict=True)) | dict(self._model.named_buffers())
        places = {f"gradient_of_{name}": view for name, view in zip(flat.names, flat.gradients, strict=True)}
        with self.rehearsal():
            return capture(compute, batch.columns, fixed, places)

    def _agrees(self, program: Program, batch: Batch) -> bool:
        """Whether the program does to the byte what the chain rule does."""
        with self.rehearsal():
            expected = [self._by_chain_rule(batch, None)[0], self._flat.gradient, *self._model.buffers()]
            expected = [tensor.clone() for tensor in expected]
        with self.rehearsal():
            found = [program(*batch.columns.values())[0], self._flat.gradient, *self._model.buffers()]
            return all(_same_bytes(a, b) for a, b in zip(expected, found, strict=True))


def _same_bytes(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same bytes; a NaN is the same as itself."""
    if one.is_floating_point():
        return torch.equal(one.nan_to_num(), other.nan_to_num()) and torch.equal(one.isnan(), other.isnan())
    return torch.equal(one, other)
