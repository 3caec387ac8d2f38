"""Pictures that follow one another like the frames of a film, or nearly the same, on both sides of a split.

Names propose a film (`0016E5_07959.png`, `0016E5_07961.png`), and its pictures decide: neighbours by number must be far
more alike than frames that lie apart. A film cut into parts judges a net on scenes that it was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.preflight import Finding, alike, per_cent, thumbnails
from pellucid.preflight.thumbnails import Thumbnails

FEWEST = 20
"""Pictures of a film at least, so that chance makes none."""
APART, DRAWN = 4, 500
"""Frames lie apart where at least a quarter of the film is between them; so many such pairs are compared at most."""
ALIKE = 0.95
"""Share of the pairs that lie apart, which the median of the neighbours must exceed."""
LEAST = 0.1
"""Correlation of the detail of neighbours at least. Of the films of CamVid it is 0.17 at a frame a second, and 0.94 at
fifteen."""
HELD_OUT = ("validation", "test")


class Film(NamedTuple):
    """Pictures that follow one another: what their names begin with, and their places, by number."""

    name: str
    places: NDArray[np.int64]


def across(root: Path, files: Sequence[str], part_of: Callable[[str], str]) -> Iterator[Finding]:
    """Yield films that lie in two parts, and held-out pictures that are nearly the same as one of another part.

    Args:
        root: the folder.
        files: the pictures below it, in the order of the rows.
        part_of: the part of one of them, train, validation or test.

    Raises:
        DataError: no picture can be read.
    """
    small = thumbnails.read(root, files)
    names = [files[row] for row in small.rows]
    parts = [part_of(name) for name in names]
    yield from cut(films(names, small), names, parts, small)
    pairs = alike.near(small.small, alike.bar_for(np.minimum(small.heights, small.widths)))
    for part in HELD_OUT:
        near = sorted(
            {
                (held, other)
                for pair in pairs.tolist()
                for held, other in (pair, pair[::-1])
                if parts[held] == part and parts[other] != part and (parts[other] == "train" or part == "test")
            }
        )
        if near:
            held, other = near[0]
            rows = sorted({int(small.rows[held]) for held, _ in near})
            share = per_cent(len(rows) / parts.count(part))
            yield Finding(
                "near_duplicates_across_parts",
                "doubtful",
                f"{share} % of the {part} pictures are nearly the same as one of another part: {names[held]} and "
                f"{names[other]}. They measure memory. Keep them in one part.",
                rows,
            )


def films(names: Sequence[str], small: Thumbnails) -> list[Film]:
    """Return the films among pictures: names of one beginning and a number, and neighbours more alike than others."""
    numbered: dict[str, list[tuple[int, int]]] = {}
    for place, name in enumerate(names):
        match = re.fullmatch(r"(.*?)(\d+)", PurePosixPath(name).stem)
        if match:
            numbered.setdefault(match[1], []).append((int(match[2]), place))
    found = []
    for name, frames in sorted(numbered.items()):
        places = np.array([place for _, place in sorted(frames)], np.int64)
        if len(places) >= FEWEST and _follow(small.small[places]):
            found.append(Film(name, places))
    return found


def _follow(small: NDArray[np.uint8]) -> bool:
    """Whether neighbours are far more alike than pictures that lie apart."""
    count = len(small)
    places = np.arange(count - 1)
    distance = max(2, count // APART)
    spread = np.linspace(0, count - distance - 1, min(DRAWN, count - distance)).astype(np.int64)
    neighbours = alike.likeness(small, np.stack([places, places + 1], axis=1), detail=True)
    others = alike.likeness(small, np.stack([spread, spread + distance], axis=1), detail=True)
    return float(np.median(neighbours)) > max(float(np.quantile(others, ALIKE)), LEAST)


def cut(found: Sequence[Film], names: Sequence[str], parts: Sequence[str], small: Thumbnails) -> Iterator[Finding]:
    """Yield the films that lie in more than one part."""
    for film in found:
        of_part = {part: [row for row in film.places if parts[row] == part] for part in ("train", *HELD_OUT)}
        told = [f"{len(rows)} in {part}" for part, rows in of_part.items() if rows]
        if len(told) < 2:
            continue
        first = next(rows for rows in of_part.values() if rows)
        held = sorted(int(small.rows[row]) for part in HELD_OUT for row in of_part[part])
        yield Finding(
            "film_across_parts",
            "doubtful",
            f"pictures follow one another like the frames of a film, {names[first[0]]} and on, and the film is cut: "
            f"{', '.join(told)}. What is judged are scenes that were trained on; on others it will do worse. Keep a "
            "film in one part.",
            held,
        )
