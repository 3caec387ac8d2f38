"""What is wrong with pictures in class folders: files, shapes and colours, and pictures that occur twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from pellucid.data import folder
from pellucid.data.folder import Folder
from pellucid.data.inputs import PICTURES
from pellucid.preflight import Finding, alike, films, folders, per_cent, thumbnails
from pellucid.preflight.thumbnails import FORMATS, Thumbnails
from pellucid.recipe import DataSection

SHOWN = 3
"""Files that a message names."""
BLOWN_UP = 4.0
"""Times that a side is enlarged, beyond which hardly anything is to be seen."""
SQUASHED = 3.0
"""Times that height to width is the usual one, or the other way round, beyond which proportions mislead."""
FEW, MOST = 0.05, 0.5
"""Shares of a class's pictures that are grey, between which and beyond which colour tells classes apart."""


def check(section: DataSection) -> Iterator[Finding]:
    """Yield what is found in a recipe's folder of pictures. Rows are places among its files, sorted.

    Raises:
        DataError: the folder cannot be read, or none of its pictures.
    """
    found = folder.of_section(section, PICTURES, "pictures")
    small = thumbnails.read(found.root, found.files)
    yield from _unreadable(found, small, section.unreadable)
    yield from _endings(found, small)
    yield from folders.classes(found)
    yield from _blank(found, small)
    yield from _shapes(found, small, section.size)
    yield from _colours(found, small)
    yield from _gives_away(found, small)
    yield from _copies(found, small)
    yield from _films(found, small)


def _unreadable(found: Folder, small: Thumbnails, wanted: str) -> Iterator[Finding]:
    if not small.unreadable:
        return
    reasons = "; ".join(f"{file}: {why.rstrip('.')}" for file, why in small.unreadable[:SHOWN])
    leave_out = wanted == "leave out"
    does = "They are left out." if leave_out else 'Replace or remove them, or give data.unreadable="leave out".'
    rows = sorted(set(range(len(found.files))) - set(small.rows.tolist()))
    yield Finding(
        "unreadable", "note" if leave_out else "wrong", f"pictures that cannot be read: {reasons}. {does}", rows
    )


def _endings(found: Folder, small: Thumbnails) -> Iterator[Finding]:
    usual = Image.registered_extensions()
    names = (*FORMATS, "another format")
    wrong = [
        (int(row), names[held])
        for row, held in zip(small.rows, small.formats, strict=True)
        if usual.get(PurePosixPath(found.files[row]).suffix.lower()) != names[held]
    ]
    if wrong:
        told = ", ".join(f"{found.files[row]} is {name}" for row, name in wrong[:SHOWN])
        yield Finding(
            "wrong_ending",
            "note",
            f"names whose ending is not what the file holds: {told}. They are read by what they hold; other programs "
            "may not.",
            [row for row, _ in wrong],
        )


def _blank(found: Folder, small: Thumbnails) -> Iterator[Finding]:
    rows = small.rows[alike.deviations(small.small) < alike.BLANK].tolist()
    if rows:
        yield Finding(
            "blank",
            "doubtful",
            f"pictures of one colour alone: {folders.named(found, rows)}. Nothing is to be seen in them. Remove them, "
            "unless that is what the class means.",
            rows,
        )


def _shapes(found: Folder, small: Thumbnails, size: tuple[int, int] | None) -> Iterator[Finding]:
    if size is not None:
        enlarged = np.maximum(size[0] / small.heights, size[1] / small.widths)
        rows = small.rows[enlarged > BLOWN_UP].tolist()
        if rows:
            place = int(np.argmax(enlarged))
            yield Finding(
                "tiny",
                "doubtful",
                f"pictures that are far smaller than data.size = [{size[0]}, {size[1]}]: "
                f"{found.files[small.rows[place]]} has {small.widths[place]}x{small.heights[place]}. Little is to be "
                "seen in them. Choose a smaller data.size, or remove them.",
                rows,
            )
    shapes = np.log(small.heights / small.widths)
    usual = float(np.median(shapes))
    rows = small.rows[np.abs(shapes - usual) > np.log(SQUASHED)].tolist()
    if rows:
        place = int(np.argmax(np.abs(shapes - usual)))
        yield Finding(
            "odd_proportions",
            "doubtful",
            f"pictures of other proportions than the rest: {found.files[small.rows[place]]} has "
            f"{small.widths[place]}x{small.heights[place]}. All are brought to one size, so these are squashed. Cut "
            "them, or leave them out.",
            rows,
        )


def _colours(found: Folder, small: Thumbnails) -> Iterator[Finding]:
    grey = small.is_grey & (alike.deviations(small.small) >= alike.BLANK)
    if grey.all() or not grey.any():
        return
    codes = found.codes[small.rows]
    shares = {
        name: float(grey[codes == code].mean()) for code, name in enumerate(found.classes) if (codes == code).any()
    }
    most, least = max(shares, key=lambda name: shares[name]), min(shares, key=lambda name: shares[name])
    rows = small.rows[grey].tolist()
    if shares[most] > MOST and shares[least] < FEW:
        message = (
            f"{per_cent(shares[most])} % of the pictures of {most!r} are grey, and {per_cent(shares[least])} % of "
        )
        yield Finding(
            "grey_tells_class",
            "doubtful",
            f"{message}{least!r}: that tells the classes apart where colour means nothing. Make all of them grey, or "
            "collect others.",
            rows,
        )
    elif 2 * len(rows) < len(grey):
        yield Finding(
            "grey_among_colour", "note", f"grey pictures among those of colour: {folders.named(found, rows)}.", rows
        )


def _gives_away(found: Folder, small: Thumbnails) -> Iterator[Finding]:
    codes = found.codes[small.rows]
    for what, values in (("size", small.heights << 32 | small.widths), ("format", small.formats)):
        if folders.settles(values, codes):
            usual = {name: Counter(values[codes == code].tolist()) for code, name in enumerate(found.classes)}
            told = {name: _value(what, counts.most_common(1)[0][0]) for name, counts in usual.items() if counts}
            listed = ", ".join(f"{name} {value}" for name, value in list(told.items())[:SHOWN])
            yield Finding(
                f"{what}_tells_class",
                "doubtful",
                f"the {what} of a picture's file says its class ({listed}): the classes come from different places, so "
                "a net can learn the traces of these instead of what is shown. Bring all through the same steps.",
            )


def _value(what: str, value: int) -> str:
    if what == "format":
        return (*FORMATS, "another format")[value]
    return f"{value & 0xFFFFFFFF}x{value >> 32}"


def _copies(found: Folder, small: Thumbnails) -> Iterator[Finding]:
    same = folders.equal(small.digests)
    repeated = {place for group in same for place in group[1:]}
    once = np.array([place for place in range(len(small.rows)) if place not in repeated], np.int64)
    pairs = alike.near(small.small[once], alike.bar_for(np.minimum(small.heights, small.widths)))
    copied = [small.rows[group].tolist() for group in same]
    near = [small.rows[group].tolist() for group in alike.groups(once[pairs])]
    yield from folders.copies(found, copied)
    yield from folders.copies(found, folders.widened(found, near, copied), near=True)


def _films(found: Folder, small: Thumbnails) -> Iterator[Finding]:
    if not found.has_parts:
        return
    names = [found.files[row] for row in small.rows]
    seen = films.films(names, small)
    yield from films.cut(seen, names, [found.part_of(name) for name in names], small)
