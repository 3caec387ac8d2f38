"""What every entrant trains: the same arrays, the same nets from the same seed, for the same number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

SEED = 0


@dataclass(frozen=True)
class Workload:
    """One line of the race.

    Attributes:
        arrays: the file `ARRAYS.npz` of the data folder.
        batch_size, epochs: the training rows are a multiple of the batch, so that nobody pays for a remnant.
        tolerance: how far the entrants' accuracies may lie apart. They draw the rows in different orders, so this is
            the noise of a seed: about four standard deviations of it.
        about: what it is, for the table.
    """

    arrays: str
    batch_size: int
    epochs: int
    tolerance: float
    about: str
    learning_rate: float = 1e-3


WORKLOADS = {
    "R1": Workload("mnist", 128, 3, 0.01, "MLP 784-256-128-10 on MNIST"),
    "R2": Workload("mnist", 128, 2, 0.01, "LeNet-5-like convnet on MNIST"),
    "R6": Workload("digits", 32, 20, 0.03, "MLP 64-128-64-10 on the digits"),
}


@dataclass(frozen=True)
class Arrays:
    """What lies in the npz: MNIST in uint8 `[N, 1, 28, 28]`, the digits in float32 `[N, 64]`, and int64 labels."""

    x_train: NDArray[np.generic]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.generic]
    y_test: NDArray[np.int64]


def read(folder: str, workload: Workload) -> Arrays:
    with np.load(Path(folder) / f"{workload.arrays}.npz") as file:
        return Arrays(**{name: file[name] for name in file.files})


def net(name: str) -> nn.Sequential:
    """Return the user's own net, always with the same first weights."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    if name == "R1":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
        )
    if name == "R6":
        return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    convolutions = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    convolutions += [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    dense = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*convolutions, nn.Flatten(), *dense)
