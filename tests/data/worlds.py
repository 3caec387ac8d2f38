"""Small columns and worlds that several tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import world as data
from pellucid.data.columns import Columns
from pellucid.data.rows import Rows
from pellucid.recipe import parse
from pellucid.spec import Field


def classes(labels: NDArray[Any], inputs: NDArray[Any] | None = None, given: Any = None) -> Columns:
    """Columns with these class codes; the one feature is the row's number where no inputs are given."""
    inputs = np.arange(len(labels), dtype=np.float32)[:, None] if inputs is None else inputs
    categories = tuple("abcdefghij"[: int(labels.max()) + 1])
    schema = {"input": Field("number", (inputs.shape[1],)), "target": Field("category", categories=categories)}
    return Columns({"input": inputs, "target": labels.astype(np.int64)}, schema, given or {})


def numbers(targets: NDArray[Any], inputs: NDArray[Any]) -> Columns:
    """Columns with number targets `[N, targets]`."""
    schema = {"input": Field("number", (inputs.shape[1],)), "target": Field("number", (targets.shape[1],))}
    return Columns({"input": inputs.astype(np.float32), "target": targets.astype(np.float32)}, schema)


def open_world(columns: Columns, **sections: Any) -> Rows:
    """The world of a recipe over these columns."""
    kind = "stratified" if columns.schema["target"].kind == "category" else "random"
    values = {
        "name": "test",
        "data": {"source": "arrays"},
        "model": {"name": "linear"},
        "task": {"name": "classify"},
        "train": {"epochs": 1, "batch_size": 1},
        "split": {"kind": kind},
    }
    world = data.open(parse(values | sections), columns=columns)
    assert isinstance(world, Rows)
    return world


def blobs(rows: int = 120, num_classes: int = 3, features: int = 4, seed: int = 0) -> Columns:
    """Classes around centres of their own, not quite separable."""
    random = np.random.default_rng(seed)
    labels = random.integers(num_classes, size=rows)
    centres = random.normal(size=(num_classes, features)) * 1.5
    return classes(labels, (centres[labels] + random.normal(size=(rows, features))).astype(np.float32))
