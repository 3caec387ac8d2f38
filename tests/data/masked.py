"""Folders of pictures with masks made for the tests: what a pixel shows can be told from its colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOURS = np.array([[30, 30, 200], [200, 40, 40], [40, 180, 60]])


def pair(seed: int, size: tuple[int, int] = (32, 24), num: int = 3) -> tuple[Image.Image, NDArray[np.uint8]]:
    """Return a picture of rectangles on a ground, and the code of each pixel; `size` is width and height."""
    draw = np.random.default_rng(seed)
    width, height = size
    codes = np.zeros((height, width), np.uint8)
    for code in range(1, num):
        top, left = draw.integers(0, height // 2), draw.integers(0, width // 2)
        codes[top : top + height // 2, left : left + width // 3] = code
    pixels = COLOURS[codes] + draw.integers(-25, 25, (height, width, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), codes


def save(codes: NDArray[np.uint8], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(codes).save(path)


def masked(
    root: Path, num: int = 6, values: Sequence[int] = (0, 1, 2), size: tuple[int, int] = (32, 24), seed: int = 0
) -> Path:
    """Make ROOT/images/000.jpg, ... and ROOT/masks/000.png, ... whose masks have these values."""
    (root / "images").mkdir(parents=True)
    for number in range(num):
        picture, codes = pair(seed + number, size, len(values))
        picture.save(root / "images" / f"{number:03}.png")
        save(np.array(values, np.uint8)[codes], root / "masks" / f"{number:03}.png")
    return root
