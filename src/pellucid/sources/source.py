"""What every source offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pellucid.data.batch import Batch


class Source(Protocol):
    """Gives batches, one per update, without end."""

    steps_per_epoch: int | None
    """Batches until every row was seen once; None where there are no epochs."""

    def next(self, policy: Any = None) -> Batch:
        """Return the next batch. `policy` chooses the actions where batches are experience."""

    def example(self) -> Batch:
        """Return a batch of the smallest size that will come, without moving on: to try a model out."""

    def state_dict(self) -> dict[str, Any]:
        """Return the position."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned: the next batch is the one that would have come."""
