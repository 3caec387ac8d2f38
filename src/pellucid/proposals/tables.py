"""A first recipe for a table: what its columns hold is inferred and written down, a tabular net learns from them."""

from __future__ import annotations

from pathlib import Path

from pellucid import recipe as recipes
from pellucid.data import table
from pellucid.errors import DataError
from pellucid.proposals import TASKS_OF, Proposal, batch_size, name_of
from pellucid.recipe import DataSection

PATIENCE = 15
"""Validations without a better one, after which training on a table stops."""
PASSES, STEPS = (4, 60), 6000
"""Epochs, at least and at most, between which about so many steps are made."""


def propose(path: Path, section: DataSection, model: str | None) -> Proposal:
    """Return a small tabular net on the columns that hold numbers and categories.

    Raises:
        DataError: the file is no table, or the target is none of its columns.
    """
    frame = table.open(section)
    target = section.target
    if target is None:
        raise DataError(
            f"Which column of {path} is to be predicted? Give --target, one of: {', '.join(frame.columns)}."
        )
    columns = table.types_of(frame, section)
    asked = next(column for column in columns if column.name == target)
    header, told = _layout(path, section)
    rows = max(1, int(0.7 * frame.height))
    size = batch_size(rows, 256)
    made = recipes.parse(
        {
            "name": name_of(path.stem) or "table",
            "data": {**section.model_dump(), "header": header, "types": {c.name: c.type for c in columns}},
            "split": {"kind": "stratified" if asked.type in ("category", "labels") else "random"},
            "model": {"name": model or "tabular"},
            "task": {"name": TASKS_OF.get(asked.type, "regress")},
            "rule": {
                "name": "backpropagation",
                "optimizer": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-2},
                "schedule": {"name": "cosine"},
            },
            "train": {
                "epochs": min(PASSES[1], max(PASSES[0], round(STEPS * size / rows))),
                "batch_size": size,
                "patience": PATIENCE,
            },
        },
        where=str(path),
    )
    return Proposal(made, [*told, *table.told(columns, target)])


def _layout(path: Path, section: DataSection) -> tuple[bool | None, list[str]]:
    """Whether a CSV's first line names its columns, and in words how it is cut; nothing of the typed formats."""
    if path.suffix.lower() not in (".csv", ".tsv"):
        return None, []
    separator, header, _ = table.layout(path, section, [section.target] if section.target else [])
    names = "the first line names the columns" if header else "no line names the columns (data.header overrules that)"
    return header, [f"{path.name}: separated by {table.SEPARATORS.get(separator, separator)}; {names}"]
