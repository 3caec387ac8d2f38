"""Training on more rows than memory holds, beside the same training with all of them in memory.

The claim: 6 GB of packed pictures under a limit of 2 GB of memory (a control group, page cache included) are trained on
in shuffled order at 0.7 at least of the rate of the same rows that all lie in memory; and batches alone, from which
nothing is learned, are shown beside it. How well the order is mixed is measured too: pictures lie by class, and the
variance of a class's count over batches is divided by that of independent draws (1: as good as them; 64: unmixed).

    python benchmarks/larger_than_memory.py   # ten minutes; needs CIFAR-10, 8 GB of disk, and root for the limit

How it is measured: 50,000 photographs of CIFAR-10, enlarged to 200 x 200 pixels, are packed once as a user's folder
would be. Then child processes, in turn, the first pair discarded, each in a control group of its own: one without a
limit that has read all pages once before its clock starts, one with the limit that has read none. Medians of the
ratios within a pair. Hardware and versions stand in every row of results/larger_than_memory_HARDWARE_DATE.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hardware import write_results
from pellucid import experiment
from pellucid.data.cifar10 import cifar10
from pellucid.data.rows import Rows
from pellucid.errors import DataError
from pellucid.execution import decide
from pellucid.recipe import Recipe, parse

SIDE, BATCH, LIMIT, BOUND = 200, 64, 2 << 30, 0.7
STEPS = 300
GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
"""Where control groups of the first and of the second version are made."""


def recipe(data: Path) -> Recipe:
    """A convolutional net that halves its pictures at once: little work per picture, so that reading shows."""
    return parse(
        {
            "name": "large",
            "data": {"source": str(data), "size": (SIDE, SIDE)},
            "split": {"kind": "random", "validation": 0, "test": 0},
            "model": {"name": "convnet", "widths": [4, 8, 8, 8, 8]},
            "task": {"name": "classify"},
            "train": {"steps": STEPS, "batch_size": BATCH},
            "execution": {"variant": "eager", "threads": 2},
        }
    )


def measured(data: Path, *, warm: bool) -> dict[str, float]:
    """Rows per second of batches alone and of training steps, in this process, and how evenly batches are mixed."""
    chosen = experiment.resolve(recipe(data))
    parts = experiment.assemble(chosen, decide(chosen.execution), experiment.Given(quiet=True))
    assert isinstance(parts.world, Rows)
    labels = parts.world.columns.dense("target")
    if warm:
        pixels = parts.world.columns.dense("input")
        for start in range(0, len(pixels), 1000):
            int(pixels[start : start + 1000, :, ::16, ::16].sum())  # touches every page
    found: dict[str, float] = {}
    counts = []
    for name, step in (("batches", parts.source.next), ("training", lambda: parts.rule.step(parts.source.next()))):
        step()
        begin = time.perf_counter()
        for _ in range(STEPS):
            given = step()
            if name == "batches":
                counts.append(np.bincount(labels[given.rows.numpy()], minlength=10))
        found[name] = STEPS * BATCH / (time.perf_counter() - begin)
    share = np.bincount(labels, minlength=10) / len(labels)
    found["dispersion"] = float((np.var(counts, axis=0) / (BATCH * share * (1 - share))).mean())
    return found


@contextmanager
def limited(limit: int | None) -> Iterator[Path]:
    """A control group for memory, with a limit or without."""
    first = GROUPS[0].is_dir()
    group = GROUPS[not first] / f"pellucid-{os.getpid()}-{limit}"
    group.mkdir()
    try:
        if limit is not None:
            (group / ("memory.limit_in_bytes" if first else "memory.max")).write_text(str(limit))
        yield group
    finally:
        group.rmdir()


def child(data: Path, limit: int | None) -> dict[str, float]:
    """What `measured` finds in a process of its own, in a control group of its own."""
    if limit is not None:  # none of the pages lie in memory from before
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("1")
    with limited(limit) as group:
        join = f"echo $$ > {group}/cgroup.procs; exec {sys.executable} {__file__} --child {data}"
        done = subprocess.run(["sh", "-c", join + (" --warm" if limit is None else "")], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def write_pictures(data: Path) -> None:
    """CIFAR-10's training part as files, enlarged."""
    columns = cifar10()
    rows = columns.given["train"]
    images, labels = columns.dense("input")[rows], columns.dense("target")[rows]
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = data / columns.schema["target"].categories[label] / f"{place:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.transpose(1, 2, 0)).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path, quality=80)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=4, help="of which the first is discarded (default 4)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--warm", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        print(json.dumps(measured(arguments.child, warm=arguments.warm)))
        return 0
    results = []
    with tempfile.TemporaryDirectory(prefix="pellucid-large-") as folder:
        os.environ["PELLUCID_CACHE"] = str(Path(folder) / "cache")
        data = Path(folder) / "data"
        try:
            write_pictures(data)
        except DataError as error:
            print(error, file=sys.stderr)
            return 2
        begin = time.perf_counter()
        experiment.open_world(recipe(data), decide(recipe(data).execution))
        packed = sum(path.stat().st_size for path in (Path(folder) / "cache").rglob("*.safetensors"))
        print(f"{packed / 1e9:.2f} GB packed in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
        for number in range(arguments.rounds):
            for entrant, limit in (("resident", None), ("limited", LIMIT)):
                results.append({"entrant": entrant, "round": number, "bytes": packed, **child(data, limit)})
    missed = False
    for what in ("batches", "training"):
        pairs = [(results[place][what], results[place + 1][what]) for place in range(2, len(results), 2)]
        ratios = [limited / resident for resident, limited in pairs]
        ratio = statistics.median(ratios)
        missed |= what == "training" and ratio < BOUND
        wanted = f", wanted >= {BOUND}" if what == "training" else ""
        told = f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}){wanted}"
        print(f"{what}: limited / resident {told}; {statistics.median(pair[0] for pair in pairs):,.0f} rows/s resident")
    print(f"dispersion of class counts {statistics.median(row['dispersion'] for row in results):.2f}")
    print(f"Every run: {write_results('larger_than_memory', results)}")
    return int(missed)


if __name__ == "__main__":
    torch.set_num_threads(2)
    sys.exit(main())
