"""Batches beside torch's DataLoader: from rows in memory, and from JPEG files that are met for the first time.

The claims: batches of rows that lie in memory (CIFAR-10, uint8 to standardised floats) come at least 5 times as fast as
from a DataLoader over the same array, with 0 workers and with 2; an epoch over JPEG files that were never read before
(decoded, resized, standardised; Pellucid packs them on the way) takes no longer than a DataLoader's with 2 workers, and
at most two thirds of one's with 0. The loaders decode pictures whole, as tutorials do; one that has its JPEGs decoded
at a fraction of their size, as Pellucid does, is shown beside them.

    python benchmarks/loading.py              # two minutes on two cores; needs CIFAR-10 and BCCD

How it is measured: in one process, in turn, the first round discarded; medians of the ratios within a round. Every
entrant gives the same values (compared before the clock starts) in a shuffled order, nothing is learned from them. For
the files the page cache keeps them, so that decoding is compared and not the disk; Pellucid's own cache is emptied
before every round. Hardware and versions stand in every row of results/loading_HARDWARE_DATE.csv.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hardware import write_results
from pellucid import recipe as recipes
from pellucid import rundir
from pellucid.data import locate, world
from pellucid.data.rows import Rows
from pellucid.errors import DataError
from pellucid.sources.shuffled import Shuffled

BATCH, SIZE, COPIES = 64, (96, 128), 4
BOUNDS = {
    ("memory", "DataLoader, 0 workers"): 5.0,
    ("memory", "DataLoader, 2 workers"): 5.0,
    ("files", "DataLoader, 0 workers"): 1.5,
    ("files", "DataLoader, 2 workers"): 1.0,
}


class InMemory(Dataset[tuple[Tensor, int]]):
    """Rows of an array, each made a standardised float tensor: what a tutorial's transforms come to."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, mean: Tensor, std: Tensor) -> None:
        self.images, self.labels, self.mean, self.std = images, labels, mean, std

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return (torch.from_numpy(self.images[row]).float() / 255 - self.mean) / self.std, int(self.labels[row])


class Files(Dataset[tuple[Tensor, int]]):
    """JPEG files, each decoded by Pillow, resized and standardised."""

    def __init__(self, files: list[Path], mean: Tensor, std: Tensor, *, draft: bool) -> None:
        self.files, self.mean, self.std, self.draft = files, mean, std, draft

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        height, width = SIZE
        with Image.open(self.files[row]) as image:
            if self.draft:  # a DCT at half or a quarter of the size
                image.draft(None, (2 * width, 2 * height))
            pixels = np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))
        tensor = torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float() / 255
        return (tensor - self.mean) / self.std, int(self.files[row].parent.name == "b")


def seconds(batches: Callable[[], Iterable[object]]) -> tuple[float, int]:
    """How long an epoch takes, and how many batches it has."""
    begin = time.perf_counter()
    num = sum(1 for _ in batches())
    return time.perf_counter() - begin, num


def opened(source: str, **data: object) -> Rows:
    """The rows of a data set, all of them to train on."""
    recipe = recipes.parse(
        {
            "name": "loading",
            "data": {"source": source, **data},
            "split": {"kind": "random", "validation": 0, "test": 0},
            "model": {"name": "linear"},
            "task": {"name": "classify"},
            "train": {"epochs": 1},
        }
    )
    found = world.open(recipe)
    assert isinstance(found, Rows)
    return found


def epoch(rows: Rows) -> Iterable[object]:
    source = Shuffled(rows, batch_size=BATCH, seed=0)
    return (source.next() for _ in range(source.steps_per_epoch))


def scales(rows: Rows) -> tuple[Tensor, Tensor]:
    step = rows.preprocessing.steps["input"].to_dict()
    return torch.tensor(step["mean"]).view(-1, 1, 1), torch.tensor(step["std"]).view(-1, 1, 1)


def same(rows: Rows, dataset: Dataset[tuple[Tensor, int]], tolerance: float) -> None:
    """Stop where the two do not give the same values."""
    mine, other = rows.take(torch.arange(8))["input"], torch.stack([dataset[row][0] for row in range(8)])
    assert torch.allclose(mine, other, atol=tolerance), float((mine - other).abs().max())


def memory() -> dict[str, Callable[[], Iterable[object]]]:
    """Entrants over CIFAR-10 in memory."""
    rows = opened("cifar10")
    images, labels = rows.columns.dense("input"), rows.columns.dense("target")
    dataset = InMemory(images, labels, *scales(rows))
    same(rows, dataset, 1e-5)
    loaders = {f"DataLoader, {n} workers": DataLoader(dataset, BATCH, shuffle=True, num_workers=n) for n in (0, 2)}
    return {"pellucid": partial(epoch, rows), **{name: partial(iter, loader) for name, loader in loaders.items()}}


def files(folder: Path) -> dict[str, Callable[[], Iterable[object]]]:
    """Entrants over JPEG files: the photographs of blood cells, each several times under another name."""
    originals = sorted((locate.folder("bccd") / "BCCD/JPEGImages").glob("*.jpg"))
    for number in range(COPIES):
        for place, path in enumerate(originals):
            copy = folder / "data" / "ab"[place % 2] / f"{number}-{path.name}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)

    def cold() -> Iterable[object]:
        rundir.clear_cache()
        return epoch(opened(str(folder / "data"), size=SIZE))

    rows = opened(str(folder / "data"), size=SIZE)
    paths = sorted((folder / "data").rglob("*.jpg"), key=lambda path: path.relative_to(folder).as_posix())
    whole, drafts = (Files(paths, *scales(rows), draft=draft) for draft in (False, True))
    same(rows, drafts, 1e-5)
    loaders = {f"DataLoader, {n} workers": DataLoader(whole, BATCH, shuffle=True, num_workers=n) for n in (0, 2)}
    loaders["DataLoader with drafts, 2 workers"] = DataLoader(drafts, BATCH, shuffle=True, num_workers=2)
    return {"pellucid": cold, **{name: partial(iter, loader) for name, loader in loaders.items()}}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of which the first is discarded (default 5)")
    rounds = parser.parse_args().rounds
    results, missed = [], False
    with tempfile.TemporaryDirectory(prefix="pellucid-loading-") as folder:
        os.environ["PELLUCID_CACHE"] = str(Path(folder) / "cache")
        try:
            races = {"memory": memory(), "files": files(Path(folder))}
        except DataError as error:
            print(error, file=sys.stderr)
            return 2
        for race, entrants in races.items():
            times: dict[str, list[float]] = {}
            for number in range(rounds):
                for name, batches in entrants.items():
                    taken, num = seconds(batches)
                    results.append(
                        {"rows": race, "entrant": name, "round": number, "seconds": round(taken, 4), "batches": num}
                    )
                    if number:
                        times.setdefault(name, []).append(taken)
            for name in list(times)[1:]:
                ratios = [other / mine for mine, other in zip(times["pellucid"], times[name], strict=True)]
                ratio = statistics.median(ratios)
                wanted = BOUNDS.get((race, name))
                missed |= wanted is not None and ratio < wanted
                told = f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
                print(f"{race}: times as fast as {name}: {told}{f', wanted >= {wanted}' if wanted else ''}")
    print(f"Every run: {write_results('loading', results)}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
