"""What is wrong with a split: the same row in two parts, whose held-out copy measures memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from pellucid.data.ragged import Ragged
from pellucid.data.rows import Rows
from pellucid.preflight import Finding

OFTEN = 0.2
"""Share of training rows that repeat another one, from which inputs simply take few values."""


def check(world: Rows) -> Iterator[Finding]:
    """Yield held-out rows whose inputs occur in the training part too, unless inputs repeat by their nature."""
    column = world.columns.values["input"]
    value = column.row if isinstance(column, Ragged) else np.ascontiguousarray(column).__getitem__
    train = world.split.parts["train"]
    seen = {_digest(value(row)) for row in train}
    if len(seen) < (1 - OFTEN) * len(train):
        return
    for part in ("validation", "test"):
        rows = [int(row) for row in world.split.parts[part] if _digest(value(row)) in seen]
        if rows:
            share = 100 * len(rows) / len(world.split.parts[part])
            yield Finding(
                "duplicates_across_parts",
                "wrong" if share > 1 else "doubtful",
                f"{share:.2g} % of the {part} rows have the inputs of a training row: they measure memory. "
                "Remove copies, or keep them in one part.",
                rows,
            )


def _digest(row: np.ndarray) -> bytes:
    return hashlib.blake2b(row.tobytes(), digest_size=16).digest()
