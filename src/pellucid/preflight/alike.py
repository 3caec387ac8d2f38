"""Pictures that are nearly the same: saved again, scaled, brighter, cut a little; or frames of one film.

A perceptual hash proposes pairs (Zauner 2010: signs of the lowest frequencies of a small grey picture), found without
comparing all with all (Norouzi, Punjani, Fleet 2012, arXiv:1307.2982); then the pixels decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.int64]
"""`[pairs, 2]`, the smaller row first, ascending."""

SIDE, FREQUENCIES = 32, 8
"""Pixels of a small picture's sides, and how many frequencies of each direction are hashed: 64 bits."""
PIECES, BITS = 4, 16
"""Pieces that a hash is cut into. Of two hashes that differ in 7 bits at most, one piece differs in one at most."""
AT_ONCE = 1 << 20
"""Pairs that are looked at together, which bounds the memory."""
MANY, FEW = 64, 16
"""Later pictures that agree with one in a piece, and of all pieces those that differ in the fewest bits: so many are
compared with it at most."""
BLANK = 2.0
"""Standard deviation in 0 to 255, below which a picture shows nothing that could be compared."""
BLUR = 5
"""Pixels of the side of the square whose mean is taken off to leave the detail."""


class Bar(NamedTuple):
    """What two pictures must reach to be nearly the same.

    Attributes:
        bits: of the hashes, at most so many differ.
        pixels: correlation of their small pictures' pixels.
        detail: correlation of what is left of them when a blurred one is taken off.
    """

    bits: int
    pixels: float
    detail: float


LARGE = Bar(7, 0.95, 0.85)
"""Measured on 230 photographs and copies of each: JPEG at quality 40 (0.984 and 0.961 at the lowest), half the size, a
brightness of 0.7 to 1.2, cut by 1 % at each side (0.960 and 0.886). No two of 1,397 photographs come near."""
SMALL = Bar(3, 0.995, 0.98)
"""Where pictures are smaller than `DETAILED`, different ones of a kind can be as alike as copies: of 10,000 digits of
MNIST 31 pairs have 0.98 and 3 bits, none has 0.995."""
DETAILED = 64
"""Pixels of the shorter side, from which pictures have detail enough that no two are alike by chance."""


def bar_for(sides: NDArray[np.int64]) -> Bar:
    """Return what pictures must reach, by the median of their shorter sides in pixels."""
    return LARGE if np.median(sides) >= DETAILED else SMALL


def near(small: NDArray[np.uint8], bar: Bar) -> Pairs:
    """Return the pairs of pictures that are nearly the same.

    Args:
        small: pictures brought to `SIDE`, uint8 `[pictures, 3, SIDE, SIDE]`. Blank ones are like none.
        bar: what a pair must reach.
    """
    shows = np.flatnonzero(deviations(small) >= BLANK)
    pairs = shows[within(fingerprints(small[shows]), bar.bits)].reshape(-1, 2)
    return pairs[verified(small, pairs, bar)]


def deviations(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the standard deviation of each picture's pixels, the largest of its channels', `[pictures]`."""
    parts = [part.std(axis=(2, 3), dtype=np.float32).max(axis=1) for part in _blocks(small)]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def fingerprints(small: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the perceptual hash of each picture, `[pictures]`: which low frequencies lie above their median."""
    places = np.arange(SIDE)
    waves = np.cos(np.pi / SIDE * (places + 0.5) * places[:FREQUENCIES, None]).astype(np.float32)  # DCT-II
    hashes = [np.zeros(0, np.uint64)]
    for part in _blocks(small):
        grey = part.mean(axis=1, dtype=np.float32)  # (pictures, SIDE, SIDE)
        spectrum = (waves @ grey @ waves.T).reshape(len(grey), -1)  # (pictures, 64)
        signs = spectrum > np.median(spectrum[:, 1:], axis=1, keepdims=True)  # the first is the brightness
        hashes.append(np.packbits(signs, axis=1).view(np.uint64)[:, 0])
    return np.concatenate(hashes)


def within(hashes: NDArray[np.uint64], bits: int) -> Pairs:
    """Return the pairs whose hashes differ in so many bits at most.

    Of a picture that is like many, such as a frame of a still camera, only some pairs are returned: all with all would
    take minutes for a thousand of them.

    Args:
        hashes: `[rows]`.
        bits: 0 to 7.
    """
    if not 0 <= bits < 2 * PIECES:
        raise ValueError(f"bits = {bits}: expected 0 to {2 * PIECES - 1}.")
    flips = [0] if bits < PIECES else [0, *(1 << bit for bit in range(BITS))]
    num, found = len(hashes), np.zeros((0, 2), np.int64)
    for piece in range(PIECES):
        keys = (hashes >> np.uint64(BITS * piece)).astype(np.uint16)
        order = np.argsort(keys, kind="stable")
        places = keys[order].astype(np.int64) * num + order  # ascending: by key, and by row where keys agree
        for flip in flips:
            wanted = (keys ^ np.uint16(flip)).astype(np.int64)
            starts = np.searchsorted(places, wanted * num + np.arange(num), side="right")  # later rows with that key
            stops = np.minimum(np.searchsorted(places, (wanted + 1) * num), starts + MANY)
            for rows, at in _expanded(starts, np.maximum(starts, stops)):
                others = order[at]
                close = np.bitwise_count(hashes[rows] ^ hashes[others]) <= bits
                if close.any():
                    pairs = np.stack([rows[close], others[close]], axis=1)
                    found = _closest(np.unique(np.concatenate([found, pairs]), axis=0), hashes)
    return found


def _closest(pairs: Pairs, hashes: NDArray[np.uint64]) -> Pairs:
    """Of each row's pairs with later ones the `FEW` whose hashes differ least; of equals the next in order."""
    counts = np.bincount(pairs[:, 0])
    if counts.max() <= FEW:
        return pairs
    apart = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]])
    order = np.lexsort((pairs[:, 1], apart, pairs[:, 0]))
    rank = np.arange(len(pairs)) - np.repeat(np.cumsum(counts) - counts, counts)
    closest: Pairs = pairs[np.sort(order[rank < FEW])]
    return closest


def _expanded(starts: Pairs, stops: Pairs) -> Iterator[tuple[Pairs, Pairs]]:
    """Yield each row beside every place from its start to its stop, about `AT_ONCE` of them together."""
    counts = stops - starts
    ends = np.cumsum(counts)
    first = 0
    while first < len(counts):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + AT_ONCE, side="right")))
        rows = np.repeat(np.arange(first, last), counts[first:last])
        ramp = np.arange(len(rows)) - np.repeat(ends[first:last] - counts[first:last] - done, counts[first:last])
        yield rows, starts[rows] + ramp
        first = last


def verified(small: NDArray[np.uint8], pairs: Pairs, bar: Bar) -> NDArray[np.bool_]:
    """Return which pairs reach the bar by their pixels and by their detail, `[pairs]`."""
    reached = likeness(small, pairs) >= bar.pixels
    reached[reached] = likeness(small, pairs[reached], detail=True) >= bar.detail
    return reached


def likeness(small: NDArray[np.uint8], pairs: Pairs, *, detail: bool = False) -> NDArray[np.float32]:
    """Return the correlation of each pair's pixels, or of their detail: what a blurred picture lacks, `[pairs]`."""
    alike = np.zeros(len(pairs), np.float32)
    size = AT_ONCE >> 10
    for first in range(0, len(pairs), size):
        rows, sides = np.unique(pairs[first : first + size], return_inverse=True)  # each picture once
        pictures = small[rows].astype(np.float32)
        shapes = _of_length_one(pictures - _blurred(pictures) if detail else pictures)
        one, other = sides.reshape(-1, 2).T
        alike[first : first + size] = np.einsum("ij,ij->i", shapes[one], shapes[other])
    return alike


def _blurred(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the square around each pixel, its border repeated."""
    reach = BLUR // 2
    for axis in (2, 3):
        size = pictures.shape[axis]
        places = np.clip(np.arange(-reach, size + reach), 0, size - 1)
        total = np.zeros_like(pictures)
        for first in range(BLUR):
            total += pictures.take(places[first : first + size], axis)
        pictures = total / np.float32(BLUR)
    return pictures


def _of_length_one(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pictures as vectors of mean 0 and length 1, whose products are correlations; what is constant becomes 0."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    shapes: NDArray[np.float32] = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3)
    return shapes


def _blocks(pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for first in range(0, len(pictures), AT_ONCE >> 8):
        yield pictures[first : first + (AT_ONCE >> 8)]


def groups(pairs: Pairs | Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the rows that pairs join, directly or through others: each group ascending, by their first rows."""
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        while parent.setdefault(row, row) != row:
            parent[row] = row = parent[parent[row]]
        return row

    for one, other in np.asarray(pairs, np.int64).reshape(-1, 2).tolist():
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    found: dict[int, list[int]] = {}
    for row in sorted(parent):
        found.setdefault(root(row), []).append(row)
    return list(found.values())
