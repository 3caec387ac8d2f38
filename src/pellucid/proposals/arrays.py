"""A first recipe for rows from memory."""

from __future__ import annotations

from collections.abc import Mapping

from pellucid import recipe as recipes
from pellucid.data.columns import Columns
from pellucid.proposals import TASKS_OF
from pellucid.recipe import Recipe, Section


def of_arrays(
    columns: Columns, model: Section, name: str, *, seed: int, shares: Mapping[str, float], epochs: int
) -> Recipe:
    """Return a first recipe for rows from memory.

    Args:
        columns: with a target.
        model: the recipe's section.
        shares: of the rows, for `"validation"` and `"test"`, where they came without parts.
    """
    rows = len(columns.given.get("train", range(len(columns))))
    batch_size = max(1, min(64, int(rows * (1 - sum(shares.values()))) // 8))
    return recipes.parse(
        {
            "name": name,
            "seed": seed,
            "data": {"source": "arrays"},
            "split": {"kind": _split(columns), **shares},
            "model": model,
            "task": {"name": TASKS_OF[columns.schema["target"].kind]},
            "train": {"epochs": epochs, "batch_size": batch_size},
        },
        where="fit",
    )


def on_arrays(recipe: Recipe, columns: Columns) -> Recipe:
    """Return a recipe made for another data set, for columns from memory: its parts are drawn as these allow."""
    if recipe.data.source == "arrays":
        return recipe
    split = {"kind": _split(columns)} | ({"validation": 0.0} if columns.given else {})
    sections = {"data": recipe.data.model_copy(update={"source": "arrays"})}
    return recipe.model_copy(update={**sections, "split": recipe.split.model_copy(update=split)})


def _split(columns: Columns) -> str:
    """How rows from memory are split: as they were given, by class, by set of labels, or at random."""
    if columns.given:
        return "given"
    by_class = "target" in columns.schema and columns.schema["target"].kind in ("category", "labels")
    return "stratified" if by_class else "random"
