"""Damaged files, drawn from a seed, and a process of its own in which a reader must refuse them all in good order.

    python -m tests.data.mutations READER COUNT SEED

reads COUNT damaged files under a limit of memory, and prints what happened as JSON.
"""

from __future__ import annotations

import gzip
import io
import json
import resource
import signal
import struct
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Draw = np.random.Generator
MEMORY = 1 << 30
"""Bytes of address space that reading may take beyond what is taken before."""
SECONDS = 20
"""After which a reader is taken to hang."""


class Hangs(BaseException):
    """A reader does not come to an end."""


def csv_seeds() -> dict[str, bytes]:
    draw = np.random.default_rng(0)
    rows = "".join(f'{i};{draw.normal():.4f};"w{i % 3}, x";{i % 2}\n' for i in range(40))
    return {
        "plain.csv": b"a,b,c,y\n" + b"".join(b"%d,%d.5,u%d,%d\n" % (i, i, i % 4, i % 2) for i in range(40)),
        "quoted.csv": ("number;size;word;y\n" + rows).encode(),
        "tabs.tsv": "\ufeffa\tb\ty\n1\t2\t0\nNA\tü\t1\n".encode(),
        "lines.jsonl": b'{"a": 1, "b": "x", "y": 0}\n{"a": 2.5, "b": null, "y": 1}\n' * 10,
    }


def idx_seeds() -> dict[str, bytes]:
    def encoded(array: np.ndarray, code: int) -> bytes:
        return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()

    images = encoded(np.arange(5 * 6 * 7, dtype="u1").reshape(5, 6, 7), 0x08)
    return {
        "images": images,
        "images.gz": gzip.compress(images, mtime=0),
        "floats": encoded(np.ones((3, 2), ">f4"), 0x0D),
    }


def npy_seeds() -> dict[str, bytes]:
    X, y = np.arange(24, dtype=np.float32).reshape(8, 3), np.array(["a", "b"] * 4)
    stored, deflated, plain = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(stored, X=X, y=y)
    np.savez_compressed(deflated, X_train=X, y_train=y, X_test=X, y_test=y)
    np.save(plain, X)
    return {"stored.npz": stored.getvalue(), "deflated.npz": deflated.getvalue(), "X.npy": plain.getvalue()}


def picture_seeds() -> dict[str, bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    seeds = {}
    for ending in ("png", "jpg", "gif", "bmp", "tif", "webp"):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending.upper()))
        seeds[f"a.{ending}"] = out.getvalue()
    return seeds


def npy_of(shape: str, descr: str = "<f4", content: bytes = b"") -> bytes:
    """A .npy file whose header says what it likes."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG of no more than a header that gives a size, and a few bytes of rows."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def absurd() -> dict[str, dict[str, bytes]]:
    """Files that are built to harm, for each reader."""
    wide = ",".join(f"c{i}" for i in range(100_000)).encode()
    many = b"\0\0\x08\x03" + struct.pack(">III", 60000, 60000, 100)
    bomb = gzip.compress(b"\0\0\x08\x02" + struct.pack(">II", 1 << 14, 1 << 15) + bytes(1 << 29), 1)
    honest = npy_of(f"({1 << 29},)", "|u1", bytes(1 << 29))
    return {
        "csv": {
            "wide.csv": wide + b"\n" + b"1," * 99_999 + b"1\n",
            "narrow.csv": b"a,y\n1,2\n" + b"1," * 100_000,
            "same.csv": b"a," * 50_000 + b"y\n" + b"1," * 50_000 + b"1\n",
            "nul.csv": b"a,y\0\n\0,1\n2,\0\n",
            "quote.csv": b'a,y\n"1,2\n3,4\n' + b"5,6\n" * 10_000,
            "quotes.csv": b'"' * 100_000,
            "field.csv": b"a,y\n" + b"x" * 1_000_000 + b",1\n2,3\n",
            "deep.jsonl": b'{"a":' * 100_000,
            "deeper.jsonl": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"y":1}\n',
            "empty.csv": b"",
            "blank.csv": b"\n" * 1000,
        },
        "idx": {
            "promises": many,
            "promises.gz": gzip.compress(many),
            "bomb.gz": bomb,
            "small-header.gz": gzip.compress(b"\0\0\x08\x01\0\0\0\1" + bytes(1 << 28), 1),
            "dimensions": b"\0\0\x08\xff" + bytes(1020),
            "ones": b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"\0",
            "zero": b"\0\0\x08\x03" + struct.pack(">III", 0, 2**32 - 1, 2**32 - 1),
        },
        "npy": {
            "large.npy": npy_of("(1000000000000,)"),
            "overflow.npy": npy_of("(4294967296, 4294967296, 4)"),
            "negative.npy": npy_of("(-1, 4)", content=bytes(16)),
            "zero.npy": npy_of(f"(0, {10**18})"),
            "long.npy": npy_of(f"({'9' * 5000},)"),
            "axes.npy": npy_of(f"({'1, ' * 60})", content=bytes(4)),
            "objects.npy": npy_of("(1,)", "|O", b"\x80\x04N."),
            "text.npy": npy_of("(1,)", "<U999999999"),
            "empty-text.npy": npy_of(f"({10**15},)", "<U0"),
            "code.npy": npy_of("(__import__('os').abort(),)"),
            "bomb.npz": zipped({"X.npy": honest, "y.npy": npy_of("(4,)", content=bytes(16))}),
            "lies.npz": zipped({"X.npy": npy_of(f"({1 << 40},)"), "y.npy": npy_of("(4,)", content=bytes(16))}),
            "no-arrays.npz": zipped({"a.txt": b"a"}),
            "twice.npz": zipped({"X.npy": npy_of("(2, 1)", content=bytes(8)), "x.npy": b""}),
        },
        "pictures": {
            "huge.png": png_of(2**31 - 1, 2**31 - 1),
            "large.png": png_of(50_000, 50_000),
            "wide.png": png_of(80_000_000, 1),
            "none.png": png_of(0, 0),
            "huge.gif": b"GIF89a"
            + struct.pack("<HH", 65535, 65535)
            + b"\0\0\0,"
            + struct.pack("<HHHH", 0, 0, 65535, 65535)
            + b"\0\2\0;",
            "huge.bmp": b"BM"
            + struct.pack("<IHHIIiiHHIIIIII", 54, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0)[:52],
        },
    }


SEEDS: dict[str, Callable[[], dict[str, bytes]]] = {
    "csv": csv_seeds,
    "idx": idx_seeds,
    "npy": npy_seeds,
    "pictures": picture_seeds,
}
TOKENS = (
    b"\0",
    b'"',
    b"\n",
    b"\r",
    b",",
    b";",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"1e999",
    b"\xef\xbb\xbf",
    b"'",
)


def mutated(content: bytes, other: bytes, draw: Draw) -> bytes:
    """The content with one to three faults: bits flipped, cut short, another's header, a piece twice, an odd token."""
    data = bytearray(content)
    for _ in range(int(draw.integers(1, 4))):
        size = max(1, len(data))
        place = int(draw.integers(size)) if draw.random() < 0.5 else int(draw.integers(min(size, 64)))
        match int(draw.integers(7)):
            case 0:
                for at in draw.integers(0, size, int(draw.integers(1, 9))):
                    data[at : at + 1] = bytes([data[at] ^ (1 << int(draw.integers(8)))]) if at < len(data) else b""
            case 1:
                del data[place:]
            case 2:
                data[:place] = other[:place]
            case 3:
                data[place:place] = data[place : place + int(draw.integers(1, 200))]
            case 4:
                token = TOKENS[int(draw.integers(len(TOKENS)))]
                data[place : place + (len(token) if draw.random() < 0.5 else 0)] = token * int(draw.integers(1, 4))
            case 5:
                data[place : place + 4] = draw.bytes(4)
            case 6:
                del data[place : place + int(draw.integers(1, 50))]
    return bytes(data)


def reading(reader: str) -> Callable[[Path], Any]:
    """What is done with a file."""
    from pellucid.recipe import DataSection

    if reader == "csv":
        from pellucid.data import features

        return lambda path: features.read(DataSection(source=str(path), target="y"))
    if reader == "idx":
        from pellucid.data.idx import read_idx

        return read_idx
    if reader == "npy":
        from pellucid.data import array_files

        return lambda path: array_files.read(DataSection(source=str(path)))
    from pellucid.data.decoding import decode, header

    return lambda path: (header(path), decode(path, (3, 8, 8)))


def run(reader: str, count: int, seed: int) -> dict[str, Any]:
    """Read what is built to harm, then `count` mutated files; tell what else than a `DataError` came of it."""
    from pellucid.errors import DataError

    read, seeds, harmful = reading(reader), SEEDS[reader](), absurd()[reader]
    warnings.simplefilter("ignore")  # of damaged pictures: what is read must not depend on it
    draw, names = np.random.default_rng(seed), list(seeds)
    outcomes: Counter[str] = Counter()
    wrong: list[dict[str, str]] = []
    slowest = ("", 0.0)

    def late(*_: Any) -> None:
        raise Hangs(f"not done after {SECONDS} seconds")

    signal.signal(signal.SIGALRM, late)
    with tempfile.TemporaryDirectory() as folder:

        def one(name: str, content: bytes) -> None:
            nonlocal slowest
            path = Path(folder) / name
            path.write_bytes(content)
            began = time.perf_counter()
            signal.alarm(SECONDS)
            try:
                read(path)
                outcomes["read"] += 1
            except DataError:
                outcomes["refused"] += 1
            except BaseException as error:
                outcomes["wrong"] += 1
                place = Path(tempfile.gettempdir()) / f"pellucid-fuzz-{reader}-{outcomes['wrong']}-{name}"
                if len(content) < 1 << 20:
                    place.write_bytes(content)
                wrong.append({"name": name, "error": f"{type(error).__name__}: {error}"[:300], "kept": str(place)})
            finally:
                signal.alarm(0)
            slowest = max(slowest, (name, time.perf_counter() - began), key=lambda pair: pair[1])
            path.unlink(missing_ok=True)

        for name, content in seeds.items():
            one(name, content)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        for name, content in harmful.items():
            one(name, content)
        for _ in range(count):
            name, other = (names[int(place)] for place in draw.integers(0, len(names), 2))
            one(name, mutated(seeds[name], seeds[other], draw))
    return {"outcomes": outcomes, "wrong": wrong, "slowest": slowest}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
