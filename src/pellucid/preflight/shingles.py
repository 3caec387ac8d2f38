"""Texts that are nearly the same: a word changed, a sentence added, other capitals or punctuation.

A text is the set of its runs of five words; two are nearly the same where these sets share 0.8 of all they hold
(Broder 1997). Which pairs may be is told by short sketches of the sets; what the sets share then decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.preflight.alike import Pairs

WORDS = 5
"""Of a run. A text with fewer has one, all of it."""
SHARED = 0.8
"""What two sets share, of all that they hold: 500 words with 11 changed, or with 120 added."""
BANDS, ROWS = 12, 4
"""Of a sketch: pairs are looked at where all rows of one band agree, which is so for 99.8 % of those that share 0.8,
for 54 % that share 0.5, for 2 % that share 0.2."""
AT_ONCE = 2000
"""Texts that are sketched together, which bounds the memory."""
MANY = 64
"""Texts that agree in a band, beyond which each is compared with its next ones only."""
ODD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio, odd: multiplying by it spreads the bits (Knuth 1973, 6.4)."""


def near(texts: Sequence[str], shared: float = SHARED) -> Pairs:
    """Return the pairs of texts that are nearly the same, `[pairs, 2]`, the smaller row first, ascending.

    Texts without words are like none; those whose words are all the same are among the pairs.

    Args:
        texts: of any length.
        shared: 0 to 1; the sketches are made for 0.8 and miss more of what shares less.
    """
    pairs = candidates(sketches(texts))
    rows = np.unique(pairs).tolist()
    sets = dict(zip(rows, sets_of([texts[row] for row in rows]), strict=True))
    kept = np.array([jaccard(sets[one], sets[other]) >= shared for one, other in pairs.tolist()], bool)
    near: Pairs = pairs[kept]
    return near


def words_of(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hash of every word, one text after the other, and how many each text has. Capitals, marks and tags
    of HTML are no part of a word."""
    import polars

    plain = polars.Series(texts, dtype=polars.String).str.replace_all(r"<[^<>]{1,100}>", " ").str.to_lowercase()
    words = plain.str.extract_all(r"\w+")
    counts = words.list.len().to_numpy().astype(np.int64)
    return words.filter(words.list.len() > 0).explode().hash().to_numpy(), counts


def runs_of(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hash of every run of words, one text after the other, and how many each text has."""
    words, counts = words_of(texts)
    hashes = words.copy()
    for place in range(1, WORDS):
        hashes *= ODD
        hashes[:-place] += words[place:]
    starts, ends = np.cumsum(counts) - counts, np.cumsum(counts)
    kept = np.repeat(ends, counts) - np.arange(len(words)) >= WORDS
    for text in np.flatnonzero((counts > 0) & (counts < WORDS)):  # all its words, and none of the next text
        run = 0
        for word in words[starts[text] : ends[text]].tolist():
            run = (run * int(ODD) + word + 1) % 2**64
        hashes[starts[text]] = run
        kept[starts[text]] = True
    hashes ^= hashes >> np.uint64(32)
    hashes *= ODD
    return hashes[kept], np.where(counts >= WORDS, counts - WORDS + 1, np.minimum(counts, 1))


def sketches(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Return the smallest run of each text under 48 orders, `[BANDS * ROWS, texts]`; the largest value where there is
    none."""
    draw = np.random.default_rng(0)
    factors, shifts = draw.integers(0, 2**63, (2, BANDS * ROWS), dtype=np.uint64)
    factors = factors * np.uint64(2) + np.uint64(1)
    sketch = np.full((BANDS * ROWS, len(texts)), np.iinfo(np.uint32).max, np.uint32)
    for first in range(0, len(texts), AT_ONCE):
        hashes, counts = runs_of(texts[first : first + AT_ONCE])
        some = np.flatnonzero(counts)
        if not len(some):
            continue
        starts = (np.cumsum(counts) - counts)[some]
        for order, (factor, shift) in enumerate(zip(factors, shifts, strict=True)):
            values = ((hashes * factor + shift) >> np.uint64(32)).astype(np.uint32)
            sketch[order, first + some] = np.minimum.reduceat(values, starts)
    return sketch


def candidates(sketch: NDArray[np.uint32]) -> Pairs:
    """Return the pairs that agree in all rows of a band."""
    some = np.flatnonzero((sketch < np.iinfo(np.uint32).max).any(axis=0))
    found = [np.zeros((0, 2), np.int64)]
    for band in range(BANDS):
        key = np.zeros(len(some), np.uint64)
        for row in sketch[band * ROWS : (band + 1) * ROWS, some]:
            key = (key ^ (key >> np.uint64(29))) * ODD + row
        order = np.argsort(key, kind="stable")
        key, rows = key[order], some[order]
        for ahead in range(1, MANY):
            agree = key[ahead:] == key[:-ahead]
            if not agree.any():
                break
            found.append(np.sort(np.stack([rows[:-ahead][agree], rows[ahead:][agree]], axis=1), axis=1))
    return np.unique(np.concatenate(found), axis=0)


def sets_of(texts: Sequence[str]) -> Iterator[NDArray[np.uint64]]:
    """Yield the set of each text's runs, sorted."""
    hashes, counts = runs_of(texts)
    yield from map(np.unique, np.split(hashes, np.cumsum(counts)[:-1]) if len(texts) else [])


def jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Return what two sets share, of all that they hold."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / max(1, len(one) + len(other) - shared)
