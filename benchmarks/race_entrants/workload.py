"""What every entrant trains: the same data, the same nets from the same seed, for the same number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

SEED = 0
CONTEXT = 64
"""Characters of a text that a net sees at once."""


@dataclass(frozen=True)
class Workload:
    """One line of the race.

    Attributes:
        data: the file `DATA.npz` of the data folder, or `text.txt`.
        batch_size: divides the training rows, so that nobody pays for a remnant.
        steps: updates of the weights.
        precision: the better one of the two on a processor.
        tolerance: how far the entrants' qualities may lie apart. They draw the rows in different orders, so this is
            the noise of a seed: about four standard deviations of it.
        about: what it is, for the table.
    """

    data: Literal["mnist", "digits", "text"]
    batch_size: int
    steps: int
    precision: Literal["fp32", "bf16"]
    tolerance: float
    about: str
    learning_rate: float = 1e-3

    @property
    def quality(self) -> str:
        """What is judged: accuracy on the test rows, or nats per character on the held-out tenth."""
        return "nats" if self.data == "text" else "accuracy"


WORKLOADS = {
    "R1": Workload("mnist", 128, 3 * 390, "fp32", 0.01, "MLP 784-256-128-10 on MNIST"),
    "R2": Workload("mnist", 128, 2 * 390, "bf16", 0.01, "LeNet-5-like convnet on MNIST"),
    "R3": Workload("mnist", 128, 200, "bf16", 0.06, "ResNet of 16, 32, 64 channels on MNIST"),
    "R4": Workload("text", 64, 300, "bf16", 0.15, "LSTM of 128 units on characters", 2e-3),
    "R5": Workload("text", 32, 200, "bf16", 0.15, "GPT of 4 blocks, width 128, on characters"),
    "R6": Workload("digits", 32, 20 * 45, "fp32", 0.03, "MLP 64-128-64-10 on the digits"),
    "R6-long": Workload("digits", 32, 20_000, "fp32", 0.03, "the same, long enough to pay for its preparations"),
}


@dataclass(frozen=True)
class Arrays:
    """What lies in the npz: MNIST in uint8 `[N, 1, 28, 28]`, the digits in float32 `[N, 64]`, and int64 labels."""

    x_train: NDArray[np.generic]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.generic]
    y_test: NDArray[np.int64]


def read(folder: str, workload: Workload) -> Arrays:
    with np.load(Path(folder) / f"{workload.data}.npz") as file:
        return Arrays(**{name: file[name] for name in file.files})


def read_text(folder: str) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the characters' codes of the first nine tenths and of the rest, and how many kinds there are."""
    text = (Path(folder) / "text.txt").read_text(encoding="utf-8")
    kinds, codes = np.unique(np.array(list(text)), return_inverse=True)
    cut = len(codes) - round(0.1 * len(codes))
    return codes[:cut].astype(np.int64), codes[cut:].astype(np.int64), len(kinds)


def net(name: str) -> nn.Module:
    """Return the user's own net for images or numbers, always with the same first weights."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    if name == "R1":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
        )
    if name.startswith("R6"):
        return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    if name == "R3":
        from residual import ResNet

        return ResNet()
    convolutions = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    convolutions += [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    dense = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*convolutions, nn.Flatten(), *dense)


def language_model(name: str, vocabulary: int) -> nn.Module:
    """Return the net that Pellucid's catalogue builds for R4 and R5, so that all entrants train the same one."""
    import torch

    from pellucid import models
    from pellucid.spec import Field, Spec

    torch.manual_seed(SEED)
    text = Field("tokens", (CONTEXT,), categories=tuple(map(str, range(vocabulary))))
    return models.build(MODELS[name], Spec(text, text), seed=SEED)


MODELS = {
    "R4": {"name": "lstm", "embedding": 64, "hidden": 128},
    "R5": {"name": "gpt", "layers": 4, "heads": 4, "width": 128},
}
