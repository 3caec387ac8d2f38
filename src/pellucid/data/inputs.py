"""New inputs from files, for `predict`: pictures, tables, arrays. A wrong one is named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.data import array_files, table
from pellucid.data.arrays import inputs_like
from pellucid.data.features import matrix, unseen
from pellucid.data.idx import read_idx
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import Feature, Field

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
TABLES = set(table.ENDINGS)


class Input(NamedTuple):
    """Rows of one file, or what is wrong with it. `names` has one label per row."""

    names: list[str]
    values: NDArray[np.generic] | None
    error: str = ""
    note: str = ""


def read_inputs(paths: Iterable[str], field: Field) -> Iterator[Input]:
    """Read files (and folders of pictures) one by one as raw rows that fit `field`."""
    for path in _files(paths):
        try:
            yield _read(path, field)
        except DataError as error:
            yield Input([str(path)], None, str(error))
        except OSError as error:
            yield Input([str(path)], None, f"it cannot be read: {error.strerror or error}")


def _files(paths: Iterable[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES)
            yield from pictures or [path]
        else:
            yield path


def _read(path: Path, field: Field) -> Input:
    if not path.exists():
        raise DataError("there is no such file.")
    if path.is_dir():
        raise DataError("the folder holds no picture; those in its folders are not looked for. Give these folders.")
    ending = path.suffix.lower()
    if ending in PICTURES:
        return _picture(path, field)
    note = ""
    if ending in TABLES:
        rows, note = _table(path, field)
    elif ending in (".npy", ".npz"):
        rows = inputs_like(array_files.inputs_at(path), field)
    elif ending == ".idx" or path.name.removesuffix(".gz").endswith("-ubyte"):
        rows = inputs_like(read_idx(path), field)
    else:
        known = ", ".join(sorted(PICTURES | TABLES | {".npy", ".npz"}))
        raise DataError(f"{ending or 'no ending'} is not a kind of file that is read. Expected one of {known}.")
    names = [f"{path}:{number}" for number in range(len(rows))] if len(rows) != 1 else [str(path)]
    return Input(names, rows, note=note)


def _picture(path: Path, field: Field) -> Input:
    from pellucid.data.decoding import decode

    if field.kind != "image" or field.shape[0] not in (1, 3):
        raise DataError(f"it is a picture, but the model takes rows of {field.size} numbers.")
    if field.unit == "own":
        raise DataError(
            "it is a picture, but the model was trained on arrays beyond 0 to 1. Give a .npy in their units."
        )
    pixels, (height, width) = decode(path, field.shape)
    note = ""
    if (height, width) != field.shape[1:]:
        note = f"resized from {width}x{height} to {field.shape[2]}x{field.shape[1]}"
    return Input([str(path)], pixels[None], note=note)


def _table(path: Path, field: Field) -> tuple[NDArray[np.generic], str]:
    """The rows of a table, and what is to be said of them."""
    expected = [feature.name for feature in field.features] or list(field.names)
    frame = table.read(path, DataSection(source=str(path), missing=field.missing), expected)
    if field.features:
        return matrix(frame, field.features), unseen(frame, field.features)
    features = [Feature(name) for name in field.names or frame.columns]
    rows = matrix(frame, features)
    empty = [feature.name for feature, values in zip(features, rows.T, strict=True) if np.isnan(values).any()]
    if empty:
        raise DataError(f"it has empty values in {', '.join(map(repr, empty))}. Fill them in or remove the rows.")
    return inputs_like(rows, field), ""
