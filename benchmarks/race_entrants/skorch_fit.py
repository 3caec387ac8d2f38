"""skorch: scikit-learn's manners around the same net and optimizer; fp32, no validation split, no printing.

python skorch_fit.py WORKLOAD DATA_FOLDER STEPS

R1, R2, R3 and R6.
"""

from __future__ import annotations

import sys

import torch
from account import Clock, accuracy, tell
from raw import floats
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn
from workload import WORKLOADS, net, read


def main(name: str, folder: str, steps: int) -> None:
    workload = WORKLOADS[name]
    arrays = read(folder, workload)
    clock = Clock(steps, workload.batch_size)

    class Steps(Callback):
        def on_batch_end(self, wrapper: object, **given: object) -> None:
            clock.step()
            if clock.done == steps:
                raise KeyboardInterrupt  # skorch's own way to end within an epoch

    wrapper = NeuralNetClassifier(
        net(name),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=workload.learning_rate,
        batch_size=workload.batch_size,
        max_epochs=-(-steps * workload.batch_size // len(arrays.x_train)),
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        callbacks=[Steps()],
    )
    wrapper.fit(floats(arrays.x_train), torch.from_numpy(arrays.y_train))
    tell(quality=accuracy(wrapper.module_, floats(arrays.x_test), torch.from_numpy(arrays.y_test)), clock=clock)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
