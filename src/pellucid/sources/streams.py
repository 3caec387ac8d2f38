"""Streams: the training text as B pieces side by side, each read on by `context` characters at every step.

What a recurrent net remembers at the end of a step is where the next one begins (truncated backpropagation through
time: R. Williams, J. Peng 1990), so its memory reaches further back than its gradients. An epoch reads every piece
once; its first batch says that the pieces begin anew. Where they are cut is drawn for each epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch

from pellucid.data.batch import Batch
from pellucid.data.text import Text
from pellucid.errors import DataError
from pellucid.randomness import derive


class Streams:
    """Batches of the next stretch of every stream; `"begins"` is true where a stream has no past."""

    def __init__(self, world: Text, *, batch_size: int | Literal["all"], seed: int) -> None:
        self._tokens = world.tokens("train")
        self._first = world.first("train")
        self._context = world.context
        self._seed = seed
        if batch_size == "all":
            raise DataError(
                'train.batch_size = "all": a recurrent net reads pieces of the text side by side, and this is their '
                "number. Give one, such as 32."
            )
        self._num = batch_size
        # As many steps as fit wherever the pieces begin
        self.steps_per_epoch: int = (len(self._tokens) - self._context) // (batch_size * self._context)
        if self.steps_per_epoch == 0:
            raise DataError(
                f"train.batch_size = {batch_size} pieces of {self._context} characters are more than the "
                f"{len(self._tokens):,} of the training text. Choose fewer, or a shorter prepare.context."
            )
        self._length = self.steps_per_epoch * self._context
        self._places = torch.arange(self._context + 1)
        self._begins = {begins: torch.full((self._num,), begins, device=world.device) for begins in (True, False)}
        self._step = 0

    def next(self, policy: Any = None) -> Batch:
        """Return the next batch: `"input"` and `"target"`, both `[streams, context]`, and `"begins"`, `[streams]`."""
        epoch, position = divmod(self._step, self.steps_per_epoch)
        self._step += 1
        return self._take(derive(self._seed, "offset", epoch) % self._context, position)

    def example(self) -> Batch:
        """Return the first stretch of every stream."""
        return self._take(0, 0)

    def _take(self, offset: int, position: int) -> Batch:
        starts = torch.arange(self._num) * self._length + (offset + position * self._context)
        places = (starts[:, None] + self._places).to(self._tokens.device)
        stretch = self._tokens[places]  # (B, T + 1)
        columns = {"input": stretch[:, :-1], "target": stretch[:, 1:], "begins": self._begins[position == 0]}
        return Batch(columns, starts + self._first)

    def state_dict(self) -> dict[str, Any]:
        """The number of batches given; the places follow from it."""
        return {"step": self._step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after that many batches."""
        self._step = int(state["step"])
