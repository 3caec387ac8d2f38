"""Samples to look at: latents that a seed fixes for ever, paths between them, and their images."""

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


def paint(painter: Generative, given: Tensor, device: str) -> NDArray[Any]:
    """Return the images of latents, painted on a device some at a time."""
    painted = [painter.generate(some.to(device)).float().cpu() for some in torch.split(given, ROWS_AT_ONCE)]
    return torch.cat(painted).numpy()
