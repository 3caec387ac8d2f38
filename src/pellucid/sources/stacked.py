"""Stacked: the batches of several sources side by side, each in its own order, as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.data.batch import Batch
from pellucid.data.stacked import stack
from pellucid.sources.source import Source


class Stacked:
    """One batch of each source at every step.

    Args:
        sources: with as many steps in an epoch.
    """

    def __init__(self, sources: Sequence[Source], device: str) -> None:
        self.steps_per_epoch = sources[0].steps_per_epoch
        self._sources = sources
        self._device = device
        self._last: list[Batch] = []
        self._stack: Batch | None = None

    def next(self, policy: Any = None) -> Batch:
        """Return the next batch of all."""
        batches = [source.next(policy) for source in self._sources]
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
        """The position of each source."""
        return {"sources": [source.state_dict() for source in self._sources]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._last, self._stack = [], None
        for source, position in zip(self._sources, state["sources"], strict=True):
            source.load_state_dict(position)
