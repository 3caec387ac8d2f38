"""Masks in colours."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.data.pictures import sheet

GOLDEN_RATIO = 0.618034
"""Turns of the colour circle from one class to the next: however many there are, none lies near the one before."""
COLUMNS, WIDTH, LINE = 4, 240, 22
"""Entries in a row of a legend, and the pixels of each: together the width of a page."""


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
    """Return a patch of each class's colour beside its name, four in a row: `[rows, 4, 3, height, width]`."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(13)
    entries = []
    for name, colour in zip(names, palette.tolist(), strict=True):
        entry = Image.new("RGB", (WIDTH, LINE), "white")
        draw = ImageDraw.Draw(entry)
        draw.rectangle((0, 2, 2 * LINE - 8, LINE - 3), fill=tuple(colour))
        draw.text((2 * LINE, 2), name, fill="black", font=font)
        entries.append(np.asarray(entry).transpose(2, 0, 1))
    return sheet(np.stack(entries), COLUMNS)
