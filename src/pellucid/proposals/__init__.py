"""First recipes for the user's own data: what it holds is read off it, and all that was inferred is written down."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid import recipe as recipes
from pellucid.catalogue import validate
from pellucid.data import kinds
from pellucid.data.recognition import recognised
from pellucid.errors import DataError
from pellucid.recipe import DataSection, Recipe

if TYPE_CHECKING:
    from pellucid.data.folder import Folder

PROPOSALS: Mapping[str, str] = {
    "table": "pellucid.proposals.tables",
    "series": "pellucid.proposals.series",
    "pictures": "pellucid.proposals.pictures",
    "masks": "pellucid.proposals.masks",
    "sounds": "pellucid.proposals.sounds",
    "documents": "pellucid.proposals.documents",
    "arrays": "pellucid.proposals.columns",
    "idx": "pellucid.proposals.columns",
    "cifar": "pellucid.proposals.columns",
}
"""The module that proposes a recipe for each kind of data: `propose(path, section, model) -> Proposal`."""
UNPROPOSED = {
    "text": "Language models read it: pellucid train descriptions-lstm data.source=FILE.txt",
    "conllu": "`pellucid check` looks at it.",
}
"""What can be done with kinds for which none is proposed."""
TASKS_OF: Mapping[str, str] = {"category": "classify", "labels": "multi_label", "number": "regress"}
"""The task that each kind of target is asked by."""
SMALLEST = 16
"""Rows of a batch at least."""


@dataclass(frozen=True)
class Proposal:
    """A recipe, and what it goes by: a line per inference."""

    recipe: Recipe
    because: Sequence[str]


def propose(
    path: str | Path,
    target: str | None = None,
    model: str | None = None,
    settings: Iterable[str] | Mapping[str, Any] = (),
) -> Proposal:
    """Return a first recipe for data of one's own.

    Args:
        path: of a file or a folder, of one of the kinds in `PROPOSALS`.
        target: of a table, the column to predict; of files in folders, the piece of their names that is the class
            (name_1, name_2, ...) where the folder is not.
        model: a name of `ls("models")`; by default a plain first choice for the kind of data.
        settings: as `train` takes them; those of `data` are what the data is read by.

    Raises:
        DataError: the file or folder cannot be read, the target is not one of a table's columns, or a setting of
            `data` is of other kinds.
    """
    path = Path(path)
    section = section_of(path, target, settings)
    kind, because = section.kind or kinds.kind_of(path), list[str]()
    if kind == "table" and section.kind is None and section.input is not None:
        kind = kinds.kind_in_column(section)
    elif kind == "table" and section.kind is None:
        section, because = recognised(section)
        kind = section.kind or kind
    if kind not in PROPOSALS:
        known = ", ".join(PROPOSALS)
        raise DataError(
            f"{path} holds {kind}, for which no recipe is proposed; there is one for {known}. "
            f"{UNPROPOSED.get(kind, '')}"
        )
    kinds.check_fields(section, kind)
    module = importlib.import_module(PROPOSALS[kind])
    made: Callable[[Path, DataSection, str | None], Proposal] = module.propose
    proposal = made(path, section.model_copy(update={"kind": kind}), model)
    return Proposal(proposal.recipe, [*because, *proposal.because])


def section_of(path: Path, target: str | None, settings: Iterable[str] | Mapping[str, Any]) -> DataSection:
    """Return the data section of a path, with what the settings say of it.

    Raises:
        RecipeError: one of them names no field of it, or an impossible value.
    """
    pairs = settings.items() if isinstance(settings, Mapping) else map(recipes.assignment, settings)
    given = {name.removeprefix("data."): value for name, value in pairs if name.startswith("data.")}
    types = {name.removeprefix("types."): value for name, value in given.items() if name.startswith("types.")}
    plain = {name: value for name, value in given.items() if not name.startswith("types.")}
    section = {"source": str(path.resolve()), "target": target, **plain}
    return validate(DataSection, section | ({"types": types} if types else {}), "data")


def batch_size(rows: int, largest: int) -> int:
    """Return the power of two, up to the largest, that makes at least forty steps of so many training rows."""
    power = 1 << max(0, (rows // 40).bit_length() - 1)
    return max(1, min(rows, max(SMALLEST, min(largest, power))))


def trained_rows(found: Folder) -> int:
    """Return about how many files of a folder will be trained on, once the parts are drawn that it lacks."""
    trained = [file for file in found.files if found.part_of(file) == "train"]
    lacking = {"validation", "test"} - {found.part_of(file) for file in found.files}
    return max(1, int((1 - 0.15 * len(lacking)) * len(trained)))


def name_of(text: str) -> str:
    """Return what a run folder can be called after a file; nothing where no letter is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")
