"""CIFAR-10 and CIFAR-100 in their publisher's binary version (Krizhevsky 2009), wherever the folder lies.

A row is its labels, a byte each, and 3,072 pixel bytes, channels first; CIFAR-100 has the coarse label before the fine.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import Columns
from pellucid.data.kinds import CIFAR
from pellucid.errors import DataError, closest
from pellucid.recipe import DataSection
from pellucid.spec import Field

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Form:
    """One of the two sets.

    Attributes:
        parts: its files, by part.
        names: of each label byte, in their order, what it is called, the file of its names and how many there are.
    """

    parts: Mapping[str, tuple[str, ...]]
    names: Mapping[str, tuple[str, int]]


FORMS = (
    Form(
        {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)},
        {"label": ("batches.meta.txt", 10)},
    ),
    Form(
        {"train": ("train.bin",), "test": ("test.bin",)},
        {"coarse": ("coarse_label_names.txt", 20), "fine": ("fine_label_names.txt", 100)},
    ),
)


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Return the photographs of a recipe's folder, uint8 `[N, 3, 32, 32]`, and their class.

    Args:
        section: of the recipe. Of CIFAR-100, the target is "fine" (left out: that one) or "coarse".
        keys: of CIFAR-100, the label that rows are grouped by.

    Raises:
        DataError: a file is missing or damaged, or a label has no name.
    """
    place = folder_in(Path(section.source))
    form = next((form for form in FORMS if (place / form.parts["train"][0]).is_file()), None)
    if form is None:
        expected = " or ".join(form.parts["train"][0] for form in FORMS)
        raise DataError(f"{section.source} holds no CIFAR in its binary version: expected {expected}.")
    target = section.target or list(form.names)[-1]
    for wanted in (target, *keys):
        if wanted not in form.names:
            raise DataError(f"{place} has no label {wanted!r}. {closest(wanted, form.names)}")
    labels = {what: names_in(place / file, count) for what, (file, count) in form.names.items()}
    counts = [len(names) for names in labels.values()]
    parts = {
        part: [rows_of(place / file, counts) for file in files if part == "train" or (place / file).is_file()]
        for part, files in form.parts.items()
    }
    codes, images, given = joined(parts, len(counts))
    column = list(form.names).index(target)
    return Columns(
        {"input": images, "target": codes[:, column]},
        {"input": Field("image", SHAPE, unit="byte"), "target": Field("category", categories=labels[target])},
        given,
        {key: codes[:, list(form.names).index(key)] for key in keys},
    )


def folder_in(path: Path) -> Path:
    """Return the folder that holds the files: the path itself, or what an archive unpacked to inside it."""
    return next((path / name for name in CIFAR if (path / name).is_dir()), path)


def names_in(path: Path, count: int) -> tuple[str, ...]:
    """Return the names of the labels, a line each; raise `DataError` where they are not so many."""
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}, which names the labels, cannot be read: {error}.") from None
    if len(names) != count or len(set(names)) != count:
        raise DataError(f"{path} has {len(names)} names: expected {count} different ones, a line each. Fetch it again.")
    return names


def rows_of(path: Path, counts: Sequence[int]) -> NDArray[np.uint8]:
    """Return the rows of one file, `[N, labels + 3072]`.

    Args:
        path: of the file.
        counts: how many values each label has.

    Raises:
        DataError: it is missing, its length is no multiple of a row's, or a label is too large.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    size = len(counts) + PIXELS
    if len(content) == 0 or len(content) % size:
        raise DataError(f"{path} has {len(content):,} bytes, no multiple of {size:,}. It is damaged; fetch it again.")
    rows = content.reshape(-1, size)
    for place, count in enumerate(counts):
        if rows[:, place].max() >= count:
            raise DataError(
                f"{path} has the label {rows[:, place].max()}: expected 0 to {count - 1}. It is damaged; "
                "fetch it again."
            )
    return rows


def joined(
    parts: Mapping[str, Sequence[NDArray[np.uint8]]], num_labels: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8], dict[str, NDArray[np.int64]]]:
    """Return the labels `[N, labels]` and images of all rows, part after part, and the rows of each part."""
    rows = np.concatenate([rows for of_part in parts.values() for rows in of_part])
    ends = np.cumsum([sum(map(len, of_part)) for of_part in parts.values()])
    given = {
        part: np.arange(start, end) for part, start, end in zip(parts, [0, *ends], ends, strict=False) if end > start
    }
    images = np.ascontiguousarray(rows[:, num_labels:]).reshape(-1, *SHAPE)
    return rows[:, :num_labels].astype(np.int64), images, given if len(given) > 1 else {}
