"""Pictures made of rows: their values stretched to 0 to 1, and laid out in lines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.spec import Field

Pixels = NDArray[np.float32]


def is_picture(field: Field) -> bool:
    """Whether rows can be shown: images with one channel or three."""
    return field.kind == "image" and len(field.shape) == 3 and field.shape[0] in (1, 3)


def scaled(values: NDArray[Any], *, centre: bool = False) -> Pixels:
    """Return each row `[rows, size]` stretched to 0 to 1; with `centre`, zero becomes a half (weights)."""
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    if centre:
        high = np.maximum(np.abs(low), np.abs(high))
        low = -high
    stretched: Pixels = ((values - low) / np.maximum(high - low, 1e-12)).astype(np.float32)
    return stretched


def in_lines(values: NDArray[Any], field: Field, columns: int) -> Pixels:
    """Return whole lines of rows `[rows, size]` as images `[lines, columns, channels, height, width]`."""
    lines = max(1, len(values) // columns)
    return values[: lines * columns].astype(np.float32).reshape(lines, -1, *field.shape)


def side(num: int) -> int:
    """Return how many columns make a grid of `num` about square."""
    return max(1, math.isqrt(num))
