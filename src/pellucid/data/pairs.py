"""Pictures of the user's own with a mask each: which of them belong together. No file is opened.

    ROOT/{train, val, test}/x.jpg        ROOT/images/x.jpg        ROOT/train/images/x.jpg        ROOT/images/train/x.jpg
    ROOT/{train, val, test}annot/x.png   ROOT/masks/x.png         ROOT/train/masks/x.png         ROOT/masks/train/x.png

A picture and its mask have the same name but for the ending; `masks` may be called `labels` or `annotations` too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pellucid.data import walking
from pellucid.data.folder import PARTS, Folder, first
from pellucid.data.inputs import PICTURES
from pellucid.data.packed import Row
from pellucid.errors import DataError

IMAGES, MASKS, ANNOTATED = "images", ("labels", "masks", "annotations"), "annot"
LONELY = ("pictures have no mask", "masks have no picture")
EXPECTED = (
    "Expected FOLDER/images and FOLDER/masks (or labels, annotations), each whole or in the parts train, val and test; "
    "or FOLDER/train and FOLDER/trainannot. A mask has the name of its picture, but for the ending."
)


@dataclass(frozen=True)
class Pairs:
    """Which pictures and masks belong together.

    Attributes:
        folder: the pictures' paths without the folder that says what they are, sorted: `train/x.jpg` for
            `train/images/x.jpg`. Row k is its k-th file.
        rows: the picture and the mask of each, below the root.
        alone: pictures without a mask, and masks without a picture.
    """

    folder: Folder
    rows: tuple[Row, ...]
    alone: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def root(self) -> Path:
        """The folder."""
        return self.folder.root

    def only(self, kept: Sequence[int]) -> Pairs:
        """Return the pairs without those that cannot be read; raise `DataError` where a given part is left empty."""
        files = tuple(self.folder.files[row] for row in kept)
        folder = replace(self.folder, files=files)
        if absent := sorted(self.folder.given.keys() - folder.given.keys()):
            raise DataError(f"{self.root}: no picture of the {absent[0]} part can be read together with its mask.")
        return replace(self, folder=folder, rows=tuple(self.rows[row] for row in kept))


def look(root: Path) -> Pairs:
    """Look which pictures and masks lie where; none is opened.

    Raises:
        DataError: there is no pair, two files of one name claim to be the same one, or pictures lie beside the parts.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder {root}. {EXPECTED}")
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    left_out: Counter[str] = Counter()
    for file in sorted(walking.files_in(root, PICTURES, left_out)):
        role, key = _role(file, root)
        if role is None:
            left_out["pictures in other folders"] += 1
            continue
        stem = str(PurePosixPath(key).with_suffix(""))
        if stem in found[role]:
            raise DataError(f"{root}: {found[role][stem]} and {file} have one name. Which is meant? Remove the other.")
        found[role][stem] = file
    pictures, masks = found
    paired = sorted(pictures.keys() & masks.keys())
    if not paired:
        raise DataError(f"{root} holds no picture that has a mask. {EXPECTED}")
    heads = {stem.split("/")[0] if "/" in stem else "" for stem in paired}
    parts = {head for head in heads if head.lower() in PARTS}
    has_parts = parts == heads and "train" in map(str.lower, parts)
    if len(parts) > 1 and not has_parts:
        others = ", ".join(sorted(head or "pictures outside them" for head in heads - parts)) or "no train"
        raise DataError(f"{root} has the parts {', '.join(sorted(parts))}, but also {others}. {EXPECTED}")
    files = tuple(stem + PurePosixPath(pictures[stem]).suffix for stem in paired)
    alone = [tuple(of[stem] for stem in sorted(of.keys() - set(paired))) for of in found]
    return Pairs(
        Folder(root, "pictures", files, has_parts, None, left_out),
        tuple((pictures[stem], masks[stem]) for stem in paired),
        (alone[0], alone[1]),
    )


def _role(file: str, root: Path) -> tuple[int | None, str]:
    """Whether a file is a picture (0), a mask (1) or neither, and its path without the folder that says so."""
    pieces = file.split("/")
    head = pieces[0].lower()
    if len(pieces) > 1 and head.removesuffix(ANNOTATED) in PARTS and head.endswith(ANNOTATED):
        return 1, "/".join([pieces[0][: -len(ANNOTATED)], *pieces[1:]])
    for place, piece in enumerate(pieces[:-1]):
        if piece.lower() == IMAGES or piece.lower() in MASKS:
            return int(piece.lower() != IMAGES), "/".join(pieces[:place] + pieces[place + 1 :])
    if len(pieces) > 1 and head in PARTS and (root / f"{pieces[0]}{ANNOTATED}").is_dir():
        return 0, file
    return None, file


def find(root: Path) -> Pairs:
    """Return the pairs of a folder in which every picture has a mask; raise `DataError` naming those that lack one."""
    pairs = look(root)
    for lonely, what in zip(pairs.alone, LONELY, strict=True):
        if lonely:
            raise DataError(
                f"{root}: {len(lonely)} {what} of the same name: {first(lonely)}. Add what is missing, or move them "
                "away."
            )
    return pairs
