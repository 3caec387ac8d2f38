"""Pictures of the user's own, in a folder per class, brought to one size."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import decoding, folder, packed
from pellucid.data.columns import Columns
from pellucid.data.decoding import Header
from pellucid.data.folder import Folder
from pellucid.data.inputs import PICTURES
from pellucid.data.packed import Layout
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import Field

LONGER_SIDE, SHORTEST_SIDE, GRID = 96, 16, 8
"""Pixels of a proposed size: of its longer side at most, of each side at least, and what each is a multiple of. At 96 a
small net makes an epoch of a thousand pictures in seconds on two cores, and most things are still told apart."""


def find(root: Path, target: str | None = None) -> Folder:
    """Look which pictures lie where; as `folder.find`."""
    return folder.find(root, PICTURES, "pictures", target)


@dataclass(frozen=True)
class Pictures:
    """How a picture becomes a row: uint8 `[channels, height, width]`, grey only where all are."""

    size: tuple[int, int]
    what = "pictures"

    @property
    def options(self) -> Mapping[str, Any]:
        """The size."""
        return {"size": self.size}

    def look(self, paths: Sequence[Path]) -> Header:
        """Read the header."""
        return decoding.header(paths[0])

    def layouts(self, looked: Sequence[Header]) -> Mapping[str, Layout]:
        """One channel where all are grey, else three."""
        return {"input": Layout("U8", (1 if all(header.is_grey for header in looked) else 3, *self.size))}

    def decode(self, paths: Sequence[Path], layouts: Mapping[str, Layout]) -> Mapping[str, NDArray[Any]]:
        """Decode and resize one."""
        shape = layouts["input"].shape
        assert shape is not None
        return {"input": decoding.decode(paths[0], shape)[0]}


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Return the pictures of a recipe's folder, packed, and their classes.

    Args:
        section: of the recipe.
        keys: columns that rows are grouped or ordered by.

    Raises:
        DataError: what `find` refuses, a recipe without `data.size`, or files that cannot be decoded.
    """
    found = folder.of_section(section, PICTURES, "pictures")
    if section.size is None:
        height, width = proposed_size(found, headers_of(found))
        raise DataError(
            f"data.size is not given, the height and width that pictures are brought to. Give data.size = "
            f"[{height}, {width}], which is the pictures' median size, at most {LONGER_SIDE} pixels."
        )
    classes = found.classes
    pack = packed.open(found.root, [(file,) for file in found.files], Pictures(section.size), section.unreadable)
    if pack.left_out:
        names = folder.first([file for file, _ in pack.left_out])
        print(f"{found.root}: {len(pack.left_out)} unreadable pictures are left out: {names}", file=sys.stderr)
        found = found.only(pack.kept)
    pixels = pack.columns["input"]
    assert isinstance(pixels, np.ndarray)
    return Columns(
        {"input": pixels, "target": found.codes},
        {"input": Field("image", pixels.shape[1:], unit="byte"), "target": Field("category", categories=classes)},
        found.given,
        found.keys(keys),
        pack.hashes,
        np.array(pack.kept, np.int64),
        found.files,
    )


def headers_of(found: Folder) -> list[Header | None]:
    """Return what each file's header says, in the order of `files`; None where it is unreadable."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [
            header if not isinstance(header, DataError) else None
            for header in pool.map(_header, (found.root / file for file in found.files))
        ]


def _header(path: Path) -> Header | DataError:
    try:
        return decoding.header(path)
    except DataError as error:
        return error


def proposed_size(found: Folder, headers: Sequence[Header | None]) -> tuple[int, int]:
    """Return the median height and width of the training pictures (of all, where no parts are given), made smaller.

    The longer side becomes 96 pixels at most; each is rounded to a multiple of 8 and is 16 at least.
    """
    trained = [
        header
        for file, header in zip(found.files, headers, strict=True)
        if header is not None and found.part_of(file) == "train"
    ]
    if not trained:
        raise DataError(f"{found.root}: none of the pictures to train on can be read.")
    height = statistics.median(header.height for header in trained)
    width = statistics.median(header.width for header in trained)
    scale = min(1.0, LONGER_SIDE / max(height, width))
    height, width = (max(SHORTEST_SIDE, GRID * round(scale * side / GRID)) for side in (height, width))
    return int(height), int(width)


def told(found: Folder, headers: Sequence[Header | None], size: tuple[int, int]) -> list[str]:
    """Return lines that say what was found, and what is made of it. Sizes are width x height."""
    readable = [header for header in headers if header is not None]
    smallest, largest = (best(readable, key=lambda h: h.width * h.height) for best in (min, max))
    colour = "grey" if all(header.is_grey for header in readable) else "RGB"
    lines = [
        f"pictures: {len(found.files):,} of {len(found.classes)} classes, {colour}, "
        f"{smallest.width}x{smallest.height} to {largest.width}x{largest.height}, brought to {size[1]}x{size[0]}",
        *folder.told(found),
    ]
    if len(readable) < len(headers):
        lines.append(f"unreadable: {len(headers) - len(readable)}; training names them")
    return lines
