"""Pictures from arrays: one frame as PNG, several as an animated GIF, many images as one grid."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST = 280
"""Pixels of the longer side at least: a small picture is drawn with larger dots, so that it can be seen."""
FRAME_MILLISECONDS = 40


def to_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return pixels as uint8; floats are shares of white, in 0 to 1."""
    if pixels.dtype == np.uint8:
        return pixels
    shares: NDArray[np.uint8] = np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
    return shares


def stretched(values: NDArray[Any], *, centre: bool = False) -> NDArray[np.float32]:
    """Return each row `[rows, size]` stretched to 0 to 1; with `centre`, zero becomes a half (weights)."""
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    if centre:
        high = np.maximum(np.abs(low), np.abs(high))
        low = -high
    shares: NDArray[np.float32] = ((values - low) / np.maximum(high - low, 1e-12)).astype(np.float32)
    return shares


def sheet(images: NDArray[Any], columns: int | None = None) -> NDArray[Any]:
    """Return images `[N, channels, height, width]` in rows, `[rows, columns, channels, height, width]`.

    About square where no `columns` are given. What the last row lacks is white.
    """
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = -(-len(images) // columns)
    white = 255 if images.dtype == np.uint8 else 1
    whole = np.full((rows * columns, *images.shape[1:]), white, images.dtype)
    whole[: len(images)] = images
    return whole.reshape(rows, columns, *images.shape[1:])


def grid(images: NDArray[Any], gap: int = 1) -> NDArray[np.uint8]:
    """Lay images `[rows, columns, channels, height, width]` out as one `[channels, height, width]`, white between."""
    rows, columns, channels, height, width = images.shape
    whole = np.full((channels, rows * (height + gap) - gap, columns * (width + gap) - gap), 255, np.uint8)
    for row, line in enumerate(to_bytes(images)):
        for column, image in enumerate(line):
            top, left = row * (height + gap), column * (width + gap)
            whole[:, top : top + height, left : left + width] = image
    return whole


def encode(frames: NDArray[Any], smallest: int = SMALLEST, palette: Sequence[Sequence[int]] | None = None) -> bytes:
    """Return frames `[frames, channels, height, width]` as the bytes of a PNG, or of a GIF where they are several.

    With a palette, one RGB triple in 0 to 255 per code, frames of one channel hold codes, and are not enlarged.
    """
    from PIL import Image

    drawn = [
        Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0) if len(frame) == 3 else frame[0]))
        for frame in to_bytes(frames)
    ]
    if palette is not None:
        for frame in drawn:
            frame.putpalette([value for colour in palette for value in colour])
    scale = 1 if palette is not None else -(-smallest // max(drawn[0].size))
    if scale > 1:
        size = (drawn[0].width * scale, drawn[0].height * scale)
        drawn = [frame.resize(size, Image.Resampling.NEAREST) for frame in drawn]
    buffer = io.BytesIO()
    if len(drawn) == 1:
        drawn[0].save(buffer, format="PNG")
    else:
        drawn[0].save(buffer, format="GIF", save_all=True, append_images=drawn[1:], duration=FRAME_MILLISECONDS, loop=0)
    return buffer.getvalue()
