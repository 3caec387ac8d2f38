"""Many files at once, by threads, with a word on how far it is; and what each of them holds, as a hash."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from pellucid import rundir
from pellucid.rundir import write_atomically

AT_ONCE = 128
"""Items that are worked on before the first of them is asked for again."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a file with the same size and time of change has the same content."""

S = TypeVar("S")
T = TypeVar("T")


def digests(root: Path, files: Sequence[str]) -> Iterator[str]:
    """Yield the SHA-256 of each file's content; of one that cannot be read, why: it is named where it is looked at.

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
        try:
            stat = (root / file).stat()
            stamp = [stat.st_size, stat.st_mtime_ns]
            if file in known and known[file][:2] == stamp:
                digest = str(known[file][2])
            else:
                with (root / file).open("rb") as opened:
                    digest = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            return f"unreadable: {error.strerror}"
        if began - stat.st_mtime_ns > SETTLED:
            noted[file] = [*stamp, digest]
        return digest

    yield from each(content, files, "files read")
    if noted != known:
        write_atomically(index, json.dumps(noted).encode())


def each(work: Callable[[S], T], items: Sequence[S], what: str) -> Iterator[T]:
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
