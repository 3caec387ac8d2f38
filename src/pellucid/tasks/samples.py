"""Samples to look at: latents that a seed fixes for ever, paths between them, and sheets of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.nn.generative import Generative

ROWS_AT_ONCE = 256
STEPS = 10
"""Images from one latent to another."""


def latents(seed: int, rows: int, size: int) -> Tensor:
    """Return latents `[rows, size]` that are a function of the seed for ever: NumPy has frozen this generator."""
    return torch.from_numpy(np.random.RandomState(seed).standard_normal((rows, size)).astype(np.float32))


def between(first: Tensor, last: Tensor) -> Tensor:
    """Return latents on the arc between two, `[STEPS, size]`; a straight line would pass too near to the middle."""
    turn = torch.linspace(0, torch.pi / 2, STEPS)[:, None]
    return turn.cos() * first + turn.sin() * last


def tiled(images: NDArray[Any]) -> NDArray[Any]:
    """Return images `[N, channels, height, width]` side by side as one picture, with grey lines in between."""
    columns = int(np.ceil(np.sqrt(len(images))))
    lines = -(-len(images) // columns)
    C, H, W = images.shape[1:]
    sheet = np.full((lines * columns, C, H + 1, W + 1), 0.5, images.dtype)
    sheet[: len(images), :, :H, :W] = images
    rows = sheet.reshape(lines, columns, C, H + 1, W + 1).transpose(2, 0, 3, 1, 4)
    return rows.reshape(C, lines * (H + 1), columns * (W + 1))[:, :-1, :-1]


def paint(painter: Generative, given: Tensor, device: str) -> NDArray[Any]:
    """Return the images of latents, painted on a device some at a time."""
    painted = [painter.generate(some.to(device)).float().cpu() for some in torch.split(given, ROWS_AT_ONCE)]
    return torch.cat(painted).numpy()


def grid(images: NDArray[Any], columns: int) -> NDArray[Any]:
    """Images one after another as `[rows, columns, channels, height, width]`; what does not fill a row is left out."""
    lines = len(images) // columns
    return images[: lines * columns].reshape(lines, columns, *images.shape[1:])
