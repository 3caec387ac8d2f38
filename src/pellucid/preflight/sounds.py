"""What is wrong with a folder of sounds: files that are damaged, silent, clipped or there twice; unlike recordings."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.data import folder, sounds, waveforms
from pellucid.data.folder import Folder
from pellucid.data.waveforms import FORMATS, Header
from pellucid.errors import DataError
from pellucid.preflight import Finding, folders
from pellucid.recipe import DataSection

SILENT = 10 ** (-60 / 20)
"""Of full scale: a sound that never exceeds it, 60 dB below, is taken for silence."""
CLIPPED, TOUCHING = 0.999, 0.001
"""Of full scale, what counts as touching it, and the share of the samples that may."""
UNLIKE = 10.0
"""Times the median length, or parts of it, beyond which a sound is unlike the others."""
MANY_CUT = 0.1
"""Share of the sounds that are longer than what they are brought to."""


@dataclass(frozen=True)
class _Heard:
    """A file that was decoded to its end.

    Attributes:
        peak: its largest sample, 1 being full scale.
        touching: the share of its samples that touch full scale.
        digest: of its samples, whatever their file looks like.
    """

    header: Header
    peak: float
    touching: float
    digest: bytes


def check(section: DataSection) -> Iterator[Finding]:
    """Yield what is found in a recipe's folder; rows count its files in the order of their names."""
    found = sounds.find(section)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        heard = list(pool.map(_hear, (found.root / file for file in found.files)))
    yield from _unreadable(found, heard, section.unreadable)
    good = {row: each for row, each in enumerate(heard) if isinstance(each, _Heard)}
    yield from _levels(found, good)
    yield from _formats(found, good, section)
    yield from _copies(found, good)
    yield from folders.classes(found)


def _unreadable(found: Folder, heard: Sequence[_Heard | DataError], wanted: str) -> Iterator[Finding]:
    failed = {row: str(each) for row, each in enumerate(heard) if isinstance(each, DataError)}
    if failed:
        first = min(failed)
        leave_out = wanted == "leave out"
        does = "They are left out." if leave_out else 'Replace or remove them, or give data.unreadable="leave out".'
        message = f"sounds that cannot be decoded; {found.files[first]}: {failed[first]} {does}"
        yield Finding("unreadable", "note" if leave_out else "wrong", message, list(failed))


def _hear(path: Path) -> _Heard | DataError:
    try:
        header = waveforms.header(path)
        digest, peak, touching = hashlib.blake2b(f"{header.rate}/{header.channels}".encode(), digest_size=16), 0.0, 0
        for block in waveforms.blocks(path):
            sizes = np.abs(block)
            peak = max(peak, float(sizes.max()))
            touching += int((sizes >= CLIPPED).sum())
            digest.update(block.tobytes())
        return _Heard(header, peak, touching / (header.frames * header.channels), digest.digest())
    except DataError as error:
        return error
    except OSError as error:
        return DataError(f"it cannot be read: {error.strerror or error}.")


def _levels(found: Folder, good: dict[int, _Heard]) -> Iterator[Finding]:
    silent = [row for row, each in good.items() if each.peak < SILENT]
    if silent:
        message = f"sounds that are silent from beginning to end ({_names(found, silent)})"
        yield Finding("silent", "wrong", f"{message}. Record them again, or remove them.", silent)
    clipped = [row for row, each in good.items() if each.touching > TOUCHING]
    if clipped:
        message = f"more than {100 * TOUCHING:g} % of the samples touch full scale ({_names(found, clipped)})"
        yield Finding("clipped", "doubtful", f"{message}: they were recorded too loud, and are distorted.", clipped)


def _formats(found: Folder, good: dict[int, _Heard], section: DataSection) -> Iterator[Finding]:
    rates = Counter(each.header.rate for each in good.values())
    usual = max(rates, key=lambda rate: rates[rate], default=0)
    others = [row for row, each in good.items() if each.header.rate != usual]
    if others:
        told = ", ".join(f"{count:,} of {rate:,} Hz" for rate, count in rates.most_common(5))
        brought = f", and all are brought to {section.rate:,} Hz" if section.rate else ""
        message = f"sounds of several rates, {told}{brought}"
        yield Finding(
            "mixed_rates",
            "doubtful",
            f"{message}: what a lower rate lacks above half of it can give away where a sound comes from.",
            others,
        )
    endings = [
        row for row, each in good.items() if Path(found.files[row]).suffix.lower() != FORMATS[each.header.format]
    ]
    if endings:
        content = good[endings[0]].header.format
        message = f"files whose ending is not what they hold ({found.files[endings[0]]} is {content}): they are read by"
        yield Finding("wrong_ending", "note", f"{message} what they hold.", endings)
    lengths = {row: each.header.seconds for row, each in good.items()}
    middle = float(np.median(list(lengths.values()))) if lengths else 0.0
    unlike = [row for row, length in lengths.items() if not middle / UNLIKE <= length <= middle * UNLIKE]
    if unlike:
        message = f"sounds {UNLIKE:g} times as long or as short as the median, {middle:.2g} s ({_names(found, unlike)})"
        yield Finding("unlike_lengths", "doubtful", f"{message}. Are they what their class says?", unlike)
    cut = [row for row, length in lengths.items() if section.seconds and length > section.seconds]
    if cut:
        longest = max(lengths[row] for row in cut)
        message = (
            f"sounds longer than data.seconds = {section.seconds:g}, up to {longest:.3g} s: their ends are cut off"
        )
        yield Finding("cut", "doubtful" if len(cut) > MANY_CUT * len(lengths) else "note", f"{message}.", cut)


def _copies(found: Folder, good: dict[int, _Heard]) -> Iterator[Finding]:
    rows = [row for row, each in good.items() if each.peak >= SILENT]  # silence is told already
    same = folders.equal(good[row].digest for row in rows)
    yield from folders.copies(found, [[rows[place] for place in group] for group in same])


def _names(found: Folder, rows: Sequence[int]) -> str:
    return folder.first([found.files[row] for row in rows])
