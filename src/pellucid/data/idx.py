"""The IDX format (LeCun, 1998): two zero bytes, a type, a number of dimensions, their sizes, then the values."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data import expansion
from pellucid.errors import DataError

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


BEYOND = 1 << 20
"""Bytes that are read beyond those promised, to say how many there are."""


def read_idx(path: Path) -> NDArray[np.generic]:
    """Read one IDX file, gzipped or not.

    Returns:
        The array, in the machine's byte order, of the shape and type that the header says.

    Raises:
        DataError: the file is not IDX, is cut short, or has bytes too many.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        content = _unpacked(path) if packed else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}. Fetch the file again.") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(
            f"{path} is not an IDX file: it begins with {content[:4].hex(' ') or 'nothing'}. Fetch it again."
        )
    dtype, dimensions = np.dtype(_TYPES[content[2]]), content[3]
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise DataError(f"{path} is cut short inside its header. Fetch the file again.")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    expected = header + dtype.itemsize * math.prod(shape)
    if len(content) != expected or dimensions > 32:  # more dimensions than NumPy knows
        raise DataError(
            f"{path}: its header promises {' x '.join(map(str, shape))} values, {expected:,} bytes in all, "
            f"but it has {len(content):,}. It is damaged; fetch it again."
        )
    return np.frombuffer(content, dtype, offset=header).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def read_pair(images: Path, labels: Path) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Read a file of inputs `[N, ...]` and the file of their labels `[N]`.

    Raises:
        DataError: what `read_idx` refuses, or the files do not belong together.
    """
    inputs, targets = read_idx(images), read_idx(labels)
    if inputs.ndim < 2 or targets.ndim != 1 or len(inputs) != len(targets):
        raise DataError(
            f"{images} has shape {inputs.shape} and {labels} {targets.shape}: expected [N, ...] and [N]. "
            "The files do not belong together; fetch them again."
        )
    return inputs, targets


def _unpacked(path: Path) -> bytes:
    """What a gzipped file holds: as much as its header promises, and up to a mebibyte beyond."""
    with gzip.open(path) as file:
        begin = file.read(4)
        if len(begin) < 4 or begin[:2] != b"\0\0" or begin[2] not in _TYPES:
            return begin
        begin += file.read(4 * begin[3])
        shape = struct.unpack(f">{(len(begin) - 4) // 4}I", begin[4 : len(begin) // 4 * 4])
        promised = np.dtype(_TYPES[begin[2]]).itemsize * math.prod(shape)
        expansion.check(str(path), path.stat().st_size, promised)
        return begin + file.read(promised + BEYOND)
