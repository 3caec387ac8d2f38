"""Chance for whole batches, row by row: each row's draw is a function of (seed, epoch, row) and of nothing else.

A generator gives its numbers in a sequence, so that what a row gets hangs on which rows come before it. Here each
number is a hash of what it is for (counter-based, Salmon et al. 2011), by the finaliser of SplitMix64 (Steele, Lea &
Flood 2014): the same in every batch, on every device, with any number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def _signed(value: int) -> int:
    """The whole number of 64 bits as torch has it, which counts from -2^63."""
    return (value & 0xFFFFFFFFFFFFFFFF) - ((value & 0x8000000000000000) << 1)


_GOLDEN = _signed(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: consecutive numbers land far apart
_FIRST, _SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)  # Stafford's variant 13, as in SplitMix64
_SHARE = 2.0**-24
"""Of the numbers from 0 to 1 that a float32 tells apart evenly."""


def mix(values: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """Return 64 bits for each of 64 bits, one to one, in which every bit hangs on every other."""
    values = (values ^ _shifted(values, 30)) * _FIRST
    values = (values ^ _shifted(values, 27)) * _SECOND
    return values ^ _shifted(values, 31)


def _shifted(values: Tensor, by: int) -> Tensor:
    """Shift right and fill with zeros; torch fills with the sign."""
    return (values >> by) & ((1 << (64 - by)) - 1)


class Draw:
    """What chance says of some rows. Each call draws anew; the same calls in the same order give the same again.

    Attributes:
        rows: ids of the rows, `[rows]`, where the batch lies.
    """

    def __init__(self, seed: int, rows: Int[Tensor, " rows"], place: int = 0, sizes: Sequence[int] = ()) -> None:
        """Begin to draw.

        Args:
            seed: of the run and the epoch.
            rows: their ids, by which they are told apart.
            place: which of several augmentations is drawn for.
            sizes: of the batches that the rows are, one after another; one batch where none are given.
        """
        self.rows = rows
        self._sizes = tuple(sizes) or (len(rows),)
        self._keys = mix(mix(rows * _GOLDEN + _signed(seed)) + _signed(place * 0x9E3779B97F4A7C15))
        self._calls = 0

    def uniform(self, low: float = 0.0, high: float = 1.0, *shape: int) -> Float[Tensor, "rows ..."]:
        """Return numbers from `low` to `high`, `[rows, *shape]`."""
        return _shifted(self._bits(shape), 40).to(torch.float32).mul_(_SHARE * (high - low)).add_(low)

    def chance(self, probability: float) -> Bool[Tensor, " rows"]:
        """Return whether it happens, `[rows]`: never at 0, always at 1."""
        return self.uniform() < probability

    def integers(self, low: int, high: int) -> Int[Tensor, " rows"]:
        """Return whole numbers from `low` to `high - 1`, `[rows]`."""
        return (_shifted(self._bits(()), 32) * (high - low) >> 32) + low

    def noise(self, like: Float[Tensor, "rows ..."]) -> Float[Tensor, "rows ..."]:
        """Return standard normal numbers of the shape of `like` (Box & Muller 1958), at most 5.8 in size."""
        size = like[0].numel() if len(like) else 0
        bits = self._bits((-(-size // 2),))
        radius = (_shifted(bits, 40) + 1).to(torch.float32).mul_(_SHARE).log_().mul_(-2).sqrt_()
        angle = (bits & 0xFFFFFF).to(torch.float32).mul_(_SHARE * 2 * math.pi)
        pairs = torch.cat([radius * angle.cos(), radius * angle.sin()], dim=1)
        return pairs[:, :size].reshape(like.shape).to(like.dtype)

    def partner(self) -> Int[Tensor, " rows"]:
        """Return for each row the place of another row of its batch, `[rows]`; of a batch of one, its own.

        A batch's rows are put in a random order, in a ring, and each takes the next one.
        """
        keys = self._bits(())
        batch = torch.repeat_interleave(
            torch.arange(len(self._sizes), device=keys.device), torch.tensor(self._sizes, device=keys.device)
        )
        ring = keys.argsort()
        ring = ring[batch[ring].argsort(stable=True)]  # the batches in order, each in an order of its own
        ends = torch.tensor(self._sizes, device=keys.device).cumsum(0)
        following = torch.arange(1, len(ring) + 1, device=keys.device)
        following[ends - 1] = ends - torch.tensor(self._sizes, device=keys.device)
        return torch.empty_like(ring).scatter_(0, ring, ring[following])

    def _bits(self, shape: tuple[int, ...]) -> Tensor:
        """64 bits for each element, `[rows, *shape]`."""
        self._calls += 1
        keys = mix(self._keys + _signed(self._calls * 0xD1342543DE82EF95))
        if not shape:
            return keys
        elements = torch.arange(1, math.prod(shape) + 1, device=keys.device) * _GOLDEN
        return mix(keys[:, None] + elements).reshape(-1, *shape)
