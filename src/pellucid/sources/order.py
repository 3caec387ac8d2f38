"""The order of an epoch, a pure function of (seed, epoch) and of how many bytes the rows have at rest.

Rows that are few bytes are permuted. Rows that may not fit into memory would be read here and there from a disk, page
by page; they are permuted in two stages instead: blocks of neighbours, of which a pool is drawn at random and read
whole, and then the rows of a pool. Which of the two it is depends on the data alone, never on the machine, so that a
run has the same order everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.randomness import permutation

LARGE = 2 << 30
"""Bytes of rows at rest, up to which they are permuted whole."""
BLOCK = 1 << 20
"""Bytes of a block: a disk reads as much in the time of a few seeks, or less."""
POOL = 256
"""Blocks that are mixed with one another. A batch sees as many places of the data, or as many as it has rows."""


@dataclass(frozen=True)
class Order:
    """Places of rows in the order in which they are taken.

    Attributes:
        places: `[rows]`.
        pools: how many of them are taken from each pool in turn; one of all of them where they are permuted whole.
    """

    places: Tensor
    pools: tuple[int, ...]


def order(num_rows: int, row_bytes: int, seed: int, epoch: int) -> Order:
    """Return the order of one epoch.

    Args:
        num_rows: rows that are taken, once each.
        row_bytes: of one row at rest.
        seed: of the run.
        epoch: from 0.
    """
    if num_rows * row_bytes <= LARGE:
        return Order(permutation(num_rows, seed, epoch), (num_rows,))
    block = max(1, BLOCK // row_bytes)
    blocks = torch.split(torch.arange(num_rows), block)
    drawn = permutation(len(blocks), seed, epoch).tolist()
    pools = [
        torch.cat([blocks[place] for place in drawn[first : first + POOL]]) for first in range(0, len(drawn), POOL)
    ]
    # Each pool has an order of its own: the sort of numbers drawn once for all rows.
    keys = permutation(num_rows, seed, ~epoch)
    mixed = [pool[keys[pool].argsort()] for pool in pools]
    return Order(torch.cat(mixed), tuple(map(len, mixed)))
