"""Sounds of the user's own, in a folder per class or named after it, brought to one rate and length."""

from __future__ import annotations

import math
import os
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import folder, packed, waveforms
from pellucid.data.columns import Columns
from pellucid.data.folder import Folder
from pellucid.data.inputs import SOUNDS
from pellucid.data.packed import Layout
from pellucid.data.waveforms import Header
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import Field

HIGHEST_RATE = 16_000
"""Samples per second of a proposed rate at most: speech and most sounds of animals and machines are told apart by what
lies below 8 kHz, and more costs time."""
MOST, LONGEST, GRID = 0.95, 10.0, 0.1
"""Of a proposed length: the share of the sounds that fit into it, and its largest value and steps in seconds."""


def find(section: DataSection) -> Folder:
    """Look which sounds a recipe names; as `folder.of_section`. Say so where nothing is installed to decode them."""
    waveforms.require()
    return folder.of_section(section, SOUNDS, "sounds")


@dataclass(frozen=True)
class Sounds:
    """How a sound becomes a row: int16 `[samples]`."""

    rate: int
    seconds: float
    what = "sounds"

    @property
    def options(self) -> Mapping[str, Any]:
        """The rate and the length."""
        return {"rate": self.rate, "seconds": self.seconds}

    def look(self, paths: Sequence[Path]) -> Header:
        """Read the header."""
        return waveforms.header(paths[0])

    def layouts(self, looked: Sequence[Header]) -> Mapping[str, Layout]:
        """As many samples for each."""
        return {"input": Layout("I16", (waveforms.samples_of(self.rate, self.seconds),))}

    def decode(self, paths: Sequence[Path], layouts: Mapping[str, Layout]) -> Mapping[str, NDArray[Any]]:
        """Decode one."""
        return {"input": waveforms.decode(paths[0], self.rate, self.seconds)[0]}


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Return the sounds of a recipe's folder, packed, and their classes.

    Args:
        section: of the recipe.
        keys: columns that rows are grouped or ordered by.

    Raises:
        DataError: what `find` refuses, a recipe without `data.rate` or `data.seconds`, or files that cannot be decoded.
    """
    found = find(section)
    if section.rate is None or section.seconds is None:
        rate, seconds = proposed(found, headers_of(found))
        raise DataError(
            f"data.rate and data.seconds must both be given, what sounds are brought to. Give data.rate = {rate} and "
            f"data.seconds = {seconds:g}: the most common rate, and a length that most of them have."
        )
    classes = found.classes
    form = Sounds(section.rate, section.seconds)
    pack = packed.open(found.root, [(file,) for file in found.files], form, section.unreadable)
    if pack.left_out:
        names = folder.first([file for file, _ in pack.left_out])
        print(f"{found.root}: {len(pack.left_out)} unreadable sounds are left out: {names}", file=sys.stderr)
        found = found.only(pack.kept)
    samples = pack.columns["input"]
    assert isinstance(samples, np.ndarray)
    return Columns(
        {"input": samples, "target": found.codes},
        {
            "input": Field("audio", samples.shape[1:], rate=section.rate),
            "target": Field("category", categories=classes),
        },
        found.given,
        found.keys(keys),
        pack.hashes,
        np.array(pack.kept, np.int64),
        found.files,
    )


def headers_of(found: Folder) -> list[Header | None]:
    """Return what each file's header says, in the order of `files`; None where it is unreadable."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_header, (found.root / file for file in found.files)))


def _header(path: Path) -> Header | None:
    try:
        return waveforms.header(path)
    except (DataError, OSError):
        return None


def proposed(found: Folder, headers: Sequence[Header | None]) -> tuple[int, float]:
    """Return the rate that most sounds to train on have, 16,000 at most, and the seconds that 95 % of them fit into.

    The length is rounded up to a tenth of a second and is ten seconds at most.
    """
    trained = [
        header
        for file, header in zip(found.files, headers, strict=True)
        if header is not None and found.part_of(file) == "train"
    ]
    if not trained:
        raise DataError(f"{found.root}: none of the sounds to train on can be read.")
    counts = Counter(header.rate for header in trained)
    rate = max(counts, key=lambda rate: (counts[rate], rate))  # of equals the higher, whatever comes first
    length = float(np.quantile([header.seconds for header in trained], MOST))
    steps = max(1, math.ceil(round(length / GRID, 6)))
    return min(rate, HIGHEST_RATE), min(LONGEST, round(steps * GRID, 1))


def told(found: Folder, headers: Sequence[Header | None], rate: int, seconds: float) -> list[str]:
    """Return lines that say what was found, and what is made of it."""
    readable = [header for header in headers if header is not None]
    lengths = [header.seconds for header in readable]
    rates = Counter(header.rate for header in readable)
    cut = sum(length > seconds for length in lengths)
    lines = [
        f"sounds: {len(found.files):,} of {len(found.classes)} classes, {min(lengths):.2f} to {max(lengths):.2f} s",
        f"rate: {', '.join(f'{count:,} of {each:,} Hz' for each, count in rates.most_common(5))}, brought to {rate:,} "
        f"Hz; channels become their mean",
        f"length: brought to {seconds:g} s; {cut:,} are longer and are cut, shorter ones end in silence",
        *folder.told(found),
    ]
    if len(readable) < len(headers):
        lines.append(f"unreadable: {len(headers) - len(readable)}; training names them")
    return lines
