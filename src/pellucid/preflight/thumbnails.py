"""Pictures of files, small: what is compared before training. They stay in the cache, for the next look."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.data import decoding, packed
from pellucid.data.decoding import Header
from pellucid.data.packed import Layout
from pellucid.preflight.alike import SIDE

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""What a file can hold; any other counts as the one after the last."""
SAME = {"MPO": "JPEG"}
"""A telephone's JPEG with a second picture behind the first."""
COLOURLESS = 4
"""Steps of 255 by which the channels of a small picture differ at most where it is grey."""


@dataclass(frozen=True)
class Thumbnails:
    """Pictures that could be read.

    Attributes:
        rows: their places among the files that were asked for, ascending.
        small: `[pictures, 3, SIDE, SIDE]`, without their proportions.
        digests: hashes of the files' bytes.
        heights: in pixels, as they stand upright.
        widths: in pixels.
        formats: places among `FORMATS`.
        unreadable: the other files, and why.
    """

    rows: NDArray[np.int64]
    small: NDArray[np.uint8]
    digests: Sequence[bytes]
    heights: NDArray[np.int64]
    widths: NDArray[np.int64]
    formats: NDArray[np.int64]
    unreadable: Sequence[tuple[str, str]]

    @property
    def is_grey(self) -> NDArray[np.bool_]:
        """Which show no colour, whatever their files could hold."""
        lowest, highest = self.small.min(axis=1), self.small.max(axis=1)
        grey: NDArray[np.bool_] = (highest - lowest).max(axis=(1, 2)) <= COLOURLESS
        return grey


@dataclass(frozen=True)
class _Look:
    """How a file is packed: its small picture, a hash of its bytes, and what it says of itself."""

    what = "pictures"

    @property
    def options(self) -> Mapping[str, Any]:
        return {"thumbnail": SIDE}

    def look(self, paths: Sequence[Path]) -> Header:
        return decoding.header(paths[0])

    def layouts(self, looked: Sequence[Header]) -> Mapping[str, Layout]:
        return {"small": Layout("U8", (3, SIDE, SIDE)), "digest": Layout("U8", (16,)), "header": Layout("I64", (3,))}

    def decode(self, paths: Sequence[Path], layouts: Mapping[str, Layout]) -> Mapping[str, NDArray[Any]]:
        small, (height, width) = decoding.decode(paths[0], (3, SIDE, SIDE))
        with Image.open(paths[0]) as image:
            name = SAME.get(image.format or "", image.format)
        held = FORMATS.index(name) if name in FORMATS else len(FORMATS)
        digest = hashlib.blake2b(paths[0].read_bytes(), digest_size=16).digest()
        return {
            "small": small,
            "digest": np.frombuffer(digest, np.uint8),
            "header": np.array([height, width, held], np.int64),
        }


def read(root: Path, files: Sequence[str]) -> Thumbnails:
    """Return the small pictures of files below a folder.

    Raises:
        DataError: none of them can be read.
    """
    pack = packed.open(root, [(file,) for file in files], _Look(), "leave out")
    small, digests, header = (np.asarray(pack.columns[name]) for name in ("small", "digest", "header"))
    return Thumbnails(
        rows=np.array(pack.kept, np.int64),
        small=small,
        digests=[digest.tobytes() for digest in digests],
        heights=np.array(header[:, 0]),
        widths=np.array(header[:, 1]),
        formats=np.array(header[:, 2]),
        unreadable=pack.left_out,
    )
