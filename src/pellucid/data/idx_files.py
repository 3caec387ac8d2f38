"""Pairs of IDX files of the user's own, laid out as MNIST is: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`.

What stands before `images` and `labels` says the part: train, val, t10k or test. The files may be gzipped.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from pellucid.data import folder
from pellucid.data.arrays import from_parts
from pellucid.data.columns import Columns
from pellucid.data.idx import read_pair
from pellucid.errors import DataError
from pellucid.recipe import DataSection

PARTS = {**folder.PARTS, "t10k": "test"}
NAME = re.compile(r"(?P<before>.*?)[-_.]?(?P<what>images|labels)[-_.]idx\d([-_.]ubyte)?(\.idx)?(\.gz)?")
EXPECTED = "Expected PART-images-idx3-ubyte and PART-labels-idx1-ubyte, gzipped or not, with train and t10k for PART."


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Return the images of a recipe's folder, or of one pair in it, and their labels.

    Raises:
        DataError: a file has no counterpart, several sets lie in the folder, a file is damaged, or rows are to be
            grouped or ordered.
    """
    if keys:
        raise DataError(f"IDX files have no column {next(iter(keys))!r} to group or order rows by.")
    pairs = find(Path(section.source))
    parts = {part: read_pair(images, labels) for part, (images, labels) in pairs.items()}
    try:
        return from_parts(parts, "classify" if all(y.dtype.kind in "iu" for _, y in parts.values()) else None)
    except DataError as error:
        raise DataError(f"{section.source}: {error}") from None


def find(path: Path) -> dict[str, tuple[Path, Path]]:
    """Return the two files of each part. One file stands for its own pair, which then is to be split.

    Raises:
        DataError: a file lacks its counterpart, or the files are of several sets.
    """
    place = path if path.is_dir() else path.parent
    files = sorted(place.iterdir()) if place.is_dir() else []
    found: dict[tuple[str, str], dict[str, Path]] = {}
    for file in files:
        named = NAME.fullmatch(file.name)
        if named:
            *of_set, last = re.split(r"[-_.]", named["before"])
            part = PARTS.get(last.lower(), "")
            of = "-".join(of_set) if part else named["before"]
            pair = found.setdefault((of, part), {})
            if named["what"] not in pair or file == path:  # of two, packed and not, the one that is given
                pair[named["what"]] = file
    if path.is_file():
        found = {key: pair for key, pair in found.items() if path in pair.values()}
    if not found:
        raise DataError(f"{path} is no pair of IDX files. {EXPECTED}")
    sets = sorted({of for of, _ in found})
    if len(sets) > 1:
        raise DataError(f"{place} holds several sets of IDX files: {', '.join(sets)}. Give each a folder of its own.")
    for pair in found.values():
        if len(pair) < 2:
            lacks = "labels" if "images" in pair else "images"
            raise DataError(f"{next(iter(pair.values()))} has no {lacks} beside it. {EXPECTED}")
    pairs = {part: (pair["images"], pair["labels"]) for (_, part), pair in found.items()}
    if len(pairs) == 1:
        return {"train": next(iter(pairs.values()))}
    if "train" not in pairs:
        raise DataError(
            f"{place} holds {', '.join(part or 'files of no part' for part in pairs)} and no train. {EXPECTED}"
        )
    return {part: pairs[part] for part in ("train", "validation", "test") if part in pairs}
