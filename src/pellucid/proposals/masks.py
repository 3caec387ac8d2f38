"""A first recipe for pictures with a mask each: a small U-Net."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pellucid import recipe as recipes
from pellucid.data import folder, image_folder, masks
from pellucid.data.codes import IGNORED
from pellucid.data.decoding import Header
from pellucid.data.pairs import Pairs, look
from pellucid.errors import DataError
from pellucid.proposals import Proposal, batch_size, name_of, trained_rows
from pellucid.recipe import DataSection

LONGER_SIDE, SHORTEST_SIDE, GRID = 240, 32, 4
"""Pixels of a proposed size: of its longer side at most, of each side at least, and what each is a multiple of."""
LARGE = 128
"""Pixels of the longer side, above which the first convolution takes every second one."""
PASSES, PIXELS = (5, 80), 1_000_000_000
"""Epochs over pictures, at least and at most, between which about so many pixels are looked at."""
FEW = 0.2
"""Share of the pictures, up to which the values of a piece of their names may be films or places."""


def propose(path: Path, section: DataSection, model: str | None) -> Proposal:
    """Return a U-Net on a folder's pictures, brought to their median size or to 240 pixels."""
    pairs = look(path)
    pack, counts = masks.counted(pairs, "leave out")  # training names what cannot be read
    because = []
    if section.ignore is None and counts[:, IGNORED].any() and (counts.any(axis=0)).sum() > 2:
        section = section.model_copy(update={"ignore": (IGNORED,)})
        because.append(f"the value {IGNORED} of the masks is ignored; data.ignore overrules it")
    values = masks.values_of(pairs, counts, section.ignore or ())
    names = masks.names_of(path, values)
    headers = [header for header in image_folder.headers_of(_pictures(pairs)) if header is not None]
    height, width = size = section.size or _size(headers)
    trained = [
        row for row, file in enumerate(pairs.only(pack.kept).folder.files) if pairs.folder.part_of(file) == "train"
    ]
    pixels = counts[trained][:, list(values)].sum(axis=0)
    shares = pixels / max(1, pixels.sum())
    told = ", ".join(f"{name} {100 * share:.2g} %" for name, share in zip(names[:12], shares[:12], strict=True))
    more = f", and {len(names) - 12} more" if len(names) > 12 else ""
    because = [
        f"pictures with a mask: {len(pairs.rows):,}, {len(values)} classes, brought to {width}x{height}",
        *(f"{part}: {len(rows):,}" for part, rows in pairs.folder.given.items()),
        f"classes by their share of the pixels to train on: {told}{more}",
        *because,
        "in training, half of the pictures are mirrored with their masks; leave that out where left is not right: "
        "augment=[]",
        *_hints(pairs),
    ]
    if pack.left_out:
        because.append(f"unreadable: {len(pack.left_out)}; training names them")
    if pairs.folder.left_out:
        because.append(f"left out: {folder.listed(pairs.folder.left_out)}")
    rows = trained_rows(pairs.folder)
    made = recipes.parse(
        {
            "name": name_of(path.resolve().name) or "masks",
            "data": {**section.model_dump(), "size": size},
            "split": {"kind": "given" if pairs.folder.has_parts else "random"},
            "model": {"name": model or "unet", **({"stride": 2} if model is None and max(size) > LARGE else {})},
            "task": {"name": "segment", "class_weights": "root"},
            "augment": [{"name": "flip"}],
            "rule": {
                "name": "backpropagation",
                "optimizer": {"name": "adamw", "learning_rate": 3e-3, "weight_decay": 1e-2},
                "schedule": {"name": "one_cycle"},
            },
            "train": {
                "epochs": min(PASSES[1], max(PASSES[0], int(PIXELS / (rows * height * width)))),
                "batch_size": min(8, batch_size(rows, 8)),
            },
        },
        where=str(path),
    )
    return Proposal(made, because)


def _pictures(pairs: Pairs) -> folder.Folder:
    """The pictures where they lie."""
    return folder.Folder(pairs.root, "pictures", tuple(row[0] for row in pairs.rows), False, None, {})


def _size(headers: Sequence[Header]) -> tuple[int, int]:
    """The median height and width, made smaller where the longer one is above 240."""
    if not headers:
        raise DataError("none of the pictures can be read.")
    height = statistics.median(header.height for header in headers)
    width = statistics.median(header.width for header in headers)
    scale = min(1.0, LONGER_SIDE / max(height, width))
    height, width = (max(SHORTEST_SIDE, GRID * round(scale * side / GRID)) for side in (height, width))
    return int(height), int(width)


def _hints(pairs: Pairs) -> list[str]:
    """Where a piece of the names takes few values, each of many pictures: those may be frames of one film."""
    if pairs.folder.has_parts:
        return []
    hints = []
    for name, values in pairs.folder.keys(pairs.folder.name_columns()).items():
        num = len(np.unique(values))
        if 2 < num <= FEW * len(values):
            hints.append(
                f"{name} of the files' names takes {num} values; where it is a film, a place or a patient, keep its "
                f"pictures together: split.kind=grouped split.group={name}"
            )
    return hints
