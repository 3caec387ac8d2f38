"""Files packed once: decoded into columns, row after row in one file of the cache, memory-mapped from then on.

The file's name is a hash of the files' contents and of how they are decoded, so a changed one is packed anew and an
unchanged one never decoded twice. It is written beside and renamed: what was interrupted is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pellucid import rundir
from pellucid.data import contents
from pellucid.data.columns import Column
from pellucid.data.contents import each
from pellucid.data.ragged import Ragged
from pellucid.errors import DataError
from pellucid.rundir import DiskFull

FORMAT = 2
"""Part of every key: raise it when the same files are packed to other bytes."""
HEADER_BYTES = 4096
"""Room for the safetensors header, filled up with spaces; the rows begin behind it."""
NEAR = 1 << 17
"""Bytes between two rows, up to which both are read in one piece."""
PIECE = 1 << 17
"""Bytes of one such request: of a longer one Linux may read the beginning only (read_ahead_kb, 128 as it comes)."""
SHOWN = 10
DTYPES = {"U8": np.uint8, "I16": np.int16, "I32": np.int32, "I64": np.int64, "F32": np.float32}
"""What safetensors calls the types of numbers that columns have."""

T = TypeVar("T")
Row = tuple[str, ...]
"""The files that one row is made of, below the root: a picture, or a picture and its mask."""


@dataclass(frozen=True)
class Layout:
    """How a column lies: the type of its numbers and the shape of a row; None where rows are of unequal length."""

    dtype: str
    shape: tuple[int, ...] | None


class Format(Protocol):
    """How files become rows."""

    @property
    def what(self) -> str:
        """What the files are, in messages: "pictures"."""

    @property
    def options(self) -> Mapping[str, Any]:
        """All that decides which bytes the same files become; part of the key."""

    def look(self, paths: Sequence[Path]) -> Any:
        """Return what the headers of a row's files say; raise `DataError` where one is unreadable."""

    def layouts(self, looked: Sequence[Any]) -> Mapping[str, Layout]:
        """Return how the columns lie, from what all headers say. The first one should be the largest."""

    def decode(self, paths: Sequence[Path], layouts: Mapping[str, Layout]) -> Mapping[str, NDArray[Any]]:
        """Return one row's value of each column; raise `DataError` where a file is damaged."""


@dataclass(frozen=True)
class Pack:
    """Decoded rows at rest.

    Attributes:
        columns: by name, memory-mapped; writing to them does not reach the file.
        hashes: the SHA-256 of each column's bytes.
        kept: which of the rows that were asked for are there, ascending.
        left_out: files that cannot be read, and why.
    """

    columns: Mapping[str, Column]
    hashes: Mapping[str, str]
    kept: Sequence[int]
    left_out: Sequence[tuple[str, str]]


def open(root: Path, rows: Sequence[Row], form: Format, unreadable: str) -> Pack:
    """Return the rows, from the cache or packed now.

    Args:
        root: the folder that holds the files.
        rows: the files of each row, below it.
        form: how they are decoded.
        unreadable: "refuse" or "leave out", what becomes of files that cannot be decoded.

    Raises:
        DataError: naming the files that cannot be decoded.
    """
    folder = rundir.cache() / "packed"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror}. Set PELLUCID_CACHE to another folder.") from None
    described = (FORMAT, form.what, sorted(form.options.items()), unreadable, [len(row) for row in rows])
    digest = hashlib.sha256(repr(described).encode())
    files = [file for row in rows for file in row]
    for file, content in zip(files, contents.digests(root, files), strict=True):
        digest.update(os.fsencode(file) + b"\0" + content.encode())
    path = folder / f"{digest.hexdigest()}.safetensors"
    if path.exists():
        try:
            return _mapped(path)
        except (OSError, LookupError, ValueError, TypeError):  # damaged, or cleared just now: it is made again
            path.unlink(missing_ok=True)
    rundir.sweep(folder)
    _pack(path, root, rows, form, leave_out=unreadable == "leave out")
    return _mapped(path)


def _mapped(path: Path) -> Pack:
    """Open a pack. Mode "c" lets torch take the memory as it is, and keeps whatever is written out of the file."""
    with path.open("rb") as file:
        entries = json.loads(file.read(HEADER_BYTES)[8:])
        start, stop = entries["about"]["data_offsets"]
        file.seek(HEADER_BYTES + start)
        about = json.loads(file.read(stop - start))

    def column(name: str) -> NDArray[Any]:
        entry = entries[name]
        dtype, shape = np.dtype(DTYPES[entry["dtype"]]), tuple(entry["shape"])
        if not math.prod(shape):
            return np.zeros(shape, dtype)
        return np.memmap(path, dtype, "c", offset=HEADER_BYTES + entry["data_offsets"][0], shape=shape)

    columns: dict[str, Column] = {}
    for name in about["hashes"]:
        offsets = f"{name}.offsets"
        columns[name] = Ragged(column(name), np.array(column(offsets))) if offsets in entries else column(name)
    return Pack(columns, about["hashes"], about["kept"], [(file, why) for file, why in about["left_out"]])


def read_ahead(column: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """Have the pages of some rows read, where the column is a memory-mapped file and not yet in memory.

    The kernel is told which stretches of the file will be wanted and reads them while the program goes on. Rows that
    lie less than a block of pages apart are one stretch.
    """
    if not isinstance(column, np.memmap) or column.filename is None or not hasattr(os, "posix_fadvise"):
        return
    if isinstance(column.base, mmap.mmap):  # or each page that is met by chance brings megabytes around it, and drives
        column.base.madvise(mmap.MADV_RANDOM)  # out what was read ahead: fourteen times slower in a third of the memory
    row_bytes = column.nbytes // len(column)
    ordered = np.sort(rows)
    breaks = np.flatnonzero(np.diff(ordered) * row_bytes > NEAR) + 1
    with Path(column.filename).open("rb") as file:
        for stretch in np.split(ordered, breaks):
            start, stop = int(stretch[0]) * row_bytes, int(stretch[-1] + 1) * row_bytes
            for piece in range(start, stop, PIECE):
                size = min(PIECE, stop - piece)
                os.posix_fadvise(file.fileno(), column.offset + piece, size, os.POSIX_FADV_WILLNEED)


@dataclass
class _Writer:
    """One column on its way into a file."""

    layout: Layout
    out: IO[bytes]
    digest: Any = field(default_factory=hashlib.sha256)
    lengths: list[int] = field(default_factory=list)

    def add(self, row: NDArray[Any]) -> None:
        content = np.ascontiguousarray(row, DTYPES[self.layout.dtype]).tobytes()
        self.out.write(content)
        self.digest.update(content)
        self.lengths.append(len(row) if self.layout.shape is None else 1)

    def entries(self, name: str) -> list[tuple[str, str, tuple[int, ...]]]:
        """The tensors that the column becomes: name, type and shape."""
        if self.layout.shape is not None:
            return [(name, self.layout.dtype, (len(self.lengths), *self.layout.shape))]
        offsets = (f"{name}.offsets", "I64", (len(self.lengths) + 1,))
        return [(name, self.layout.dtype, (sum(self.lengths),)), offsets]

    def finish(self, out: BinaryIO) -> None:
        """Append to `out` what does not lie there yet, and where the rows begin where they are ragged."""
        if self.out is not out:
            self.out.seek(0)
            shutil.copyfileobj(self.out, out, 1 << 20)
        if self.layout.shape is None:
            offsets = np.concatenate([[0], np.cumsum(self.lengths)]).astype("<i8").tobytes()
            self.digest.update(offsets)
            out.write(offsets)


def _pack(path: Path, root: Path, rows: Sequence[Row], form: Format, *, leave_out: bool) -> None:
    paths = [[root / file for file in row] for row in rows]
    looked = list(each(lambda row: _tried(form.look, paths[row]), range(len(rows)), f"{form.what} looked at"))
    wrong = {row: str(found) for row, found in enumerate(looked) if isinstance(found, DataError)}
    good = [row for row in range(len(rows)) if row not in wrong]
    layouts = form.layouts([looked[row] for row in good]) if good else {}
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as out, contextlib.ExitStack() as spools:
            out.seek(HEADER_BYTES)
            writers = {
                name: _Writer(layout, spools.enter_context(tempfile.TemporaryFile(dir=path.parent)) if place else out)
                for place, (name, layout) in enumerate(layouts.items())
            }
            kept = []
            decoded = each(lambda row: _tried(form.decode, paths[row], layouts), good, f"{form.what} decoded")
            for row, values in zip(good, decoded, strict=True):
                if isinstance(values, DataError):
                    wrong[row] = str(values)
                    continue
                kept.append(row)
                for name, writer in writers.items():
                    writer.add(values[name])
            if wrong and (not leave_out or not kept):
                raise DataError(_refusal(root, rows, form.what, wrong))
            left_out = [(rows[row][0], why) for row, why in sorted(wrong.items())]
            _finish(out, writers, {"kept": kept, "left_out": left_out})
        beside.rename(path)
    except OSError as error:
        if error.errno in rundir.NO_ROOM:
            raise DiskFull(path, "Make room (pellucid cache clear), or set PELLUCID_CACHE elsewhere.") from None
        raise DataError(f"{beside} cannot be written: {error.strerror}. Set PELLUCID_CACHE elsewhere.") from None
    finally:
        beside.unlink(missing_ok=True)


def _tried(work: Callable[..., T], *given: Any) -> T | DataError:
    try:
        return work(*given)
    except DataError as error:
        return error
    except OSError as error:
        return DataError(f"it cannot be read: {error.strerror or error}")


def _finish(out: BinaryIO, writers: Mapping[str, _Writer], about: dict[str, Any]) -> None:
    """Write what follows the first column's rows, then the header before them, as safetensors has it."""
    for writer in writers.values():
        writer.finish(out)
    told = json.dumps(about | {"hashes": {name: each.digest.hexdigest() for name, each in writers.items()}}).encode()
    out.write(told)
    tensors = [entry for name, writer in writers.items() for entry in writer.entries(name)]
    entries, start = {}, 0
    for name, dtype, shape in (*tensors, ("about", "U8", (len(told),))):
        stop = start + math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}
        start = stop
    out.seek(0)
    out.write((HEADER_BYTES - 8).to_bytes(8, "little") + json.dumps(entries).encode().ljust(HEADER_BYTES - 8))
    out.flush()
    os.fsync(out.fileno())


def _refusal(root: Path, rows: Sequence[Row], what: str, wrong: Mapping[int, str]) -> str:
    shown = "".join(f"\n  {rows[row][0]}: {why}" for row, why in sorted(wrong.items())[:SHOWN])
    more = f"\n  and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return (
        f"{root}: {len(wrong)} of {len(rows)} {what} cannot be read:{shown}{more}\n"
        'Replace or remove them, or train without them: data.unreadable="leave out".'
    )
