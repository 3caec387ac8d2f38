"""Plain PyTorch as a tutorial writes it: TensorDataset, DataLoader, torch.optim.Adam, loss.item() at each step.

python raw.py WORKLOAD ARRAYS_FOLDER
"""

from __future__ import annotations

import sys
import time

import torch
from account import tell
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from workload import WORKLOADS, net, read


def floats(images: NDArray) -> torch.Tensor:
    tensor = torch.from_numpy(images)
    return tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor


def main(name: str, folder: str) -> None:
    workload = WORKLOADS[name]
    arrays = read(folder, workload)
    train_rows = TensorDataset(floats(arrays.x_train), torch.from_numpy(arrays.y_train))
    test_rows = TensorDataset(floats(arrays.x_test), torch.from_numpy(arrays.y_test))
    loader = DataLoader(train_rows, batch_size=workload.batch_size, shuffle=True)
    model = net(name)
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=workload.learning_rate)

    steps, running_loss = 0, 0.0
    marks = [time.perf_counter()]  # the beginning, and the end of each epoch
    for _ in range(workload.epochs):
        model.train()
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = loss_function(model(inputs), targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
            steps += 1
        marks.append(time.perf_counter())

    model.eval()
    right = 0
    with torch.no_grad():
        for inputs, targets in DataLoader(test_rows, batch_size=1000):
            right += (model(inputs).argmax(dim=1) == targets).sum().item()
    tell(
        accuracy=right / len(test_rows),
        steps=steps,
        train_seconds=marks[-1] - marks[0],
        samples_per_second=len(train_rows) * (workload.epochs - 1) / (marks[-1] - marks[1]),
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
