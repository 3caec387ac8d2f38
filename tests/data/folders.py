"""Folders of pictures made for the tests: what each class looks like can be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30)}


def picture(colour: tuple[int, int, int], size: tuple[int, int], seed: int) -> Image.Image:
    """A noisy patch of one colour; `size` is width and height."""
    noise = np.random.default_rng(seed).integers(-30, 30, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


def classes(root: Path, each: int = 6, size: tuple[int, int] = (24, 16), ending: str = "png") -> Path:
    """Make a folder per colour with `each` pictures, no two alike."""
    for place, (name, colour) in enumerate(COLOURS.items()):
        (root / name).mkdir(parents=True)
        for number in range(each):
            picture(colour, size, 1000 * place + number).save(root / name / f"{number:03}.{ending}")
    return root
