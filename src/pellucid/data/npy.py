"""NumPy's own files, .npy and .npz (NEP 1, Kern 2007). Nothing is unpickled, and no header is believed.

`numpy.load` makes room for whatever a header promises. Here the promise is first held against the bytes that are there.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.data import expansion
from pellucid.errors import DataError

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 1 << 16
MOST_DIMENSIONS = 32
_WRITTEN = {
    "descr": re.compile(r"""["']descr["']\s*:\s*["']([<>|=]?[a-zA-Z]\d{0,9})["']"""),
    "fortran_order": re.compile(r"""["']fortran_order["']\s*:\s*(True|False)"""),
    "shape": re.compile(r"""["']shape["']\s*:\s*\(([\d\s,]*)\)"""),
}


class _Header(NamedTuple):
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str
    size: int


def read_npy(path: Path) -> NDArray[Any]:
    """Return the array of a .npy file, memory-mapped; writing to it does not reach the file.

    Raises:
        DataError: it is no .npy file, its length is not what its header says, or it holds objects.
    """
    try:
        with path.open("rb") as file:
            header = _header(file, str(path))
        _check_length(str(path), header, path.stat().st_size)
        return np.memmap(path, header.dtype, "c", offset=header.size, shape=header.shape, order=_order(header))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None


def names_in(path: Path) -> list[str]:
    """Return the names of the arrays in a .npz file; raise `DataError` where it is none."""
    with _opened(path) as archive:
        return [info.filename.removesuffix(".npy") for info in archive.infolist() if info.filename.endswith(".npy")]


def read_npz(path: Path, name: str) -> NDArray[Any]:
    """Return one array of a .npz file.

    Raises:
        DataError: as `read_npy`; or it is compressed in another way than NumPy does, or would fill the memory.
    """
    where = f"{name} in {path}"
    with _opened(path) as archive:
        info = archive.getinfo(f"{name}.npy")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(
                f"{where} is encrypted, or compressed in another way than NumPy does. Save it with np.savez."
            )
        expansion.check(where, min(info.compress_size, path.stat().st_size), info.file_size)
        try:
            with archive.open(info) as file:
                header = _header(file, where)
                _check_length(where, header, info.file_size)
                content = bytearray(info.file_size - header.size)
                got = file.readinto(content)  # type: ignore[attr-defined]
                whole = got == len(content) and not file.read(1)
        except (*_DAMAGED, KeyError) as error:
            raise DataError(f"{where} cannot be read: {error}. It is damaged; fetch or save it again.") from None
    if not whole:
        raise DataError(f"{where} is cut short. It is damaged; fetch or save it again.")
    return np.frombuffer(content, header.dtype).reshape(header.shape, order=_order(header))


_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
)
"""What zipfile raises of damaged files."""


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise DataError(f"{path} is not a .npz file that can be read: {error}. Save it with np.savez.") from None


def _order(header: _Header) -> Any:
    return header.order


def _header(file: IO[bytes], where: str) -> _Header:
    begin = file.read(8)
    if begin[:6] != MAGIC or len(begin) < 8 or begin[6] not in (1, 2, 3):
        raise DataError(
            f"{where} is not a NumPy array: it begins with {begin.hex(' ') or 'nothing'}. Save it with np.save."
        )
    width = 2 if begin[6] == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    text = file.read(min(length, LONGEST_HEADER)).decode("latin-1")
    if len(text) < length:
        raise DataError(f"{where} is cut short inside its header, or damaged. Fetch or save it again.")
    found = {name: pattern.search(text) for name, pattern in _WRITTEN.items()}
    if found["descr"] and found["descr"][1].lstrip("<>|=")[0] == "O":
        raise DataError(
            f"{where} holds objects (text, None or a mixture), which only pickle could read, and that can run any "
            "code. Save it as numbers, array.astype(float), or as text, array.astype(str)."
        )
    if not (found["descr"] and found["fortran_order"] and found["shape"]):
        raise DataError(f"{where}: its header says {text.strip()[:80]!r}: expected one array of numbers or of text.")
    sizes = [size.strip() for size in found["shape"][1].split(",") if size.strip()]
    if len(sizes) > MOST_DIMENSIONS or not all(size.isdecimal() and len(size) < 20 for size in sizes):
        raise DataError(f"{where}: its header gives the shape ({found['shape'][1][:80]}). It is damaged.")
    order = "F" if found["fortran_order"][1] == "True" else "C"
    return _Header(_dtype(found["descr"][1], where), tuple(map(int, sizes)), order, 8 + width + length)


def _dtype(described: str, where: str) -> np.dtype[Any]:
    """The type of the values: truth, whole numbers, numbers, text or bytes; nothing else is learned from."""
    try:
        dtype = np.dtype(described) if described.lstrip("<>|=")[0] in "biufUS" else None
    except (TypeError, ValueError):
        dtype = None
    if dtype is None or dtype.itemsize == 0:
        raise DataError(f"{where} holds values of the type {described!r}: expected numbers or text.")
    return dtype


def _check_length(where: str, header: _Header, length: int) -> None:
    promised = header.size + header.dtype.itemsize * math.prod(header.shape)
    if promised != length:
        raise DataError(
            f"{where}: its header promises {' x '.join(map(str, header.shape)) or 'one'} values, {promised:,} bytes in "
            f"all, but it has {length:,}. It is damaged; fetch or save it again."
        )
    if promised == header.size:
        raise DataError(f"{where} has the shape {header.shape}: it holds nothing.")
