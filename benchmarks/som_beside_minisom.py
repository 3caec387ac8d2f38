"""Put both errors of our self-organizing maps beside MiniSom's, at equal size, data, and number of presented rows.

The claim: taking rows in batches of 16 costs no quality. On scikit-learn's digits (the recipe's training rows are
presented, its validation rows judged) a sheet of 10 x 10 units ends with a quantisation error and a topographic error
like those of MiniSom (G. Vettigli, pip install minisom), which takes rows one by one.

    python benchmarks/som_beside_minisom.py

Entrants: `pellucid` is the recipe digits-som; `pellucid row by row` the same with train.batch_size=1; `minisom, our
schedule` has our rate and radius at each step and begins in the plane of principal components, as we do; `minisom,
defaults` keeps its own schedules (asymptotic decay, rate 0.5, sigma 1). Each of n = 5 seeds orders the rows anew; mean
and standard deviation stand in the CSV. `seconds` is the time of the updates alone, for both. One thread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from minisom import MiniSom

import pellucid
from hardware import write_results
from pellucid.data.world import read
from pellucid.rules.competitive import falling

SEEDS = range(5)
EPOCHS = 40
SIDE = 10


def ours(seed: int, batch_size: int, folder: Path) -> dict[str, float]:
    settings = {
        "seed": seed,
        "train.epochs": EPOCHS,
        "train.batch_size": batch_size,
        "train.evaluate_every": 10**9,
        "train.keep": "last",
        "evaluate.baselines": False,
        "execution.threads": 1,
    }
    run = pellucid.train("digits-som", settings, out=folder / f"{seed}-{batch_size}", report=False, quiet=True)
    return {**run.metrics, "seconds": run.result()["training_seconds"]}


def minisom(seed: int, our_schedule: bool, train: np.ndarray, judged: np.ndarray) -> dict[str, float]:
    steps = EPOCHS * len(train)
    net = MiniSom(SIDE, SIDE, train.shape[1], random_seed=seed)
    if our_schedule:
        net = MiniSom(SIDE, SIDE, train.shape[1], sigma=SIDE / 2, learning_rate=0.5, random_seed=seed)
        net._learning_rate_decay_function = lambda rate, step, total: falling(rate, 0.01, step, total)
        net._sigma_decay_function = lambda radius, step, total: falling(radius, 0.5, step, total)
        net.pca_weights_init(train)
    else:
        net.random_weights_init(train)
    random = np.random.default_rng(seed)
    order = np.concatenate([random.permutation(len(train)) for _ in range(EPOCHS)])
    begun = time.perf_counter()
    for step, row in enumerate(order):
        net.update(train[row], net.winner(train[row]), step, steps)
    seconds = time.perf_counter() - begun
    return {
        "quantisation_error": float(net.quantization_error(judged)),
        "topographic_error": float(net.topographic_error(judged)),
        "seconds": seconds,
    }


def summary(entrant: str, found: list[dict[str, float]]) -> dict[str, Any]:
    told: dict[str, Any] = {"entrant": entrant, "n": len(found), "units": SIDE * SIDE, "epochs": EPOCHS}
    for name in ("quantisation_error", "topographic_error", "seconds"):
        values = [each[name] for each in found]
        told |= {name: round(statistics.mean(values), 4), f"{name}_std": round(statistics.stdev(values), 4)}
    return told


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        batched = [ours(seed, 16, folder) for seed in SEEDS]
        row_by_row = [ours(seed, 1, folder) for seed in SEEDS]
        rows = json.loads((folder / "0-16/split.json").read_text())["rows"]
    inputs = read("digits").values["input"].reshape(-1, 64).astype(np.float64)
    train, judged = inputs[rows["train"]], inputs[rows["validation"]]
    table = [
        summary("pellucid", batched),
        summary("pellucid row by row", row_by_row),
        summary("minisom, our schedule", [minisom(seed, True, train, judged) for seed in SEEDS]),
        summary("minisom, defaults", [minisom(seed, False, train, judged) for seed in SEEDS]),
    ]
    for line in table:
        print(line)
    print(write_results("som_beside_minisom", table))


if __name__ == "__main__":
    main()
