"""Run folders to report on, two of them really trained. `python -m tests.reporting.samples DIR` keeps those."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

import pellucid
from pellucid import reporting


def train_both(folder: Path) -> dict[str, Path]:
    """Train a multilayer perceptron on the digits, and one on diabetes whose test part is opened twice."""
    digits = pellucid.train("digits-mlp", ["train.epochs=3"], out=folder / "digits", report=False, quiet=True)
    diabetes = pellucid.train("diabetes-mlp", ["train.epochs=4"], out=folder / "diabetes", report=False, quiet=True)
    for _ in range(2):
        diabetes.evaluate("test")
    return {"digits": digits.folder, "diabetes": diabetes.folder}


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Change a JSON file in place."""
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def wilson(right: int, rows: int) -> dict[str, float]:
    """Wilson's interval, from its formula."""
    z, share = 1.959963984540054, right / rows
    centre, scale = share + z * z / (2 * rows), 1 + z * z / rows
    half = z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return {
        "value": share,
        "low": max(0.0, (centre - half) / scale),
        "high": min(1.0, (centre + half) / scale),
        "n": rows,
    }


def with_classes(folder: Path, names: list[str], rows: int = 30) -> Path:
    """Give a classifier's run other classes, with a confusion matrix drawn at random, nine rows of ten right."""
    num = len(names)
    random = np.random.default_rng(num)
    confusion = np.array([random.multinomial(rows, 0.9 * np.eye(num)[code] + 0.1 / num) for code in range(num)])

    def change_result(result: dict[str, Any]) -> None:
        result["class_names"], result["confusion"] = names, confusion.tolist()
        result["recall"] = {name: wilson(int(confusion[code, code]), rows) for code, name in enumerate(names)}
        right = int(np.diag(confusion).sum())
        result["metrics"]["accuracy"] = {**wilson(right, num * rows), "interval": "wilson"}
        for place, mistake in enumerate(result["worst"]):
            mistake["target"], mistake["prediction"] = names[place % num], names[(place + 1) % num]

    def change_split(split: dict[str, Any]) -> None:
        split["classes"] = {part: dict.fromkeys(names, rows) for part in split["classes"]}

    edit(folder / "results/validation.json", change_result)
    edit(folder / "split.json", change_split)
    (folder / "predictions/validation.csv").unlink()
    return folder


def with_colour(folder: Path) -> Path:
    """Give a classifier's worst mistakes pictures of three channels."""
    count = len(json.loads((folder / "results/validation.json").read_text())["worst"])
    pictures = np.random.default_rng(0).random((count, 3, 32, 32), dtype=np.float32)
    save_file({"input": pictures}, folder / "predictions/validation-worst.safetensors")
    return folder


if __name__ == "__main__":
    for run in train_both(Path(sys.argv[1])).values():
        print(reporting.write(run))
