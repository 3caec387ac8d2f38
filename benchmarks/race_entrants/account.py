"""What an entrant says of itself: one JSON line, with its own age as the kernel counts it."""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

WARM = 0.1
"""Share of the steps that are not counted in the rate: what is decided and made at the beginning."""


class Clock:
    """Marks the steady part of a training. Call `step` after each update."""

    def __init__(self, steps: int, batch_size: int) -> None:
        self.steps, self.batch_size = steps, batch_size
        self.done, self._warm = 0, int(WARM * steps)
        self._begin = self._mark = self._end = time.perf_counter()

    def step(self) -> None:
        self.done += 1
        if self.done == self._warm:
            self._mark = time.perf_counter()
        elif self.done == self.steps:
            self._end = time.perf_counter()

    @property
    def train_seconds(self) -> float:
        return self._end - self._begin

    @property
    def samples_per_second(self) -> float:
        return (self.steps - self._warm) * self.batch_size / (self._end - self._mark)


def process_seconds() -> float:
    """Seconds since the kernel started this process (in steps of 10 ms): interpreter and imports are counted."""
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return float(Path("/proc/uptime").read_text().split()[0]) - started


def accuracy(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The share of rows that a model has right, a thousand at a time."""
    import torch

    model.eval()
    with torch.inference_mode():
        right = sum(
            int((model(some).argmax(dim=1) == of).sum())
            for some, of in zip(inputs.split(1000), targets.split(1000), strict=True)
        )
    return right / len(targets)


def nats(model: nn.Module, codes: Tensor, context: int) -> float:
    """Mean surprise over a text, in windows that begin without a past."""
    import torch
    import torch.nn.functional as F

    num = (len(codes) - 1) // context
    inputs, targets = codes[: num * context].view(num, context), codes[1 : num * context + 1].view(num, context)
    model.eval()
    total = 0.0
    with torch.inference_mode():
        for some, of in zip(inputs.split(256), targets.split(256), strict=True):
            total += float(F.cross_entropy(model(some)[0].flatten(0, 1).float(), of.flatten(), reduction="sum"))
    return total / targets.numel()


def tell(*, quality: float, clock: Clock) -> None:
    """Print the line of an entrant with a loop of its own. Call it last: it reads the clock."""
    say(
        quality=quality,
        steps=clock.steps,
        train_seconds=clock.train_seconds,
        samples_per_second=clock.samples_per_second,
    )


def say(*, quality: float, steps: int, train_seconds: float, samples_per_second: float) -> None:
    """Print the line.

    Args:
        quality: accuracy on the test rows, or nats per character of the held-out text.
        steps: updates of the weights.
        train_seconds: from the first step to the last, validations left out.
        samples_per_second: rows of the steady part over its seconds.
    """
    print(
        json.dumps(
            {
                "quality": round(quality, 6),
                "steps": steps,
                "train_seconds": round(train_seconds, 4),
                "samples_per_second": round(samples_per_second, 1),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "process_seconds": round(process_seconds(), 3),
            }
        ),
        flush=True,
    )
