"""Pictures of the user's own: a folder per class, or parts (train, validation, test) that hold a folder per class.

    ROOT/CLASS/.../a.jpg        or        ROOT/{train, val, test}/CLASS/.../a.jpg

Nothing is guessed silently: what lies in neither place is refused, what is left out is counted and told.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.data import packed
from pellucid.data.columns import Columns
from pellucid.data.decoding import Header
from pellucid.data.inputs import PICTURES
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import Field

PARTS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
EXPECTED = "Expected one folder per class, FOLDER/CLASS/a.jpg, or parts, FOLDER/{train,val,test}/CLASS/a.jpg."
LONGER_SIDE, SHORTEST_SIDE, GRID = 96, 16, 8
"""Pixels of a proposed size: of its longer side at most, of each side at least, and what each is a multiple of. At 96 a
small net makes an epoch of a thousand pictures in seconds on two cores, and most things are still told apart."""


@dataclass(frozen=True)
class ImageFolder:
    """Which pictures a folder holds, of which class, in which part.

    Attributes:
        root: the folder.
        files: their paths below it, with `/`, sorted.
        has_parts: whether the first folder of each path is a part, and the second the class.
        left_out: how many other files there are, by what they are.
    """

    root: Path
    files: tuple[str, ...]
    has_parts: bool
    left_out: Mapping[str, int]

    def class_of(self, file: str) -> str:
        """Return the class of one of the files."""
        return file.split("/")[self.has_parts]

    def part_of(self, file: str) -> str:
        """Return the part of one of the files; in a folder without parts that is train, until a split is drawn."""
        return PARTS[file.split("/")[0].lower()] if self.has_parts else "train"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, sorted."""
        return tuple(sorted({self.class_of(file) for file in self.files}))


def find(root: Path) -> ImageFolder:
    """Look which pictures lie where; no file is opened.

    Raises:
        DataError: there are none, or of one class only; some lie beside the class folders; or the parts have not the
            same classes.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder {root}. {EXPECTED}")
    left_out: Counter[str] = Counter()
    files = sorted(_pictures(root, left_out))
    if not files:
        held = f": it holds {_listed(left_out)}" if left_out else ", it is empty"
        raise DataError(f"{root} holds no picture{held}. {EXPECTED} Pictures end in {', '.join(sorted(PICTURES))}.")
    folders = {file.split("/")[0] for file in files if "/" in file}
    parts = {folder for folder in folders if folder.lower() in PARTS}
    has_parts = parts == folders and "train" in map(str.lower, parts)
    if len(parts) > 1 and not has_parts:
        others = ", ".join(sorted(folders - parts)) or "no train"
        raise DataError(f"{root} has the parts {', '.join(sorted(parts))}, but also {others}. {EXPECTED}")
    beside = [file for file in files if file.count("/") < 1 + has_parts]
    if beside:
        raise DataError(
            f"{root}: {len(beside)} pictures lie beside the class folders ({_first(beside)}). {EXPECTED} "
            "Move them into a folder that is named as their class."
        )
    folder = ImageFolder(root, tuple(files), has_parts, left_out)
    check_classes(folder)
    return folder


def _pictures(root: Path, left_out: Counter[str]) -> Iterator[str]:
    """Yield the paths below a folder; a link to a folder is followed where it stands for a part or a class."""
    for place, folders, names in os.walk(root, followlinks=True):
        below = Path(place).relative_to(root)
        hidden = [name for name in folders if name.startswith(".")]
        deep = [name for name in folders if len(below.parts) >= 2 and (Path(place) / name).is_symlink()]
        folders[:] = [name for name in folders if name not in hidden and name not in deep]
        left_out["hidden folders"] += len(hidden)
        left_out["links to folders"] += len(deep)
        for name in names:
            ending = Path(name).suffix.lower()
            if name.startswith("."):
                left_out["hidden files"] += 1
            elif ending not in PICTURES:
                left_out[f"files that end in {ending}" if ending else "files without an ending"] += 1
            else:
                yield (below / name).as_posix()
    for what in [what for what, count in left_out.items() if count == 0]:
        del left_out[what]


def check_classes(folder: ImageFolder) -> None:
    """Raise `DataError` unless there are two classes, and every part has them all."""
    classes = set(folder.classes)
    if len(classes) < 2:
        raise DataError(
            f"{folder.root} has one class only ({', '.join(classes)!r}): there is nothing to tell apart. {EXPECTED}"
        )
    found: dict[str, dict[str, set[str]]] = {}
    for file in folder.files:
        name = file.split("/")[0] if folder.has_parts else ""
        found.setdefault(folder.part_of(file), {}).setdefault(name, set()).add(folder.class_of(file))
    for part, names in found.items():
        if len(names) > 1:
            raise DataError(f"{folder.root} has the {part} part twice: {', '.join(sorted(names))}. Leave one of them.")
    trained = set().union(*found.get("train", {}).values())
    for part, names in found.items():
        for name, held in names.items():
            unknown, absent = sorted(held - trained), sorted(trained - held)
            if unknown or absent:
                wrong = f"train has no class {_first(unknown)}" if unknown else f"it lacks the class {_first(absent)}"
                raise DataError(
                    f"{folder.root}/{name}, the {part} part: {wrong}. Expected pictures of the same classes in every "
                    "part. Add the folder, or move the pictures."
                )


def read(section: DataSection) -> Columns:
    """Return the pictures of a recipe's folder, packed, and their classes.

    Raises:
        DataError: what `find` refuses, a recipe without `data.size`, or files that cannot be decoded.
    """
    folder = find(Path(section.source))
    if section.size is None:
        height, width = proposed_size(folder, headers_of(folder))
        raise DataError(
            f"data.size is not given, the height and width that pictures are brought to. Give data.size = "
            f"[{height}, {width}], which is the pictures' median size, at most {LONGER_SIDE} pixels."
        )
    classes, codes = folder.classes, {name: code for code, name in enumerate(folder.classes)}
    targets = {file: codes[folder.class_of(file)] for file in folder.files}
    pack = packed.open(folder.root, targets, section.size, section.unreadable)
    if pack.left_out:
        names = _first([file for file, _ in pack.left_out])
        print(f"{folder.root}: {len(pack.left_out)} unreadable pictures are left out: {names}", file=sys.stderr)
        folder = ImageFolder(folder.root, tuple(pack.files), folder.has_parts, folder.left_out)
        absent = sorted(set(classes) - set(folder.classes))
        if absent:
            raise DataError(f"{folder.root}: no picture of the class {_first(absent)} can be read.")
        check_classes(folder)
    parts = np.array([folder.part_of(file) for file in folder.files])
    given = {part: np.flatnonzero(parts == part) for part in sorted(set(parts.tolist()))} if folder.has_parts else {}
    return Columns(
        {"input": pack.pixels, "target": pack.targets},
        {
            "input": Field("image", pack.pixels.shape[1:], unit="byte"),
            "target": Field("category", categories=classes),
        },
        given,
    )


def headers_of(folder: ImageFolder) -> list[Header | None]:
    """Return what each file's header says, in the order of `files`; None where it is unreadable."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [
            found if not isinstance(found, DataError) else None
            for found in pool.map(packed.header_of, (folder.root / file for file in folder.files))
        ]


def proposed_size(folder: ImageFolder, headers: Sequence[Header | None]) -> tuple[int, int]:
    """Return the median height and width of the training pictures (of all, where no parts are given), made smaller.

    The longer side becomes 96 pixels at most; each is rounded to a multiple of 8 and is 16 at least.
    """
    trained = [
        header
        for file, header in zip(folder.files, headers, strict=True)
        if header is not None and folder.part_of(file) == "train"
    ]
    if not trained:
        raise DataError(f"{folder.root}: none of the pictures to train on can be read.")
    height = statistics.median(header.height for header in trained)
    width = statistics.median(header.width for header in trained)
    scale = min(1.0, LONGER_SIDE / max(height, width))
    height, width = (max(SHORTEST_SIDE, GRID * round(scale * side / GRID)) for side in (height, width))
    return int(height), int(width)


def told(folder: ImageFolder, headers: Sequence[Header | None], size: tuple[int, int]) -> list[str]:
    """Return lines that say what was found, and what is made of it. Sizes are width x height."""
    readable = [header for header in headers if header is not None]
    smallest, largest = (best(readable, key=lambda h: h.width * h.height) for best in (min, max))
    colour = "grey" if all(header.is_grey for header in readable) else "RGB"
    lines = [
        f"pictures: {len(folder.files):,} of {len(folder.classes)} classes, {colour}, "
        f"{smallest.width}x{smallest.height} to {largest.width}x{largest.height}, brought to {size[1]}x{size[0]}"
    ]
    counts = Counter((folder.part_of(file), folder.class_of(file)) for file in folder.files)
    for part in dict.fromkeys(PARTS.values()):
        of_part = [f"{name} {counts[part, name]:,}" for name in folder.classes if counts[part, name]]
        if of_part:
            more = f", and {len(of_part) - 10} more" if len(of_part) > 10 else ""
            lines.append(f"{part if folder.has_parts else 'classes'}: {', '.join(of_part[:10])}{more}")
    if folder.left_out:
        lines.append(f"left out: {_listed(folder.left_out)}")
    if len(readable) < len(headers):
        lines.append(f"unreadable: {len(headers) - len(readable)}; training names them")
    return lines


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
