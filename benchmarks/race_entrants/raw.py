"""Plain PyTorch as a tutorial writes it: TensorDataset, DataLoader, torch.optim.Adam, loss.item() at each step.

python raw.py WORKLOAD DATA_FOLDER STEPS

In fp32, as it comes. A text is cut into windows by a Dataset that slices it, as character models' tutorials do.
"""

from __future__ import annotations

import sys
from itertools import chain, repeat

import torch
import torch.nn.functional as F
from account import Clock, accuracy, nats, tell
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset
from workload import CONTEXT, WORKLOADS, language_model, net, read, read_text


class Windows(Dataset):
    """A stretch of the text, and the same one character later."""

    def __init__(self, codes: Tensor) -> None:
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes) - CONTEXT

    def __getitem__(self, start: int) -> tuple[Tensor, Tensor]:
        return self.codes[start : start + CONTEXT], self.codes[start + 1 : start + CONTEXT + 1]


def floats(images: NDArray) -> Tensor:
    tensor = torch.from_numpy(images)
    return tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor


def main(name: str, folder: str, steps: int) -> None:
    workload = WORKLOADS[name]
    if workload.data == "text":
        train, held_out, kinds = read_text(folder)
        rows: Dataset = Windows(torch.from_numpy(train))
        model = language_model(name, kinds)
    else:
        arrays = read(folder, workload)
        rows = TensorDataset(floats(arrays.x_train), torch.from_numpy(arrays.y_train))
        model = net(name)
    loader = DataLoader(rows, batch_size=workload.batch_size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=workload.learning_rate)

    clock, running_loss = Clock(steps, workload.batch_size), 0.0
    model.train()
    for _, (inputs, targets) in zip(range(steps), chain.from_iterable(repeat(loader)), strict=False):
        optimizer.zero_grad()
        outputs = model(inputs)[0].flatten(0, 1) if workload.data == "text" else model(inputs)
        loss = F.cross_entropy(outputs, targets.flatten())
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        clock.step()
    if workload.data == "text":
        quality = nats(model, torch.from_numpy(held_out), CONTEXT)
    else:
        quality = accuracy(model, floats(arrays.x_test), torch.from_numpy(arrays.y_test))
    tell(quality=quality, clock=clock)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
