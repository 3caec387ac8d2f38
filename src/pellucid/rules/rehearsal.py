"""A rehearsal: a model computes as in a step, and is put back as it was: buffers, attributes, inputs, generators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.randomness import undisturbed

HELD_BY_TORCH = frozenset(vars(nn.Module())) - {"training"}
"""What every module has: parameters, buffers and modules by name, hooks."""


class Rehearsal:
    """What a model and a batch's columns were like, and what a pass has changed of it."""

    def __init__(self, model: nn.Module, columns: Mapping[str, Tensor]) -> None:
        self._buffers = [
            (module, name, buffer, buffer.clone())
            for module in model.modules()
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]
        self._attributes = [(module, _own(module)) for module in model.modules()]
        self._sizes = [
            (held, len(held)) for _, own in self._attributes for held in own.values() if _is_collection(held)
        ]
        self._columns = [(column, column._version, column.clone()) for column in columns.values()]

    def changed(self) -> str:
        """Return what a recording would leave undone or do twice, in words; nothing where there is none."""
        for module, before in self._attributes:
            now = _own(module)
            for name in {**before, **now}:
                if name not in before or name not in now or not _same(before[name], now[name]):
                    return f"{type(module).__name__}.{name} changes from step to step"
        if any(len(held) != size for held, size in self._sizes):
            return "it collects something from step to step"
        if any(module._buffers.get(name) is not buffer for module, name, buffer, _ in self._buffers):
            return "it puts other tensors in its buffers' places"
        if any(column._version != version for column, version, _ in self._columns):
            return "it writes into its input"
        return ""

    @torch.no_grad()
    def undo(self) -> None:
        """Put back what is the model's, and the columns."""
        for module, name, buffer, before in self._buffers:
            module._buffers[name] = buffer
            buffer.copy_(before)
        for module, own in self._attributes:
            for name in _own(module).keys() - own.keys():
                delattr(module, name)
            vars(module).update(own)
        for column, version, before in self._columns:
            if column._version != version:
                column.copy_(before)


@contextmanager
def rehearsal(model: nn.Module, columns: Mapping[str, Tensor] | None = None) -> Iterator[Rehearsal]:
    """Let a block compute as in a step, and undo what it changes; lists and the like that a model fills stay filled."""
    kept = Rehearsal(model, columns or {})
    try:
        with undisturbed():
            yield kept
    finally:
        kept.undo()


def _own(module: nn.Module) -> dict[str, Any]:
    """A module's plain attributes."""
    return {name: value for name, value in vars(module).items() if name not in HELD_BY_TORCH}


def _is_collection(value: Any) -> bool:
    return isinstance(value, list | dict | set)


def _same(before: Any, now: Any) -> bool:
    """Whether an attribute still holds the same: the object itself, or an equal number or text."""
    return before is now or (isinstance(now, int | float | str) and type(before) is type(now) and before == now)
