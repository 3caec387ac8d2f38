"""What tasks and sources ask of a model that reads a sequence piece by piece."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

State = tuple[Any, ...]
"""What a model remembers of what it has read: tensors in tuples."""


@runtime_checkable
class Sequential(Protocol):
    """Gives, at every place of a sequence, logits of what comes next."""

    context: int | None
    """The most tokens that it can look back on; None where there is no such limit."""

    def __call__(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return logits `[rows, length, vocabulary]` for tokens `[rows, length]`, and what to remember.

        Args:
            state: what an earlier call remembered of the tokens before these; None at the beginning.
        """


@runtime_checkable
class Recurrent(Protocol):
    """A memory of fixed size, carried from step to step in training as well."""

    def initial_state(self, rows: int) -> State:
        """Return the memory of nothing, each tensor `[layers, rows, hidden]`."""
