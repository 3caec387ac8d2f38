"""Stacked: the batches of several sources side by side, each in its own order, as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.data.batch import Batch
from pellucid.data.stacked import stack
from pellucid.sources.shuffled import Shuffled


class Stacked:
    """One batch of each source at every step.

    Args:
        sources: with as many steps in an epoch, and rows of one size, so that they gather as many batches at once.
    """

    def __init__(self, sources: Sequence[Shuffled], device: str) -> None:
        self.steps_per_epoch: int | None = sources[0].steps_per_epoch
        self._sources = sources
        self._device = device
        self._step = 0
        self._queues: list[list[Batch]] = [[] for _ in sources]  # taken from the sources and not yet given, last first
        self._last: list[Batch] = []
        self._stack: Batch | None = None

    def next(self, policy: Any = None) -> Batch:
        """Return the next batch of all."""
        if not self._queues[0]:
            self._queues = [source.ahead()[::-1] for source in self._sources]
        batches = [queue.pop() for queue in self._queues]
        self._step += 1
        if self._stack is None or any(a is not b for a, b in zip(batches, self._last, strict=True)):
            self._stack = stack(batches, self._device)
            self._last = batches
        return self._stack

    def example(self) -> Batch:
        """Return a batch of the smallest size that all sources give."""
        return stack(self.examples(), self._device)

    def examples(self) -> list[Batch]:
        """Return a batch of each source, all of the same size."""
        found = [source.example() for source in self._sources]
        fewest = min(map(len, found))
        return [Batch({name: c[:fewest] for name, c in each.columns.items()}, each.rows[:fewest]) for each in found]

    def state_dict(self) -> dict[str, Any]:
        """The number of batches given: each source gives as many."""
        return {"step": self._step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._step = int(state["step"])
        self._last, self._stack, self._queues = [], None, [[] for _ in self._sources]
        for source in self._sources:
            source.load_state_dict(state)
