"""Race the whole-batch flip and crop against a loop over pictures, and put their time beside a training step's.

The claim: changing a batch as tensors costs a small share of a training step, and less than a loop that takes its
pictures one by one. The batch is of CIFAR-10's size: 128 pictures of 3 x 32 x 32 bytes, drawn at random; flip is left
to right half of the time, crop moves by up to 4 pixels, black outside.

    python benchmarks/augmentation.py [--rounds 50]

Entrants: `pellucid` (drawing included), `numpy loop` (np.pad and a slice per picture, default_rng), `pillow loop`
(transpose and crop per picture, from and to arrays, as a data loader does). `step of resnet-8` is one training step
(forwards, backwards, update) of the residual net of 8 layers, 16 wide, on the same batch, already prepared. In each
round every entrant has its turn, in an order that is drawn; the first three rounds are not counted. The CSV holds n,
the median and the quartiles of the milliseconds per batch, pictures per second, and the share of the step. One thread.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image

from hardware import write_results
from pellucid.data.augmentations import build
from pellucid.data.batch import Batch
from pellucid.execution import Execution
from pellucid.models import build as build_model
from pellucid.rules import build as build_rule
from pellucid.spec import Field, Spec
from pellucid.tasks import build as build_task

ROWS, PAD, WARM = 128, 4, 3
SPEC = Spec(
    Field("image", (3, 32, 32), unit="byte"),
    Field("category", categories=tuple("abcdefghij"), counts=(5000,) * 10),
)


def entrants(pictures: np.ndarray) -> dict[str, Callable[[], object]]:
    """What is raced, by name; each changes the whole batch once."""
    random_of = np.random.default_rng(0)
    tensor, rows = torch.from_numpy(pictures), torch.arange(ROWS)
    sections = [{"name": "flip"}, {"name": "crop", "pad": PAD}]
    augmentations, epoch = build(sections, SPEC, SPEC), iter(range(1 << 60))

    def pellucid() -> object:
        return augmentations.drawn(next(epoch), rows).apply("raw", {"input": tensor})["input"]

    def numpy_loop() -> object:
        changed = np.empty_like(pictures)
        for row, picture in enumerate(pictures):
            mirrored = picture[:, :, ::-1] if random_of.random() < 0.5 else picture
            top, left = random_of.integers(0, 2 * PAD + 1, size=2)
            framed = np.pad(mirrored, ((0, 0), (PAD, PAD), (PAD, PAD)))
            changed[row] = framed[:, top : top + 32, left : left + 32]
        return changed

    def pillow_loop() -> object:
        changed = np.empty_like(pictures)
        for row, picture in enumerate(pictures):
            image = Image.fromarray(picture.transpose(1, 2, 0))
            if random_of.random() < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            top, left = (int(each) for each in random_of.integers(-PAD, PAD + 1, size=2))
            changed[row] = np.asarray(image.crop((left, top, left + 32, top + 32))).transpose(2, 0, 1)
        return changed

    return {"pellucid": pellucid, "numpy loop": numpy_loop, "pillow loop": pillow_loop}


def step_of_resnet(pictures: np.ndarray) -> Callable[[], object]:
    """One training step on the batch."""
    model = build_model({"name": "resnet", "depth": 8, "width": 16}, SPEC, seed=0)
    execution = Execution("cpu", "fp32", threads=1, layout="channels_last", variant="captured")
    execution.begin()
    execution.place(model)
    task = build_task({"name": "classify"}, SPEC)
    rule = build_rule({"name": "backpropagation"}, model, task, execution, 1000)
    prepared = torch.from_numpy(pictures).float().div_(127.5).sub_(1)
    batch = Batch({"input": prepared, "target": torch.arange(ROWS) % 10}, torch.arange(ROWS))
    return lambda: rule.step(batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50, help="how often each entrant has its turn")
    parser.add_argument("--print", action="store_true", help="print the figures and write no CSV")
    options = parser.parse_args()

    torch.set_num_threads(1)
    pictures = np.random.default_rng(0).integers(0, 256, size=(ROWS, 3, 32, 32), dtype=np.uint8)
    racing = {**entrants(pictures), "step of resnet-8": step_of_resnet(pictures)}
    seconds: dict[str, list[float]] = {name: [] for name in racing}
    for number in range(options.rounds + WARM):
        for name in random.sample(list(racing), len(racing)):
            begin = time.perf_counter()
            racing[name]()
            if number >= WARM:
                seconds[name].append(time.perf_counter() - begin)

    step = statistics.median(seconds["step of resnet-8"])
    rows = []
    for name, taken in seconds.items():
        low, median, high = statistics.quantiles(taken, n=4)
        rows.append(
            {
                "entrant": name,
                "n": len(taken),
                "milliseconds": round(1e3 * median, 3),
                "quartile_1": round(1e3 * low, 3),
                "quartile_3": round(1e3 * high, 3),
                "pictures_per_second": round(ROWS / median),
                "share_of_step": round(median / step, 4),
            }
        )
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()))
    if not options.print:
        print(write_results("augmentation", rows))


if __name__ == "__main__":
    main()
