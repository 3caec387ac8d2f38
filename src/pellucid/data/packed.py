"""Pictures packed once: decoded to one size, row after row in one file of the cache, memory-mapped from then on.

The file's name is a hash of the pictures' contents and of how they are decoded, so a changed picture is packed anew and
an unchanged one never decoded twice. It is written beside and renamed: what was interrupted is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from pellucid import rundir
from pellucid.data import decoding
from pellucid.data.decoding import Header
from pellucid.errors import DataError
from pellucid.rundir import DiskFull, write_atomically

FORMAT = 1
"""Part of every key: raise it when the same files are packed to other bytes."""
HEADER_BYTES = 4096
"""Room for the safetensors header, filled up with spaces; the rows begin behind it."""
AT_ONCE = 128
"""Pictures that are decoded before they are written."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a file with the same size and time of change has the same content."""
SHOWN = 10

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Pack:
    """Decoded pictures at rest.

    Attributes:
        pixels: uint8 `[N, channels, height, width]`, memory-mapped; writing to it does not reach the file.
        targets: the code of each row's class, int64 `[N]`.
        files: the path of each row below the root.
        left_out: files that cannot be read, and why.
    """

    pixels: NDArray[np.uint8]
    targets: NDArray[np.int64]
    files: Sequence[str]
    left_out: Sequence[tuple[str, str]]


def open(root: Path, targets: Mapping[str, int], size: tuple[int, int], unreadable: str) -> Pack:
    """Return the pictures, from the cache or packed now.

    Args:
        root: the folder that holds them.
        targets: the code of the class of each path below it, in the order of the paths.
        size: height and width in pixels.
        unreadable: "refuse" or "leave out", what becomes of files that cannot be decoded.

    Raises:
        DataError: naming the files that cannot be decoded.
    """
    files = list(targets)
    folder = rundir.cache() / "packed"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror}. Set PELLUCID_CACHE to another folder.") from None
    digest = hashlib.sha256(repr((FORMAT, size, unreadable)).encode())
    for file, content in zip(files, _contents(root, files), strict=True):
        digest.update(os.fsencode(file) + b"\0" + content.encode())
    path = folder / f"{digest.hexdigest()}.safetensors"
    if path.exists():
        try:
            return _mapped(path)
        except (OSError, LookupError, ValueError):  # damaged, or cleared just now: it is made again
            path.unlink(missing_ok=True)
    rundir.sweep(folder)
    _pack(path, root, targets, size, leave_out=unreadable == "leave out")
    return _mapped(path)


def header_of(path: Path) -> Header | DataError:
    """Return what a picture's header says, or what is wrong with it."""
    try:
        return decoding.header(path)
    except DataError as error:
        return error


def _mapped(path: Path) -> Pack:
    """Open a pack. Mode "c" lets torch take the memory as it is, and keeps whatever is written out of the file."""
    with path.open("rb") as file:
        entries = json.loads(file.read(HEADER_BYTES)[8:])

        def read(name: str) -> bytes:
            start, stop = entries[name]["data_offsets"]
            file.seek(HEADER_BYTES + start)
            return file.read(stop - start)

        targets, about = np.frombuffer(read("target"), "<i8").astype(np.int64), json.loads(read("about"))
    pixels = np.memmap(path, np.uint8, "c", offset=HEADER_BYTES, shape=tuple(entries["input"]["shape"]))
    return Pack(pixels, targets, about["files"], [(file, why) for file, why in about["left_out"]])


def _pack(path: Path, root: Path, targets: Mapping[str, int], size: tuple[int, int], *, leave_out: bool) -> None:
    files = list(targets)
    headers = list(_each(header_of, [root / file for file in files], "pictures looked at"))
    wrong = {file: str(found) for file, found in zip(files, headers, strict=True) if isinstance(found, DataError)}
    good = [file for file in files if file not in wrong]
    is_grey = all(found.is_grey for found in headers if isinstance(found, Header))
    shape = (1 if is_grey else 3, *size)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as out:
            out.seek(HEADER_BYTES)
            kept = []
            decoded = _each(lambda file: _decoded(root / file, shape), good, "pictures decoded")
            for file, pixels in zip(good, decoded, strict=True):
                if isinstance(pixels, DataError):
                    wrong[file] = str(pixels)
                else:
                    kept.append(file)
                    out.write(pixels.tobytes())
            if wrong and (not leave_out or not kept):
                raise DataError(_refusal(root, files, wrong))
            about = json.dumps({"files": kept, "left_out": sorted(wrong.items())}).encode()
            _finish(out, (len(kept), *shape), np.array([targets[file] for file in kept], "<i8"), about)
        beside.rename(path)
    except OSError as error:
        if error.errno in rundir.NO_ROOM:
            raise DiskFull(path) from None
        raise DataError(f"{beside} cannot be written: {error.strerror}. Set PELLUCID_CACHE elsewhere.") from None
    finally:
        beside.unlink(missing_ok=True)


def _decoded(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | DataError:
    try:
        return decoding.decode(path, shape)[0]
    except DataError as error:
        return error


def _finish(out: BinaryIO, shape: tuple[int, ...], targets: NDArray[np.int64], about: bytes) -> None:
    """Write what follows the rows, then the header before them, as safetensors has it."""
    entries, start = {}, 0
    parts = (("input", "U8", shape, int(np.prod(shape))), ("target", "I64", targets.shape, targets.nbytes))
    for name, dtype, of_shape, size in (*parts, ("about", "U8", (len(about),), len(about))):
        entries[name] = {"dtype": dtype, "shape": of_shape, "data_offsets": [start, start + size]}
        start += size
    out.write(targets.tobytes() + about)
    out.seek(0)
    out.write((HEADER_BYTES - 8).to_bytes(8, "little") + json.dumps(entries).encode().ljust(HEADER_BYTES - 8))
    out.flush()
    os.fsync(out.fileno())


def _refusal(root: Path, files: Sequence[str], wrong: dict[str, str]) -> str:
    shown = "".join(f"\n  {file}: {why}" for file, why in sorted(wrong.items())[:SHOWN])
    more = f"\n  and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return (
        f"{root}: {len(wrong)} of {len(files)} pictures cannot be read:{shown}{more}\n"
        'Replace or remove them, or train without them: data.unreadable="leave out".'
    )


def _contents(root: Path, files: Sequence[str]) -> Iterator[str]:
    """Yield the SHA-256 of each file's content.

    An index in the cache spares reading a file whose path, size and time of change (in nanoseconds) are as they were;
    one that was changed just before it was noted is read again, for it could have been changed once more.
    """
    index = rundir.cache() / "packed" / f"{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.index.json"
    try:
        known: dict[str, list[Any]] = json.loads(index.read_text())
    except (OSError, ValueError):  # none yet, or damaged: it is no more than a shortcut
        known = {}
    noted: dict[str, list[Any]] = {}
    began = time.time_ns()

    def content(file: str) -> str:
        stat = (root / file).stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        if file in known and known[file][:2] == stamp:
            digest = str(known[file][2])
        else:
            with (root / file).open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        if began - stat.st_mtime_ns > SETTLED:
            noted[file] = [*stamp, digest]
        return digest

    try:
        yield from _each(content, files, "files read")
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}.") from None
    if noted != known:
        write_atomically(index, json.dumps(noted).encode())


def _each(work: Callable[[S], T], items: Sequence[S], what: str) -> Iterator[T]:
    """Yield what becomes of each item, in order, worked on by threads; tell how far it is after a second."""
    start = told = time.perf_counter()
    live = sys.stderr.isatty()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(items), AT_ONCE):
            yield from pool.map(work, items[first : first + AT_ONCE])
            now, done = time.perf_counter(), min(first + AT_ONCE, len(items))
            if now - start > 1 and (now - told > (0.2 if live else 10) or told == start):
                told = now
                sys.stderr.write(f"{what}: {done:,}/{len(items):,}".join(("\r", "") if live else ("", "\n")))
                sys.stderr.flush()
    if live and told > start:
        sys.stderr.write("\n")
