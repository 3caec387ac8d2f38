"""A first recipe for the user's own data: what it holds is read off it, and all that was inferred is written down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid import recipe as recipes
from pellucid.data import table
from pellucid.errors import DataError
from pellucid.recipe import DataSection, Recipe

SMALLEST, LARGEST = 16, 256
"""Rows of a batch; between them the power of two that makes at least forty steps an epoch."""
PASSES, STEPS = (4, 60), 6000
"""Epochs, at least and at most, between which about so many steps are made."""


@dataclass(frozen=True)
class Proposal:
    """A recipe, and what it goes by: a line per inference."""

    recipe: Recipe
    because: Sequence[str]


def propose(path: str | Path, target: str | None = None, model: str | None = None) -> Proposal:
    """Return a first recipe for a file of one's own.

    Args:
        path: a table: CSV, TSV, Parquet or JSON lines.
        target: the column to predict.
        model: a name of `ls("models")`; by default `tabular`, embeddings of categories beside numbers.

    Raises:
        DataError: the file cannot be read, or the target is not one of its columns.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"There is no {path}. Give the path of a table of your own: {', '.join(table.ENDINGS)}.")
    if path.suffix.lower() not in table.ENDINGS:
        raise DataError(f"{path} is no table: expected a file that ends in {', '.join(table.ENDINGS)}.")
    section = DataSection(source=str(path.resolve()), target=target)
    frame = table.open(section)
    if target is None:
        raise DataError(
            f"Which column of {path} is to be predicted? Give --target, one of: {', '.join(frame.columns)}."
        )
    columns = table.types_of(frame, section)
    asked = next(column for column in columns if column.name == target)
    classes = asked.type == "category"
    rows = int(0.7 * frame.height)
    batch_size = max(1, min(rows, max(SMALLEST, min(LARGEST, 2 ** max(0, (rows // 40).bit_length() - 1)))))
    epochs = min(PASSES[1], max(PASSES[0], round(STEPS * batch_size / rows)))
    made = recipes.parse(
        {
            "name": re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._") or "table",
            "data": {"source": section.source, "target": target, "types": {c.name: c.type for c in columns}},
            "split": {"kind": "stratified" if classes else "random"},
            "model": {"name": model or "tabular"},
            "task": {"name": "classify" if classes else "regress"},
            "rule": {
                "name": "backpropagation",
                "optimizer": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-2},
                "schedule": {"name": "cosine"},
            },
            "train": {"epochs": epochs, "batch_size": batch_size},
        },
        where=str(path),
    )
    return Proposal(made, table.told(columns, target))
