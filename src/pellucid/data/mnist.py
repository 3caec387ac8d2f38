"""MNIST in its publishers' four IDX files."""

from __future__ import annotations

import numpy as np

from pellucid.data.columns import Columns
from pellucid.data.idx import read_idx
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
    arrays = {part: read_idx(path) for part, path in paths.items()}
    for part in ("train", "test"):
        images, labels = arrays[f"{part} images"], arrays[f"{part} labels"]
        if images.shape[1:] != (28, 28) or labels.ndim != 1 or len(images) != len(labels):
            raise DataError(
                f"{paths[f'{part} images']} has shape {images.shape} and {paths[f'{part} labels']} {labels.shape}: "
                "expected [N, 28, 28] and [N]. The files do not belong together; fetch them again."
            )
    labels = np.concatenate([arrays["train labels"], arrays["test labels"]]).astype(np.int64)
    if labels.max(initial=0) > 9:
        raise DataError(f"MNIST's labels reach {labels.max()}: expected digits 0 to 9. Fetch the label files again.")
    images = np.concatenate([arrays["train images"], arrays["test images"]])[:, None]  # (N, 1, 28, 28)
    num_train = len(arrays["train labels"])
    spec = SPECS["mnist"]
    assert spec.target is not None
    return Columns(
        {"input": images, "target": labels},
        {"input": spec.input, "target": spec.target},
        {"train": np.arange(num_train), "test": np.arange(num_train, len(labels))},
    )
