"""Lightning at its leanest: no logger, checkpoint, bar or summary; a DataLoader over tensors; fp32.

python lightning_fit.py WORKLOAD DATA_FOLDER STEPS

R1, R2, R3 and R6.
"""

from __future__ import annotations

import logging
import sys
import warnings

import lightning
import torch
import torch.nn.functional as F
from account import Clock, accuracy, tell
from raw import floats
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from workload import WORKLOADS, net, read


def main(name: str, folder: str, steps: int) -> None:
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    workload = WORKLOADS[name]
    arrays = read(folder, workload)
    clock = Clock(steps, workload.batch_size)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net(name)

        def training_step(self, batch: tuple[Tensor, Tensor], place: int) -> Tensor:
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def on_train_batch_end(self, *given: object) -> None:
            clock.step()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=workload.learning_rate)

    rows = TensorDataset(floats(arrays.x_train), torch.from_numpy(arrays.y_train))
    module = Module()
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_steps=steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, DataLoader(rows, batch_size=workload.batch_size, shuffle=True))
    tell(quality=accuracy(module.net, floats(arrays.x_test), torch.from_numpy(arrays.y_test)), clock=clock)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
