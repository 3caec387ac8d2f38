"""CIFAR-10 in its publisher's binary version: rows of one label byte and 3,072 pixel bytes, channels first."""

from __future__ import annotations

import numpy as np

from pellucid.data.columns import Columns
from pellucid.data.locate import find
from pellucid.errors import DataError
from pellucid.spec import Field, Spec

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SPECS = {"cifar10": Spec(Field("image", (3, 32, 32)), Field("category", categories=CLASSES))}

_ROW = 1 + 3 * 32 * 32
_FILES = {
    name: (f"cifar-10-batches-bin/{name}.bin", f"{name}.bin")
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
}


def cifar10() -> Columns:
    """50,000 training and 10,000 test photographs, uint8 `[60000, 3, 32, 32]`, and their class."""
    paths = find("cifar10", _FILES, "www.cs.toronto.edu/~kriz/cifar.html (the binary version)")
    parts = []
    for path in paths.values():
        content = np.fromfile(path, np.uint8)
        if len(content) == 0 or len(content) % _ROW:
            raise DataError(
                f"{path} has {len(content):,} bytes, no multiple of {_ROW:,}. It is damaged; fetch it again."
            )
        rows = content.reshape(-1, _ROW)
        if rows[:, 0].max() > 9:
            raise DataError(f"{path} has the label {rows[:, 0].max()}: expected 0 to 9. It is damaged; fetch it again.")
        parts.append(rows)
    rows = np.concatenate(parts)
    num_train = len(rows) - len(parts[-1])
    spec = SPECS["cifar10"]
    assert spec.target is not None
    return Columns(
        {"input": rows[:, 1:].reshape(-1, 3, 32, 32), "target": rows[:, 0].astype(np.int64)},
        {"input": spec.input, "target": spec.target},
        {"train": np.arange(num_train), "test": np.arange(num_train, len(rows))},
    )
