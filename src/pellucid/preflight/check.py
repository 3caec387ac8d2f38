"""The verb `check`: what is wrong with data, a split and a recipe, before anything is trained."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid import experiment, proposals, verbs
from pellucid.data import kinds, recognition, world
from pellucid.data.rows import Rows
from pellucid.errors import PellucidError, closest
from pellucid.execution import decide, threads_kept
from pellucid.preflight import Finding, learning, parts, worst_first
from pellucid.randomness import undisturbed
from pellucid.recipe import DataSection, Recipe, assignment
from pellucid.recipes import RECIPES

CHECKS: Mapping[str, str] = {
    "table": "pellucid.preflight.tables",
    "masks": "pellucid.preflight.masks",
    "series": "pellucid.preflight.series",
    "pictures": "pellucid.preflight.pictures",
    "documents": "pellucid.preflight.documents",
    "sounds": "pellucid.preflight.sounds",
    "arrays": "pellucid.preflight.columns",
    "idx": "pellucid.preflight.columns",
    "cifar": "pellucid.preflight.columns",
    "conllu": "pellucid.preflight.conllu",
}
"""The module that looks at the files of each kind of data: `check(section) -> Iterator[Finding]`."""
TOLD = 4
"""Lines that say what was looked at, at most."""
NAMELESS = ("table", "series", "conllu")
"""Kinds that can be looked at before it is said what is to be predicted."""


def check(
    source: str | Path | Recipe, settings: Iterable[str] | Mapping[str, Any] = (), *, target: str | None = None
) -> list[Finding]:
    """Look for what is wrong with data of one's own or with a recipe; keep nothing but small pictures, in the cache.

    Args:
        source: the path of data of one's own, for which a recipe is proposed; or what `train` takes.
        settings: changes to the recipe.
        target: as `propose` takes it. Without one only a table itself is looked at.

    Returns:
        Findings, the worst first; the recipe is tried out only where nothing is wrong with the data.

    Raises:
        PellucidError: the file or the recipe cannot be read.
    """
    if not isinstance(source, Recipe) and world.is_own(str(source)):
        settings = dict(settings.items() if isinstance(settings, Mapping) else map(assignment, settings))
        section = proposals.section_of(Path(source), target, settings)
        if _is_nameless(section):
            is_recognised = section.kind is None and kinds.kind_of(Path(source)) == "table"
            return of_data(recognition.recognised(section)[0] if is_recognised else section)
        source = proposals.propose(source, target, settings=settings).recipe
    elif target is not None:
        raise PellucidError("--target goes with the path of data; a recipe names its own (data.target).")
    elif isinstance(source, str) and not (source in RECIPES or Path(source).exists()):
        raise PellucidError(f"There is no file, folder or recipe {source!r}. {closest(source, RECIPES)}")
    recipe = verbs.recipe_of(source, settings)
    findings = of_data(recipe.data)
    if any(finding.weight == "wrong" for finding in findings):
        return findings
    recipe = experiment.resolve(recipe)
    with threads_kept(), undisturbed(recipe.seed):
        made = experiment.assemble(recipe, decide(recipe.execution), experiment.Given(quiet=True))
        found = [*of_split(made, recipe), *_among_files(learning.check(made), made)]
    return worst_first([*findings, *found])


def of_split(made: experiment.Parts, recipe: Recipe) -> list[Finding]:
    """Return what training knows of held-out rows, in what was assembled of a recipe."""
    found = parts.check(made.world, recipe.data) if isinstance(made.world, Rows) else ()
    return worst_first(_among_files(found, made))


def _among_files(findings: Iterable[Finding], made: experiment.Parts) -> list[Finding]:
    """Findings with places among all files for rows, as those have that are found in the files themselves."""
    places = made.world.columns.places if isinstance(made.world, Rows) else None
    if places is None:
        return [*findings]
    return [replace(finding, rows=places[list(finding.rows)].tolist()) for finding in findings]


def looked_at(source: str, settings: Iterable[str], target: str | None) -> list[str]:
    """Return in a few lines what `check` looks at: which data of one's own, or which recipe."""
    if not world.is_own(source):
        return [f"Looked at the recipe {source}, its split and its first steps."]
    if _is_nameless(proposals.section_of(Path(source), target, settings)):
        return [f"Looked at {source} alone; with --target also at its split and at what would learn from it."]
    return list(proposals.propose(source, target, settings=settings).because)[:TOLD]


def _is_nameless(section: DataSection) -> bool:
    """Whether it is not said what is to be predicted, and the data itself can be looked at."""
    return section.target is None and (section.kind or kinds.kind_of(Path(section.source))) in NAMELESS


def of_data(section: DataSection) -> list[Finding]:
    """Return what is found in the files of one's own that a recipe names, the worst first; nothing of other data."""
    if not world.is_own(section.source) or section.source == world.ARRAYS:
        return []
    kind = kinds.kind_of_section(section)
    if kind not in CHECKS:
        return []
    look: Callable[[DataSection], Iterable[Finding]] = importlib.import_module(CHECKS[kind]).check
    return worst_first(look(section))
