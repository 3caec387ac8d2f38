"""Documents of the user's own: UTF-8 texts with a class each, at rest as their bytes, one after the other.

    FOLDER/CLASS/a.txt      FOLDER/{train, test}/CLASS/a.txt      FOLDER/CLASS.txt, a document per line      a table

Line ends of any system become one newline character; a byte order mark is no part of a text.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import features, folder, packed, table
from pellucid.data.columns import Columns
from pellucid.data.folder import Folder
from pellucid.data.packed import Layout
from pellucid.data.ragged import Ragged
from pellucid.data.tokens import Tokens
from pellucid.errors import DataError
from pellucid.recipe import DataSection, PrepareSection
from pellucid.spec import Field, Spec

ENDINGS = {".txt"}
UNLABELLED = ("unsup", "unlabeled", "unlabelled")
"""Class folders whose texts have no class: left out, and told."""
MOST_FILES = 100
"""Files without class folders, up to which each is taken for a class with a document per line."""


@dataclass(frozen=True)
class Found:
    """Which documents there are, of which class, in which part.

    Attributes:
        folder: the files; where each line is a document, a name is `pos/12`, the file's and the line's.
        lines: the documents themselves, where they are lines.
    """

    folder: Folder
    lines: Sequence[bytes] | None = None


def find(root: Path, target: str | None = None) -> Found:
    """Look which documents lie where.

    Args:
        root: the folder.
        target: as `folder.find` has it.

    Raises:
        DataError: what `folder.find` refuses, or lines that are not UTF-8.
    """
    files = _files_of_lines(root) if target is None else []
    if files:
        return _lines(root, files)
    return Found(folder.find(root, ENDINGS, "texts", target, aside=UNLABELLED))


@dataclass(frozen=True)
class Texts:
    """How a file becomes a row: its text as UTF-8, uint8 `[bytes]`."""

    what = "texts"

    @property
    def options(self) -> Mapping[str, Any]:
        """Nothing to choose; the name keeps packs of other kinds apart."""
        return {"documents": 1}

    def look(self, paths: Sequence[Path]) -> int:
        """Return the size: a text has no header."""
        return paths[0].stat().st_size

    def layouts(self, looked: Sequence[int]) -> Mapping[str, Layout]:
        """One column of bytes."""
        return {"input": Layout("U8", None)}

    def decode(self, paths: Sequence[Path], layouts: Mapping[str, Layout]) -> Mapping[str, NDArray[Any]]:
        """Return one text."""
        return {"input": as_bytes(read_text(paths[0]))}


def read_text(path: Path) -> str:
    """Return the text of a file as it is learned from.

    Raises:
        DataError: it is not UTF-8, or holds NUL, or nothing at all.
    """
    return plain(path.read_bytes())


def plain(content: bytes) -> str:
    """Return bytes as a text as it is learned from."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"it is not UTF-8: byte {error.start:,} cannot be read. Save it as UTF-8.") from None
    if "\0" in text:
        raise DataError(f"it is no text: it holds NUL (character {text.index(chr(0)):,}).")
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise DataError("it holds no text.")
    return text


def as_bytes(text: str) -> NDArray[np.uint8]:
    """Return a text as UTF-8, `[bytes]`."""
    return np.frombuffer(text.encode(), np.uint8)


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Return the documents of a recipe's folder or table, and their classes (or numbers, of a table).

    Args:
        section: of the recipe.
        keys: columns that rows are grouped or ordered by.

    Raises:
        DataError: what `find` refuses, files that cannot be read, or a table without such columns.
    """
    path = Path(section.source)
    if path.is_file():
        return _of_table(section, keys)
    found = find(path, section.target)
    of = found.folder
    hashes: Mapping[str, str] = {}
    places = None
    if found.lines is None:
        pack = packed.open(of.root, [(file,) for file in of.files], Texts(), section.unreadable)
        if pack.left_out:
            names = folder.first([file for file, _ in pack.left_out])
            print(f"{of.root}: {len(pack.left_out)} unreadable texts are left out: {names}", file=sys.stderr)
            of = of.only(pack.kept)
        texts, hashes, places = pack.columns["input"], pack.hashes, np.array(pack.kept, np.int64)
    else:
        texts = Ragged.of(np.frombuffer(line, np.uint8) for line in found.lines)
    target = Field("category", categories=of.classes)
    schema = {"input": Field("text"), "target": target}
    return Columns({"input": texts, "target": of.codes}, schema, of.given, of.keys(keys), hashes, places, of.files)


def _of_table(section: DataSection, keys: Collection[str]) -> Columns:
    frame = table.open(section)
    if section.input is None or section.target is None:
        lacking = "data.input" if section.input is None else "data.target"
        raise DataError(f"{lacking} is not given. Expected two columns, of the texts and of what is to be predicted.")
    types = {column.name: column for column in table.types_of(frame, section)}
    texts = texts_of(frame, section.input)
    target, field = features.target_of(frame[section.target], types[section.target])
    schema = {"input": Field("text", names=(section.input,), missing=section.missing), "target": field}
    return Columns({"input": Ragged.of(map(as_bytes, texts)), "target": target}, schema, keys=table.keys(frame, keys))


def texts_of(frame: Any, name: str) -> list[str]:
    """Return the texts of a data frame's column.

    Raises:
        DataError: there is no such column, or it holds something else, or some rows have none.
    """
    import polars

    if name not in frame.columns:
        raise DataError(f"The table has no column {name!r}. Its columns: {', '.join(frame.columns)}.")
    series = frame[name]
    absent = series.is_null().arg_true().to_list()
    if absent:
        rows = folder.first([str(row) for row in absent])
        raise DataError(f"The text {name!r} is missing in {len(absent)} of {len(series)} rows ({rows}). Remove them.")
    if series.dtype not in (polars.String, polars.Categorical, polars.Enum):
        raise DataError(f"The column {name!r} holds {series.dtype}: expected texts.")
    texts = []
    for row, text in enumerate(series.cast(polars.String).to_list()):
        try:
            texts.append(plain(text.encode()))
        except DataError as error:
            raise DataError(f"The text {name!r} of row {row}: {error}") from None
    return texts


def _files_of_lines(root: Path) -> list[Path]:
    """The files that are a class each, where there are no class folders; none where there are, or too many files."""
    if not root.is_dir():
        return []
    folders = [each for each in root.iterdir() if each.is_dir() and not each.name.startswith(".")]
    inner = [each for part in folders for each in part.iterdir() if each.is_dir()]
    if inner or any(each.name.lower() not in folder.PARTS for each in folders):
        return []
    places = folders or [root]
    files = [file for place in places for file in sorted(place.iterdir()) if file.suffix.lower() in ENDINGS]
    files = [file for file in files if not file.name.startswith(".")]
    return files if len(files) <= MOST_FILES * len(places) else []


def _lines(root: Path, files: Sequence[Path]) -> Found:
    left_out: Counter[str] = Counter()
    of_files = {file: list(_of_file(root, file, left_out)) for file in files}
    single = [file.relative_to(root).as_posix() for file, found in of_files.items() if len(found) < 2]
    if single:
        raise DataError(
            f"{root} has no class folders, and {len(single)} of its {len(files)} files hold one line "
            f"({folder.first(single)}). {folder.EXPECTED} Or one file per class, with a document in each line; or "
            "--target name_1, the piece of the files' names that is the class."
        )
    named = dict(sorted(line for found in of_files.values() for line in found))
    has_parts = any(file.parent != root for file in files)
    found = Folder(root, "texts, one per line,", tuple(named), has_parts, None, left_out)
    folder.check_classes(found)
    return Found(found, list(named.values()))


def _of_file(root: Path, path: Path, left_out: Counter[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the documents of one file by `CLASS/LINE`, so that they sort as they stand."""
    try:
        lines = read_text(path).split("\n")
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    name = path.relative_to(root).with_suffix("").as_posix()
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{name}/{number:08}", line.strip().encode()
        else:
            left_out["empty lines"] += 1


def told(found: Found) -> list[str]:
    """Return lines that say what was found."""
    of = found.folder
    how = "one in each line of its class's file" if found.lines is not None else "one in each file"
    return [f"documents: {len(of.files):,} of {len(of.classes)} classes, {how}", *folder.told(of)]


def spec_of(columns: Columns) -> Spec:
    """Return what documents dictate when all of them are seen."""
    texts = columns.values["input"]
    assert isinstance(texts, Ragged)
    step = Tokens.fit("input", texts, columns.schema["input"], np.arange(len(texts)), PrepareSection())
    return Spec(step.field, columns.schema.get("target"))


def paragraphs() -> Columns:
    """Paragraphs of the descriptions that scikit-learn ships with its data sets, and which set each one describes."""
    from sklearn import datasets

    names = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
    found = [
        (code, plain(paragraph.encode()))
        for code, name in enumerate(names)
        for paragraph in str(getattr(datasets, f"load_{name}")().DESCR).split("\n\n")
        if paragraph.strip()
    ]
    codes = np.array([code for code, _ in found], np.int64)
    texts = Ragged.of(as_bytes(text) for _, text in found)
    schema = {"input": Field("text"), "target": Field("category", categories=names)}
    return Columns({"input": texts, "target": codes}, schema)
