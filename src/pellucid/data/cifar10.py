"""CIFAR-10 in its publisher's binary version: rows of one label byte and 3,072 pixel bytes, channels first."""

from __future__ import annotations

from pellucid.data.cifar import FORMS, SHAPE, joined, rows_of
from pellucid.data.columns import Columns
from pellucid.data.locate import find
from pellucid.spec import Field, Spec

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SPECS = {"cifar10": Spec(Field("image", SHAPE), Field("category", categories=CLASSES))}

_PARTS = FORMS[0].parts
_FILES = {file: (f"cifar-10-batches-bin/{file}", file) for files in _PARTS.values() for file in files}


def cifar10() -> Columns:
    """50,000 training and 10,000 test photographs, uint8 `[60000, 3, 32, 32]`, and their class."""
    paths = find("cifar10", _FILES, "www.cs.toronto.edu/~kriz/cifar.html (the binary version)")
    parts = {part: [rows_of(paths[file], [len(CLASSES)]) for file in files] for part, files in _PARTS.items()}
    labels, images, given = joined(parts, 1)
    spec = SPECS["cifar10"]
    assert spec.target is not None
    return Columns({"input": images, "target": labels[:, 0]}, {"input": spec.input, "target": spec.target}, given)
