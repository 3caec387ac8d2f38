"""MNIST in its publishers' four IDX files."""

from __future__ import annotations

import numpy as np

from pellucid.data.columns import Columns
from pellucid.data.idx import read_pair
from pellucid.data.locate import find
from pellucid.errors import DataError
from pellucid.spec import Field, Spec

SPECS = {"mnist": Spec(Field("image", (1, 28, 28)), Field("category", categories=tuple("0123456789")))}

_FILES = {
    f"{part} {what}": tuple(f"{prefix}-{what}-idx{rank}-ubyte{ending}" for ending in (".gz", ""))
    for part, prefix in (("train", "train"), ("test", "t10k"))
    for what, rank in (("images", 3), ("labels", 1))
}


def mnist() -> Columns:
    """60,000 training and 10,000 test images, uint8 `[70000, 1, 28, 28]`, and the digit."""
    paths = find("mnist", _FILES, "yann.lecun.com/exdb/mnist or one of its mirrors")
    parts = {part: read_pair(paths[f"{part} images"], paths[f"{part} labels"]) for part in ("train", "test")}
    for part, (images, _) in parts.items():
        if images.shape[1:] != (28, 28):
            raise DataError(
                f"{paths[f'{part} images']} has shape {images.shape}: expected [N, 28, 28]. Fetch it again."
            )
    labels = np.concatenate([labels for _, labels in parts.values()]).astype(np.int64)
    if labels.max(initial=0) > 9:
        raise DataError(f"MNIST's labels reach {labels.max()}: expected digits 0 to 9. Fetch the label files again.")
    images = np.concatenate([images for images, _ in parts.values()])[:, None]  # (N, 1, 28, 28)
    num_train = len(parts["train"][1])
    spec = SPECS["mnist"]
    assert spec.target is not None
    return Columns(
        {"input": images, "target": labels},
        {"input": spec.input, "target": spec.target},
        {"train": np.arange(num_train), "test": np.arange(num_train, len(labels))},
    )
