"""The verb `check`: what is wrong with data, a split and a recipe, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pellucid import experiment, verbs
from pellucid.data import table
from pellucid.data.rows import Rows
from pellucid.errors import PellucidError
from pellucid.execution import decide, threads_kept
from pellucid.preflight import Finding, learning, parts, tables, worst_first
from pellucid.proposal import propose
from pellucid.randomness import undisturbed
from pellucid.recipe import DataSection, Recipe, assignment


def check(
    source: str | Path | Recipe, settings: Iterable[str] | Mapping[str, Any] = (), *, target: str | None = None
) -> list[Finding]:
    """Look for what is wrong with data of one's own or with a recipe, and keep nothing.

    Args:
        source: the path of a table or of a folder of pictures, for which a recipe is proposed; or what `train` takes.
        settings: changes to the recipe.
        target: of a table, the column to predict. Without one only the table itself is looked at.

    Returns:
        Findings, the worst first; the recipe is tried out only where nothing is wrong with the table.

    Raises:
        PellucidError: the file or the recipe cannot be read.
    """
    if isinstance(source, str | Path) and str(source).lower().endswith(table.ENDINGS):
        if target is None:
            return of_table(DataSection(source=str(source)))
        settings = dict(settings.items() if isinstance(settings, Mapping) else map(assignment, settings))
        source = propose(source, target, settings=settings).recipe
    elif isinstance(source, str | Path) and Path(source).is_dir():
        source = propose(source, target).recipe
    elif target is not None:
        raise PellucidError("--target goes with the path of a table; a recipe names its own (data.target).")
    recipe = verbs.recipe_of(source, settings)
    findings = of_table(recipe.data) if recipe.data.source.lower().endswith(table.ENDINGS) else []
    if any(finding.weight == "wrong" for finding in findings):
        return findings
    recipe = experiment.resolve(recipe)
    with threads_kept(), undisturbed(recipe.seed):
        made = experiment.assemble(recipe, decide(recipe.execution), experiment.Given(quiet=True))
        if isinstance(made.world, Rows):
            findings += parts.check(made.world)
        findings += learning.check(made)
    return worst_first(findings)


def of_table(section: DataSection) -> list[Finding]:
    """Return what is found in a recipe's table, the worst first."""
    frame = table.open(section)
    return worst_first(tables.check(frame, table.types_of(frame, section), section.target))
