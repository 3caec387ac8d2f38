"""Shuffled: every training row once an epoch, in an order that is a function of (seed, epoch) alone.

Rows are gathered and prepared a few thousand at a time, so that the copy stays in the processor's cache (gathering a
whole epoch of MNIST at once took twelve times as long), and a batch is a view of that. They are augmented there too.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.data.augmentations.augmentation import Augmentations
from pellucid.data.batch import Batch
from pellucid.data.rows import Rows
from pellucid.data.world import World
from pellucid.errors import PellucidError
from pellucid.exhibit import Exhibit, Images
from pellucid.randomness import derive
from pellucid.sources.order import order

GATHER_BYTES = 4 << 20
SHOWN_ROWS, SHOWN_EPOCHS = 6, 7


class Shuffled:
    """Batches of the training part. An epoch is cut evenly: its batches differ by one row at most."""

    def __init__(
        self,
        world: World,
        *,
        batch_size: int | Literal["all"],
        seed: int,
        augmentations: Augmentations | None = None,
    ) -> None:
        if not isinstance(world, Rows):
            raise PellucidError("This task learns from rows of data, and this world has none. Choose another task.")
        self._world = world
        self._rows = world.rows("train")
        self._seed = seed
        self._augmentations = augmentations or Augmentations()
        size = len(self._rows) if batch_size == "all" else batch_size
        self.steps_per_epoch: int = -(-len(self._rows) // size)
        self._batches_per_gather = max(1, GATHER_BYTES // (world.row_bytes * size))
        self._step = 0
        self._epoch = -1
        self._cuts: tuple[Tensor, ...] = ()
        # Of each pool to come: after how many rows it is read, after how many it is used up, and its rows.
        self._pools: list[tuple[int, int, Tensor]] = []
        self._versions: list[int] = []
        self._ready: list[Batch] = []  # the batches gathered and not yet given, last first

    def next(self, policy: Any = None) -> Batch:
        """Return the next batch."""
        if not self._ready or self._stale():
            self._gather()
        self._step += 1
        # The only batch of an epoch holds every row: no order to draw, and nothing to gather again until it changes.
        return self._ready.pop() if self.steps_per_epoch > 1 else self._ready[0]

    def ahead(self) -> list[Batch]:
        """Return the batches that come next and lie together, one at least: `next` for so many steps at once."""
        if not self._ready or self._stale():
            self._gather()
        if self.steps_per_epoch == 1:
            self._step += 1
            return [self._ready[0]]
        batches, self._ready = self._ready[::-1], []
        self._step += len(batches)
        return batches

    def example(self) -> Batch:
        """Return the first rows, as many as the smallest batch has."""
        return self._world.take(self._rows[: len(self._rows) // self.steps_per_epoch])

    def _stale(self) -> bool:
        """Whether the one batch that is given again and again has to be made anew.

        A model worked in place on it, or each epoch is augmented in its own way.
        """
        changes = len(self._augmentations.steps) > 0
        return self.steps_per_epoch == 1 and (changes or self._versions != _versions(self._ready[0]))

    def _gather(self) -> None:
        epoch, position = divmod(self._step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._begin(epoch)
        # On a fixed grid, wherever a resumed run begins: the same batch at another place in memory rounds differently.
        start = position - position % self._batches_per_gather
        cuts = self._cuts[start : start + self._batches_per_gather]
        self._read_ahead(start)
        sizes = [len(cut) for cut in cuts]
        gathered = self._take(torch.cat(cuts), epoch, sizes)
        columns = {name: torch.split(tensor, sizes) for name, tensor in gathered.columns.items()}
        self._ready = [
            Batch({name: pieces[place] for name, pieces in columns.items()}, rows) for place, rows in enumerate(cuts)
        ][::-1]
        del self._ready[len(self._ready) - (position - start) :]
        self._versions = _versions(self._ready[0])

    def _begin(self, epoch: int) -> None:
        """Put the rows in the order of an epoch; where there is one batch, in their own."""
        rows, self._pools = self._rows, []
        if self.steps_per_epoch > 1:
            found = order(len(rows), self._world.bytes_at_rest, self._seed, epoch)
            rows = rows[found.places]
            if len(found.pools) > 1:
                ends = list(itertools.accumulate(found.pools))
                self._pools = list(zip([0, 0, *ends], ends, torch.split(rows, list(found.pools)), strict=False))
        self._cuts, self._epoch = rows.tensor_split(self.steps_per_epoch), epoch

    def _read_ahead(self, batches: int) -> None:
        """After so many batches of an epoch, have the pool that is taken from and the next one read in large pieces."""
        size, larger = divmod(len(self._rows), self.steps_per_epoch)  # as many batches are larger by one row
        taken = batches * size + min(batches, larger)
        while self._pools and self._pools[0][0] <= taken:
            _, end, rows = self._pools.pop(0)
            if end > taken:
                self._world.expect(rows)

    def _take(self, rows: Tensor, epoch: int, sizes: Sequence[int]) -> Batch:
        """Take batches of these sizes, as an epoch shows them."""
        if not self._augmentations.steps:
            return self._world.take(rows)
        return self._world.take(rows, self._augmentations.drawn(derive(self._seed, "augment", epoch), rows, sizes))

    def exhibits(self) -> list[Exhibit]:
        """Return a picture of what training sees, where pictures are augmented: some rows, and in several epochs."""
        world, rows = self._world, self._rows[:: max(1, len(self._rows) // SHOWN_ROWS)][:SHOWN_ROWS]
        if not self._augmentations.steps or not world.spec.input.is_picture:
            return []
        seen = [world.take(rows), *(self._take(rows, epoch, [len(rows)]) for epoch in range(SHOWN_EPOCHS))]
        pixels = torch.stack([world.pictures(batch["input"]) for batch in seen], dim=1)
        return [
            Images(
                "augmented",
                "What training sees",
                f"Rows of the training part, first as they are, then as in the first {SHOWN_EPOCHS} epochs. Each must "
                "still be what its class says. Validation and test are never changed.",
                pixels.cpu().numpy(),
                tuple(f"row {row}" for row in rows.tolist()),
            )
        ]

    def state_dict(self) -> dict[str, Any]:
        """The number of batches given."""
        return {"step": self._step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after that many batches."""
        self._step = int(state["step"])
        self._epoch, self._ready = -1, []


def _versions(batch: Batch) -> list[int]:
    """How often each column was written in place, by torch's own count."""
    return [tensor._version for tensor in batch.columns.values()]
