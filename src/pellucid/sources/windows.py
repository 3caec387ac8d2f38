"""Windows: every stretch of `context` characters of the training text once an epoch, in a drawn order.

The grid of windows begins at an offset that is drawn for each epoch, so that no two epochs cut the text alike; up to
two windows at the ends are left out by that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.data.batch import Batch
from pellucid.data.text import Text
from pellucid.errors import DataError
from pellucid.randomness import derive, permutation


class Windows:
    """Batches of windows and, one character further on, of what follows. An epoch is cut evenly."""

    def __init__(self, world: Text, *, batch_size: int | Literal["all"], seed: int) -> None:
        self._tokens = world.tokens("train")
        self._first = world.first("train")
        self._context = world.context
        self._seed = seed
        self._num = (len(self._tokens) - self._context) // self._context  # that fit wherever the grid begins
        size = self._num if batch_size == "all" else batch_size
        if size > self._num:
            raise DataError(
                f"train.batch_size = {size}, but the training text has {self._num:,} windows of {self._context} "
                "characters. Choose a smaller batch, or a shorter prepare.context."
            )
        self.steps_per_epoch: int = -(-self._num // size)
        self._step = 0
        self._epoch = -1
        self._cuts: tuple[Tensor, ...] = ()
        self._places = torch.arange(self._context + 1)

    def next(self, policy: Any = None) -> Batch:
        """Return the next batch: `"input"` and `"target"`, both `[windows, context]`."""
        epoch, position = divmod(self._step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._cuts, self._epoch = self._starts(epoch), epoch
        self._step += 1
        return self._take(self._cuts[position])

    def example(self) -> Batch:
        """Return the first windows, as many as the smallest batch has."""
        return self._take(torch.arange(self._num // self.steps_per_epoch) * self._context)

    def _starts(self, epoch: int) -> tuple[Tensor, ...]:
        """Where the windows of each batch of an epoch begin."""
        offset = derive(self._seed, "offset", epoch) % self._context
        starts = permutation(self._num, self._seed, epoch) * self._context + offset
        return starts.tensor_split(self.steps_per_epoch)

    def _take(self, starts: Tensor) -> Batch:
        places = (starts[:, None] + self._places).to(self._tokens.device)
        windows = self._tokens[places]  # (B, T + 1)
        return Batch({"input": windows[:, :-1], "target": windows[:, 1:]}, starts + self._first)

    def state_dict(self) -> dict[str, Any]:
        """The number of batches given."""
        return {"step": self._step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after that many batches."""
        self._step, self._epoch = int(state["step"]), -1
