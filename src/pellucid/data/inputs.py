"""New inputs from files, for `predict`: pictures, sounds, tables, arrays. A wrong one is named, the rest goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.data import array_files, table, windows
from pellucid.data.arrays import inputs_like
from pellucid.data.documents import as_bytes, plain, read_text, texts_of
from pellucid.data.features import matrix, unseen
from pellucid.data.idx import read_idx
from pellucid.data.ragged import Ragged
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import Feature, Field

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
SOUNDS = {".wav", ".flac", ".ogg"}
TABLES = set(table.ENDINGS)
TEXTS = {".txt"}
_BY_KIND: Mapping[str, tuple[str, Collection[str]]] = {"audio": ("sound", SOUNDS), "tokens": ("text", TEXTS)}
"""What a folder is searched for where a model does not take pictures: in a word, and by their endings."""


class Input(NamedTuple):
    """Rows of one file, or what is wrong with it. `names` has one label per row."""

    names: list[str]
    values: NDArray[np.generic] | None
    error: str = ""
    note: str = ""


def read_inputs(paths: Iterable[str], field: Field) -> Iterator[Input]:
    """Read files (and folders of pictures, sounds or texts) one by one as raw rows that fit `field`."""
    for path in _files(paths, _BY_KIND.get(field.kind, ("", PICTURES))[1]):
        try:
            yield _read(path, field)
        except DataError as error:
            yield Input([str(path)], None, str(error))
        except OSError as error:
            yield Input([str(path)], None, f"it cannot be read: {error.strerror or error}")


def _files(paths: Iterable[str], endings: Collection[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            there = (file for file in path.iterdir() if not file.name.startswith("."))
            wanted = sorted(file for file in there if file.suffix.lower() in endings)
            yield from wanted or [path]
        else:
            yield path


def _read(path: Path, field: Field) -> Input:
    if not path.exists():
        raise DataError("there is no such file.")
    if path.is_dir():
        what = _BY_KIND.get(field.kind, ("picture", PICTURES))[0]
        raise DataError(f"the folder holds no {what}; those in its folders are not looked for. Give these folders.")
    ending = path.suffix.lower()
    if field.kind == "tokens":
        return _documents(path, field)
    if ending in PICTURES:
        return _picture(path, field)
    if ending in SOUNDS:
        return _sound(path, field)
    note = ""
    if ending in TABLES and field.clock is not None:
        names, latest, note = windows.latest(path, field)
        return Input(names, latest, note=note)
    if ending in TABLES:
        rows, note = _table(path, field)
    elif ending in (".npy", ".npz"):
        rows = inputs_like(array_files.inputs_at(path), field)
    elif ending == ".idx" or path.name.removesuffix(".gz").endswith("-ubyte"):
        rows = inputs_like(read_idx(path), field)
    else:
        known = ", ".join(sorted(PICTURES | SOUNDS | TABLES | {".npy", ".npz"}))
        raise DataError(f"{ending or 'no ending'} is not a kind of file that is read. Expected one of {known}.")
    names = [f"{path}:{number}" for number in range(len(rows))] if len(rows) != 1 else [str(path)]
    return Input(names, rows, note=note)


def _picture(path: Path, field: Field) -> Input:
    from pellucid.data.decoding import decode

    if field.kind != "image" or field.shape[0] not in (1, 3):
        raise DataError(f"it is a picture, but the model takes {_takes(field)}.")
    if field.unit == "own":
        raise DataError(
            "it is a picture, but the model was trained on arrays beyond 0 to 1. Give a .npy in their units."
        )
    pixels, (height, width) = decode(path, field.shape)
    note = ""
    if (height, width) != field.shape[1:]:
        note = f"resized from {width}x{height} to {field.shape[2]}x{field.shape[1]}"
    return Input([str(path)], pixels[None], note=note)


def _takes(field: Field) -> str:
    """What a model reads, as users call it."""
    numbers = "the rows of a table" if field.features else f"rows of {field.size} numbers"
    return {"image": "images", "audio": "sounds"}.get(field.kind, numbers)


def _sound(path: Path, field: Field) -> Input:
    from pellucid.data import waveforms

    if field.kind != "audio":
        raise DataError(f"it is a sound, but the model takes {_takes(field)}.")
    waveforms.require()
    samples, header = waveforms.decode(path, field.rate, field.shape[0] / field.rate)
    wanted = field.shape[0] / field.rate
    notes = [
        f"brought from {header.rate:,} to {field.rate:,} Hz" if header.rate != field.rate else "",
        f"cut from {header.seconds:.2f} to {wanted:.2f} s" if header.seconds > wanted + 1 / field.rate else "",
    ]
    return Input([str(path)], samples[None], note=", ".join(filter(None, notes)))


def _documents(path: Path, field: Field) -> Input:
    """The text of a file, or the texts of a table's column."""
    ending = path.suffix.lower()
    if ending in TEXTS:
        return Input([str(path)], as_bytes(read_text(path))[None])
    if ending not in TABLES:
        known = ", ".join(sorted(TEXTS | TABLES))
        raise DataError(f"{ending or 'no ending'} is not a kind of file that holds documents. Expected one of {known}.")
    frame = table.read(path, DataSection(source=str(path), missing=field.missing), field.names)
    if not field.names and frame.width != 1:
        raise DataError(
            f"which of its columns ({', '.join(frame.columns)}) holds the texts? The model was trained on files, so "
            "expected one column, or .txt files."
        )
    texts = texts_of(frame, *(field.names or frame.columns))
    names = [f"{path}:{number}" for number in range(len(texts))] if len(texts) != 1 else [str(path)]
    return Input(names, Ragged.of(map(as_bytes, texts))[:])


def texts_like(X: Any) -> NDArray[np.uint8]:
    """Return documents from memory as UTF-8, `[rows, bytes]`; raise `DataError` where one is no text."""
    texts = list(X)
    wrong = next((place for place, text in enumerate(texts) if not isinstance(text, str)), None)
    if isinstance(X, str) or wrong is not None:
        given = "one text" if isinstance(X, str) else f"{type(texts[wrong or 0]).__name__} in row {wrong}"
        raise DataError(f"X holds {given}: expected an array (or a column of a data frame) of texts.")
    found = []
    for row, text in enumerate(texts):
        try:
            found.append(as_bytes(plain(text.encode("utf-8", "surrogatepass"))))  # half a character is refused there
        except DataError as error:
            raise DataError(f"The text of row {row}: {error}") from None
    return Ragged.of(found)[:]


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
