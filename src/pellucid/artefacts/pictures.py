"""Pictures as files: one frame as PNG, several as an animated GIF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.rundir import write_atomically

SMALLEST = 280
"""Pixels of the longer side: smaller pictures are drawn with larger dots, so that they can be seen."""
FRAME_MILLISECONDS = 33


def write(pictures: Sequence[NDArray[Any]], folder: Path) -> list[Path]:
    """Write pictures `[frames, channels, height, width]` (uint8, or floats in 0 to 1) under names not yet taken.

    Returns:
        The files' paths, in order.
    """
    paths = []
    number = 1
    for picture in pictures:
        ending = "png" if len(picture) == 1 else "gif"
        while (folder / f"predict-{number}.png").exists() or (folder / f"predict-{number}.gif").exists():
            number += 1
        path = folder / f"predict-{number}.{ending}"
        folder.mkdir(exist_ok=True)
        write_atomically(path, encode(picture))
        paths.append(path)
    return paths


def encode(picture: NDArray[Any]) -> bytes:
    """Return frames `[frames, channels, height, width]` as the bytes of a PNG, or of a GIF where they are several."""
    from PIL import Image

    if picture.dtype != np.uint8:
        picture = np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    frames = [
        Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0) if len(frame) == 3 else frame[0]))
        for frame in picture
    ]
    scale = -(-SMALLEST // max(frames[0].size))
    if scale > 1:
        size = (frames[0].width * scale, frames[0].height * scale)
        frames = [frame.resize(size, Image.Resampling.NEAREST) for frame in frames]
    buffer = io.BytesIO()
    if len(frames) == 1:
        frames[0].save(buffer, format="PNG")
    else:
        frames[0].save(
            buffer, format="GIF", save_all=True, append_images=frames[1:], duration=FRAME_MILLISECONDS, loop=0
        )
    return buffer.getvalue()
