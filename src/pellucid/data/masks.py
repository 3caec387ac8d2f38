"""Pictures of the user's own with a mask each, which says of every pixel what it shows; both brought to one size.

Which of them belong together is told by `pairs`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import decoding, packed
from pellucid.data.codes import IGNORED
from pellucid.data.columns import Columns
from pellucid.data.decoding import Header
from pellucid.data.folder import first
from pellucid.data.packed import Layout
from pellucid.data.pairs import Pairs, find
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import Field

NAMES = ("classes.txt", "labels.txt")
"""Files that name the classes, a line each."""
VALUES = 256


def grey(path: Path) -> NDArray[np.uint8]:
    """Return the values of a mask, `[height, width]`: grey ones as they are, of a palette its indices.

    Raises:
        DataError: it cannot be decoded, is lossy, of colours, or has more than 8 bits per value.
    """
    from PIL import Image

    decoding.header(path)
    try:
        with Image.open(path) as opened:
            if opened.format == "JPEG":
                raise DataError(
                    f"its mask {path.name} is a JPEG, which smears values at every edge. Save masks as PNG, made anew "
                    "from what they were drawn with."
                )
            values = np.asarray(opened, np.uint8)
            mode = opened.mode
    except DataError:
        raise
    except decoding.WRONG as error:
        raise DataError(f"its mask {path.name} cannot be decoded: {error}") from None
    if mode == "RGB" and (values[..., :1] == values).all():
        values = values[..., 0]  # grey, though saved as colours
    if values.ndim != 2:
        raise DataError(
            f"its mask {path.name} has colours (mode {mode}), and which class each stands for is not known. Save masks "
            "as PNG of grey values or of a palette, 0 for the first class, 1 for the second, ..."
        )
    return values


@dataclass(frozen=True)
class Counting:
    """How a mask becomes a row of counts: how many of its pixels have each value, at its full size."""

    what = "masks"

    @property
    def options(self) -> Mapping[str, Any]:
        """Nothing can be chosen."""
        return {"counted": VALUES}

    def look(self, paths: Sequence[Path]) -> None:
        """Nothing: a mask is opened once."""

    def layouts(self, looked: Sequence[None]) -> Mapping[str, Layout]:
        """A number per value."""
        return {"counts": Layout("I64", (VALUES,))}

    def decode(self, paths: Sequence[Path], layouts: Mapping[str, Layout]) -> Mapping[str, NDArray[Any]]:
        """Count the values of one."""
        return {"counts": np.bincount(grey(paths[1]).ravel(), minlength=VALUES)}


@dataclass(frozen=True)
class Masked:
    """How a picture and its mask become a row: uint8 `[channels, height, width]` and codes `[height, width]`."""

    size: tuple[int, int]
    values: tuple[int, ...]
    """The masks' values in the order of their codes; any other is ignored."""
    what = "pictures and masks"

    @property
    def options(self) -> Mapping[str, Any]:
        """The size and the values."""
        return {"size": self.size, "values": self.values}

    def look(self, paths: Sequence[Path]) -> Header:
        """Read both headers."""
        picture, mask = map(decoding.header, paths)
        if (picture.height, picture.width) != (mask.height, mask.width):
            raise DataError(
                f"its mask is {mask.width}x{mask.height} and the picture {picture.width}x{picture.height}: is it of "
                "another one?"
            )
        return picture

    def layouts(self, looked: Sequence[Header]) -> Mapping[str, Layout]:
        """One channel where all pictures are grey, else three; a mask has none."""
        channels = 1 if all(header.is_grey for header in looked) else 3
        return {"input": Layout("U8", (channels, *self.size)), "target": Layout("U8", self.size)}

    def decode(self, paths: Sequence[Path], layouts: Mapping[str, Layout]) -> Mapping[str, NDArray[Any]]:
        """Decode and resize both: the picture bilinearly, the mask by taking the nearest pixel."""
        shape = layouts["input"].shape
        assert shape is not None
        table = np.full(VALUES, IGNORED, np.uint8)
        table[list(self.values)] = np.arange(len(self.values))
        return {"input": decoding.decode(paths[0], shape)[0], "target": nearest(table[grey(paths[1])], self.size)}


def nearest(values: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return `[height, width]` values at another size, each that of the pixel in which its centre lies."""
    from PIL import Image

    height, width = size
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.NEAREST))


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Return the pictures and masks of a recipe's folder, packed.

    Args:
        section: of the recipe.
        keys: columns that rows are grouped or ordered by.

    Raises:
        DataError: what `find` refuses, a recipe without `data.size`, files that cannot be decoded, masks of one value
            only, a value that the training part lacks, or names of classes that do not fit.
    """
    pairs = find(Path(section.source))
    if section.size is None:
        raise DataError(
            "data.size is not given, the height and width that pictures and masks are brought to: data.size=[180, 240]."
        )
    kept, counts = counted(pairs, section.unreadable)
    pairs = _told(pairs, kept)
    values = values_of(pairs, counts, section.ignore or ())
    _check_parts(pairs, counts, values, section.ignore or ())
    pack = packed.open(pairs.root, pairs.rows, Masked(section.size, values), section.unreadable)
    pairs = _told(pairs, pack)
    pixels, codes = pack.columns["input"], pack.columns["target"]
    assert isinstance(pixels, np.ndarray)
    categories = names_of(pairs.root, values)
    return Columns(
        {"input": pixels, "target": codes},
        {
            "input": Field("image", pixels.shape[1:], unit="byte"),
            "target": Field("mask", section.size, categories=categories),
        },
        pairs.folder.given,
        pairs.folder.keys(keys),
        pack.hashes,
        np.array(kept.kept, np.int64)[list(pack.kept)],
        pairs.folder.files,
    )


def counted(pairs: Pairs, unreadable: str) -> tuple[packed.Pack, NDArray[np.int64]]:
    """Return which masks can be read, and how many pixels of each of them have which value, `[rows, 256]`.

    Args:
        unreadable: "refuse" or "leave out", what becomes of the others.
    """
    pack = packed.open(pairs.root, pairs.rows, Counting(), unreadable)
    counts = pack.columns["counts"]
    assert isinstance(counts, np.ndarray)
    return pack, counts.astype(np.int64, copy=False)


def _told(pairs: Pairs, pack: packed.Pack) -> Pairs:
    """The pairs that were kept, and a line on those that were not."""
    if pack.left_out:
        names = first([file for file, _ in pack.left_out])
        print(f"{pairs.root}: {len(pack.left_out)} pictures are left out, with their masks: {names}", file=sys.stderr)
    return pairs.only(pack.kept)


def values_of(pairs: Pairs, counts: NDArray[np.int64], ignore: Sequence[int]) -> tuple[int, ...]:
    """Return the values that are classes, ascending; raise `DataError` where there is nothing to tell apart."""
    values = [value for value in np.flatnonzero(counts.sum(axis=0)).tolist() if value not in ignore]
    if len(values) < 2:
        held = f"one value only ({values[0]})" if values else "no value"
        beside = f" beside data.ignore = {list(ignore)}" if ignore else ""
        raise DataError(f"{pairs.root}: the masks hold {held}{beside}: there is nothing to tell apart.")
    if len(values) > IGNORED:
        raise DataError(f"{pairs.root}: the masks hold {len(values)} values, and {IGNORED} classes can be told apart.")
    return tuple(values)


def untrained(pairs: Pairs, counts: NDArray[np.int64], values: Sequence[int]) -> Iterator[tuple[int, str, list[int]]]:
    """Yield each value that a given part has and training lacks, the part, and the rows that hold it."""
    given = pairs.folder.given
    for part, rows in given.items():
        for value in values:
            if not counts[given["train"], value].any() and counts[rows, value].any():
                yield value, part, rows[counts[rows, value] > 0].tolist()


def _check_parts(pairs: Pairs, counts: NDArray[np.int64], values: Sequence[int], ignore: Sequence[int]) -> None:
    for value, part, rows in untrained(pairs, counts, values):
        without = ", ".join(map(str, sorted([*ignore, value])))
        raise DataError(
            f"{pairs.root}: no training mask has the value {value}, and {len(rows)} of the {part} part do: "
            f"{first([pairs.rows[row][1] for row in rows])}. Move some of them into train, or leave the value out: "
            f"data.ignore=[{without}]."
        )


def names_of(root: Path, values: Sequence[int]) -> tuple[str, ...]:
    """Return what the classes are called: by a line each of classes.txt or labels.txt, else by their values.

    Line n + 1 names the value n; or, where there are as many lines as classes, they are named in their order.
    """
    file = next((root / name for name in NAMES if (root / name).is_file()), None)
    if file is None:
        return tuple(map(str, values))
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from None
    names = [line for line in lines if line]
    if len(names) != len(values):
        num_lines, names = len(names), [lines[value] for value in values if value < len(lines)]
        if len(names) < len(values) or not all(names):
            raise DataError(
                f"{file} has {num_lines} lines for {len(values)} classes of values up to {max(values)}. Expected a "
                f"name per class, or one for every value from 0 to {max(values)}."
            )
    if len(set(names)) < len(names):
        raise DataError(f"{file} gives two classes the name {Counter(names).most_common(1)[0][0]!r}.")
    return tuple(names)
