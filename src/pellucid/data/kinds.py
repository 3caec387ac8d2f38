"""Kinds of data of the user's own: which one lies at a path, and what reads it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from pellucid.data import folder, table, walking
from pellucid.data.columns import Columns
from pellucid.data.inputs import PICTURES, SOUNDS
from pellucid.errors import DataError, closest
from pellucid.recipe import DataSection

Reader = Callable[[DataSection, Collection[str]], Columns]

READERS: Mapping[str, str] = {
    "table": "pellucid.data.features:read",
    "series": "pellucid.data.series:read",
    "text": "pellucid.data.text:of_section",
    "pictures": "pellucid.data.image_folder:read",
    "masks": "pellucid.data.masks:read",
    "sounds": "pellucid.data.sounds:read",
    "documents": "pellucid.data.documents:read",
    "arrays": "pellucid.data.array_files:read",
    "idx": "pellucid.data.idx_files:read",
    "cifar": "pellucid.data.cifar:read",
    "conllu": "pellucid.data.conllu:read",
}
"""What reads each kind: `(section, keys) -> Columns`, where keys are columns that rows are grouped or ordered by."""
_LISTED = ("target", "input", "types", "header", "missing")
FIELDS: Mapping[str, Collection[str]] = {
    "table": ("target", "types", "header", "missing"),
    "series": ("target", "types", "header", "missing", "time", "series"),
    "text": (),
    "pictures": (*_LISTED, "size", "unreadable"),
    "masks": ("size", "ignore", "unreadable"),
    "sounds": (*_LISTED, "rate", "seconds", "unreadable"),
    "documents": (*_LISTED, "unreadable"),
    "arrays": ("target", "input", "types"),
    "idx": (),
    "cifar": ("target",),
    "conllu": (),
}
"""What of a recipe's data section each kind is read by, beside source and kind."""
CIFAR = ("cifar-10-batches-bin", "cifar-100-binary")
"""Folders that CIFAR's archives unpack to."""
MASKS = ({"images", "labels"}, {"images", "masks"}, {"images", "annotations"})
"""Folders that stand side by side where pictures have masks."""
ENDINGS = {".txt": "text", ".npy": "arrays", ".npz": "arrays", ".conllu": "conllu"} | dict.fromkeys(
    table.ENDINGS, "table"
)
"""The kinds of single files. Which of a table's rows are a series only its columns, or the user, can say."""


def reader(kind: str) -> Reader:
    """Import and return what reads a kind.

    Raises:
        DataError: nothing does.
    """
    if kind not in READERS:
        raise DataError(f"data.kind = {kind!r}: there is no such kind. {closest(kind, READERS)}")
    module, _, name = READERS[kind].partition(":")
    read: Reader = getattr(importlib.import_module(module), name)
    return read


def kind_of(path: Path) -> str:
    """Return which kind of data lies at a path, by the names of its files.

    Raises:
        DataError: there is nothing, or nothing that is known.
    """
    known = ", ".join([*ENDINGS, "a folder of pictures, sounds or texts"])
    if not path.exists():
        raise DataError(f"There is no {path}. Give the path of data of your own: {known}.")
    if path.is_file():
        kind = "idx" if _is_idx(path.name) else ENDINGS.get(path.suffix.lower())
        if kind is None:
            raise DataError(f"{path} is no kind of data that is known. Expected {known}.")
        return kind
    names = {each.name.lower() for each in path.iterdir()}
    if "data_batch_1.bin" in names or {"train.bin", "test.bin"} <= names or names & set(CIFAR):
        return "cifar"
    if any(map(_is_idx, names)):
        return "idx"
    parts = [each for each in path.iterdir() if each.is_dir() and each.name.lower() in folder.PARTS]
    below = {each.name.lower() for part in parts for each in part.iterdir()}
    if any(pair <= names or pair <= below for pair in MASKS) or any(f"{name}annot" in names for name in names):
        return "masks"
    found = walking.endings_in(path)
    counts = {
        "pictures": _count(found, PICTURES),
        "sounds": _count(found, SOUNDS),
        "documents": found[".txt"],
        "conllu": found[".conllu"],
        "arrays": _count(found, (".npy", ".npz")),
    }
    kind = max(counts, key=lambda kind: counts[kind])
    if not counts[kind]:
        held = folder.listed({f"files that end in {ending}": count for ending, count in found.items()})
        raise DataError(f"{path} holds nothing that is known ({held or 'it is empty'}). Expected {known}.")
    return kind


def kind_of_section(section: DataSection) -> str:
    """Return which kind of data a recipe reads: what it says; else what its fields and the names of the files say.

    Raises:
        DataError: as `kind_of`, or a table lacks the column that is to be learned from.
    """
    kind = section.kind or kind_of(Path(section.source))
    if kind == "table" and section.kind is None:
        if section.input is not None:
            return kind_in_column(section)
        if section.time is not None or section.series is not None:
            return "series"
    return kind


def check_fields(section: DataSection, kind: str) -> None:
    """Raise `DataError` where a recipe says of this kind what is of others: it would be passed over."""
    usual = {name: field.default for name, field in DataSection.model_fields.items()}
    said = {name for name, value in section if value not in (None, usual[name])}
    foreign = sorted(said - {"source", "kind", *FIELDS[kind]})
    if foreign:
        known = ", ".join(f"data.{name}" for name in FIELDS[kind]) or "nothing but data.source and data.kind"
        raise DataError(
            f"data.{foreign[0]} means nothing for {section.source}, which is read as data.kind = {kind!r}, by {known}. "
            "Leave it out, or give another data.kind."
        )


def kind_in_column(section: DataSection) -> str:
    """Return which kind of data a table's input column holds: paths of pictures or sounds, or texts.

    Raises:
        DataError: there is no such column.
    """
    frame = table.open(section)
    if section.input not in frame.columns:
        raise DataError(f"data.input = {section.input!r}: {section.source} has the columns {', '.join(frame.columns)}.")
    endings = {Path(str(value)).suffix.lower() for value in frame[section.input].drop_nulls().head(100)}
    if endings and endings <= PICTURES:
        return "pictures"
    return "sounds" if endings and endings <= SOUNDS else "documents"


def is_own(source: str) -> bool:
    """Whether a source names files of the user's own by its ending or by being there."""
    return source.lower().endswith(tuple(ENDINGS)) or _is_idx(Path(source).name) or Path(source).is_dir()


def _is_idx(name: str) -> bool:
    return name.removesuffix(".gz").endswith(("-ubyte", ".idx"))


def _count(found: Mapping[str, int], endings: Collection[str]) -> int:
    return sum(found.get(ending, 0) for ending in endings)
