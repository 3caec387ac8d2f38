"""What is wrong with masks: pairs that are not whole, values that mean nothing, classes that a part lacks, and pictures
of one film in two parts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data import decoding, masks
from pellucid.data.codes import IGNORED
from pellucid.data.folder import first
from pellucid.data.masks import VALUES
from pellucid.data.pairs import LONELY, Pairs, look
from pellucid.errors import DataError
from pellucid.preflight import Finding, films
from pellucid.recipe import DataSection

RARE, FEW_MASKS = 1e-4, 0.02
"""Share of all pixels and share of the masks, below which a value is a slip of the pen rather than a class."""
MANY = 0.2
"""Share of the masks that hold one value only, from which pictures that show nothing simply belong to the data."""
FAULTS = {
    "unreadable": "pictures or masks cannot be decoded: {0}. Replace or remove them.",
    "lossy_mask": "masks are JPEGs ({0}): compression smears values at every edge. Save them as PNG, made anew from "
    "what they were drawn with.",
    "coloured_mask": "masks have colours ({0}), and which class each stands for is not known. Save grey values or a "
    "palette.",
    "other_size": "masks have another size than their pictures ({0}): are they of other ones?",
}
"""What is wrong with single files, and what to say of it."""


@dataclass(frozen=True)
class Seen:
    """A mask as it was found: what is wrong with it, or its mode and how many pixels have each value."""

    fault: str = ""
    mode: str = ""
    counts: NDArray[np.int64] | None = None


def check(section: DataSection) -> Iterator[Finding]:
    """Yield what is found in a recipe's folder. Row k is the k-th picture that has a mask, sorted by name."""
    pairs = look(Path(section.source))
    for lonely, what, kind in zip(pairs.alone, LONELY, ("picture_without_mask", "mask_without_picture"), strict=True):
        if lonely:
            yield Finding(kind, "wrong", f"{len(lonely)} {what} of the same name: {first(lonely)}.")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(pool.map(_seen, *zip(*[[pairs.root / file for file in row] for row in pairs.rows], strict=True)))
    leave_out = section.unreadable == "leave out"
    for fault, message in FAULTS.items():
        rows = [row for row, each in enumerate(seen) if each.fault == fault]
        if rows:
            told = f"{len(rows)} {message.format(_files(pairs, rows))}" + (" They are left out." if leave_out else "")
            yield Finding(fault, "note" if leave_out else "wrong", told, rows)
    yield from _mixed(pairs, seen)
    counts = np.stack([np.zeros(VALUES, np.int64) if each.counts is None else each.counts for each in seen])
    good = np.array([not each.fault for each in seen])
    if good.any():
        yield from _values(pairs, counts, good, section.ignore or ())
        if pairs.folder.has_parts:
            pictures = [picture for picture, _ in pairs.rows]
            parts = dict(zip(pictures, map(pairs.folder.part_of, pairs.folder.files), strict=True))
            yield from films.across(pairs.root, pictures, parts.__getitem__)


def _seen(picture: Path, mask: Path) -> Seen:
    from PIL import Image

    try:
        height, width = decoding.header(picture)[1:]
        decoding.header(mask)
        with Image.open(mask) as opened:
            lossy, mode = opened.format == "JPEG", opened.mode
    except (DataError, OSError):
        return Seen("unreadable")
    if lossy:
        return Seen("lossy_mask")
    try:
        values = masks.grey(mask)
    except DataError as error:
        return Seen("coloured_mask" if "has colours" in str(error) else "unreadable")
    if values.shape != (height, width):
        return Seen("other_size")
    return Seen("", mode, np.bincount(values.ravel(), minlength=VALUES))


def _files(pairs: Pairs, rows: Sequence[int]) -> str:
    return first([pairs.rows[row][1] for row in rows])


def _mixed(pairs: Pairs, seen: Sequence[Seen]) -> Iterator[Finding]:
    """A palette's indices beside grey values: the same class may have two values."""
    palettes = [row for row, each in enumerate(seen) if each.mode == "P"]
    others = [row for row, each in enumerate(seen) if each.mode not in ("", "P")]
    if palettes and others:
        fewer, what = min((palettes, "a palette"), (others, "grey values"), key=lambda pair: len(pair[0]))
        yield Finding(
            "mixed_modes",
            "doubtful",
            f"{len(fewer)} masks have {what} and the others not ({_files(pairs, fewer)}): an index of a palette and a "
            "grey value of the same class may differ. Look at both, and save all alike.",
            fewer,
        )


def _values(
    pairs: Pairs, counts: NDArray[np.int64], good: NDArray[np.bool_], ignore: Sequence[int]
) -> Iterator[Finding]:
    """What the values of all masks say together."""
    absent = [value for value in ignore if not counts[:, value].any()]
    if absent:
        message = f"data.ignore names {first([str(value) for value in absent])}, which no mask holds."
        yield Finding("ignore_absent", "doubtful", message)
    learned = counts.copy()
    learned[:, list(ignore)] = 0
    values = np.flatnonzero(learned.any(axis=0)).tolist()
    if len(values) < 2:
        yield Finding("one_value", "wrong", "the masks hold fewer than two values: there is nothing to tell apart.")
        return
    if IGNORED in values and len(values) > 2:
        rows = np.flatnonzero(counts[:, IGNORED]).tolist()
        message = (
            f"the value {IGNORED}, which often stands for what nobody labelled, is a class here. Is it? Else leave "
        )
        yield Finding("unlabelled", "doubtful", f"{message}it out: data.ignore=[{IGNORED}].", rows)
    total, most = learned.sum(), max(1, FEW_MASKS * good.sum())
    for value in values:
        rows = np.flatnonzero(learned[:, value]).tolist()
        pixels = int(learned[:, value].sum())
        if pixels < RARE * total and len(rows) <= most:
            yield Finding(
                "rare_value",
                "doubtful",
                f"the value {value} has {pixels:,} pixels, in {_files(pairs, rows)} alone: a slip of the pen? Mend it, "
                f"or leave it out: data.ignore=[{', '.join(map(str, sorted([*ignore, value])))}].",
                rows,
            )
    yield from _constant(pairs, learned, good)
    for value, part, rows in masks.untrained(pairs, counts, values):
        message = (
            f"no training mask has the value {value}, and masks of the {part} part do ({_files(pairs, rows)}): it "
        )
        yield Finding("untrained_value", "wrong", f"{message}cannot be learned.", rows)
    for part, of_part in pairs.folder.given.items():
        lacking = [str(value) for value in values if part != "train" and not learned[of_part, value].any()]
        if lacking:
            message = f"no mask of the {part} part has the value {first(lacking)}: nothing is said there of how well "
            yield Finding("absent_class", "doubtful", f"{message}such classes are found.")


def _constant(pairs: Pairs, learned: NDArray[np.int64], good: NDArray[np.bool_]) -> Iterator[Finding]:
    """Masks that say nothing, or the same of every pixel."""
    num = (learned > 0).sum(axis=1)
    nothing = np.flatnonzero(good & (num == 0)).tolist()
    if nothing:
        message = f"every pixel is ignored in {_files(pairs, nothing)}: nothing is learned from such a picture."
        yield Finding("all_ignored", "doubtful", message, nothing)
    constant = np.flatnonzero(good & (num == 1)).tolist()
    if constant:
        often = len(constant) > MANY * good.sum()
        message = f"{len(constant)} masks hold one value only ({_files(pairs, constant)})"
        told = (
            ": as so many do, pictures that show nothing seem to belong to the data."
            if often
            else (": were they drawn at all? Look at them.")
        )
        yield Finding("constant_mask", "note" if often else "doubtful", message + told, constant)
