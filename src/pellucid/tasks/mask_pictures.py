"""Masks in colours."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GOLDEN_RATIO = 0.618034
"""Turns of the colour circle from one class to the next: however many there are, none lies near the one before."""
LINE, LETTER = 18, 9
"""Pixels of a line of a legend, and of a letter's width at most."""


def colours(num: int) -> NDArray[np.uint8]:
    """Return a colour for each of so many classes, `[classes, 3]`: hues far apart, three brightnesses in turn."""
    shades = [(0.75, 0.95), (0.5, 0.75), (0.9, 0.55)]
    told = [colorsys.hsv_to_rgb(GOLDEN_RATIO * code % 1, *shades[code % 3]) for code in range(num)]
    return np.round(255 * np.array(told)).astype(np.uint8)


def coloured(codes: NDArray[np.generic], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return masks `[rows, height, width]` as pictures `[rows, 3, height, width]`; what is ignored is white."""
    table = np.full((256, 3), 255, np.uint8)
    table[: len(palette)] = palette
    return np.ascontiguousarray(table[codes].transpose(0, 3, 1, 2))


def legend(names: Sequence[str], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a line per class, a patch of its colour and its name: `[classes, 1, 3, height, width]`."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(13)
    width = 2 * LINE + LETTER * max(len(name) for name in names)
    lines = []
    for name, colour in zip(names, palette.tolist(), strict=True):
        line = Image.new("RGB", (width, LINE), "white")
        draw = ImageDraw.Draw(line)
        draw.rectangle((0, 1, 2 * LINE - 8, LINE - 2), fill=tuple(colour))
        draw.text((2 * LINE, 1), name, fill="black", font=font)
        lines.append(np.asarray(line).transpose(2, 0, 1))
    return np.stack(lines)[:, None]
