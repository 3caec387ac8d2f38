"""Bucketed: every training row once an epoch, in batches of about one length, so that little of a batch is padding.

Rows are put in the order of (seed, epoch) and sorted by how wide a batch their length makes, where those of one width
stay as they were drawn; they are cut evenly, and the batches get an order of their own. After V. Khomenko et al.,
"Accelerating recurrent neural network training using sequence bucketing and multi-GPU data parallelization", 2016,
arXiv:1708.05604.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.data.batch import Batch
from pellucid.data.rows import Rows
from pellucid.data.tokens import width
from pellucid.data.world import World
from pellucid.errors import PellucidError
from pellucid.randomness import generator, permutation


class Bucketed:
    """Batches of the training part. An epoch is cut evenly: its batches differ by one row at most."""

    def __init__(self, world: World, *, batch_size: int | Literal["all"], seed: int) -> None:
        if not isinstance(world, Rows):
            raise PellucidError("This task learns from rows of data, and this world has none. Choose another task.")
        self._world = world
        self._rows = world.rows("train")
        self._seed = seed
        most = world.spec.input.size
        lengths = world.lengths[self._rows]
        self._widths = torch.tensor([width(length, most) for length in lengths.tolist()])  # (rows,)
        self.steps_per_epoch: int = -(-len(self._rows) // (len(self._rows) if batch_size == "all" else batch_size))
        self._step = 0
        self._epoch = -1
        self._cuts: list[Tensor] = []

    def next(self, policy: Any = None) -> Batch:
        """Return the next batch."""
        epoch, position = divmod(self._step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._cuts, self._epoch = self._batches(epoch), epoch
        self._step += 1
        return self._world.take(self._cuts[position])

    def example(self) -> Batch:
        """Return rows of the middle widths, as many as the smallest batch has."""
        size = len(self._rows) // self.steps_per_epoch
        first = (len(self._rows) - size) // 2
        return self._world.take(self._rows[self._widths.argsort(stable=True)[first : first + size]])

    def _batches(self, epoch: int) -> list[Tensor]:
        """The rows of each batch of an epoch."""
        drawn = permutation(len(self._rows), self._seed, epoch)
        by_width = drawn[self._widths[drawn].argsort(stable=True)]
        cuts = self._rows[by_width].tensor_split(self.steps_per_epoch)
        order = torch.randperm(len(cuts), generator=generator(self._seed, "batches", epoch))
        return [cuts[place] for place in order.tolist()]

    def state_dict(self) -> dict[str, Any]:
        """The number of batches given."""
        return {"step": self._step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after that many batches."""
        self._step, self._epoch = int(state["step"]), -1
