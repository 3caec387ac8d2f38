"""The world of a run: what it is learned from, opened from a recipe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from torch import Tensor

from pellucid.catalogue import find
from pellucid.data import DATA, documents, kinds, rows, text, windows
from pellucid.data.columns import Columns
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.seal import Seal
from pellucid.data.split import Split
from pellucid.errors import DataError
from pellucid.recipe import DataSection, Recipe
from pellucid.spec import Spec


class World(Protocol):
    """What a run knows of the world, whatever it is made of: rows, a text, an environment."""

    spec: Spec
    """What a model and a task must fit."""
    preprocessing: Preprocessing
    """The steps fitted on the training part; an artefact takes them along."""
    device: str
    seal: Seal
    """On the test part."""

    @property
    def identity(self) -> Mapping[str, str]:
        """Hashes, `"data_hash"` and `"hash"` (of the split): what a resumed run must find again."""

    @property
    def test_hash(self) -> str:
        """Hash of the data and of the test part alone: what looks are counted by."""

    def size(self, part: str) -> int:
        """Return how many rows, characters or episodes a part has; 0 where there is none."""

    def sample(self) -> Tensor:
        """Return a few hundred prepared training inputs at most: a batch as the model meets it."""

    def check(self) -> None:
        """Raise `LeakError` where something was fitted on held-out rows."""

    def to_dict(self) -> dict[str, Any]:
        """Return split.json: at least kind, how, counts by part, and the identity's hashes."""

    def with_preprocessing(self, preprocessing: Preprocessing) -> World:
        """Return the same world with steps that were fitted before, as an artefact keeps them."""


def open(recipe: Recipe, device: str = "cpu", columns: Columns | None = None, split: Split | None = None) -> World:
    """Open what the recipe names (unless `columns` are given), draw its split (unless it is given), fit its steps.

    Raises:
        DataError: the data is missing, damaged, holds NaN, or cannot be split as asked.
    """
    columns = columns if columns is not None else read(recipe.data, keys_of(recipe))
    if columns.schema["input"].kind == "tokens":
        assert split is None, "a text is one stream, of which no folds are dealt"
        return text.open(recipe, columns, device)
    return rows.open(recipe, rows_of(recipe, columns), device, split)


def rows_of(recipe: Recipe, columns: Columns) -> Columns:
    """Return what a split's row ids count: of a series its windows, of anything else the columns as they are."""
    if columns.schema["input"].clock is not None:
        return windows.cut(columns, recipe.prepare, recipe.split)
    return columns


def keys_of(recipe: Recipe) -> list[str]:
    """Return the columns that a recipe's rows are grouped or ordered by."""
    return [key for key in (recipe.split.group, recipe.split.time) if key is not None]


ARRAYS = "arrays"
"""The source of what came from memory."""


def is_own(source: str) -> bool:
    """Whether a source is the user's own, from memory, a file or a folder, and so in no table."""
    return source == ARRAYS or (source not in DATA and kinds.is_own(source))


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Read a data set of the catalogue, or files of the user's own.

    Args:
        section: of the recipe.
        keys: columns that rows are grouped or ordered by.
    """
    source = section.source
    if source == ARRAYS:
        raise DataError(
            "This run was trained on arrays in memory, which are not kept with it: "
            "give them again, as in pellucid.fit(X, y, resume=RUN)."
        )
    if is_own(source):
        kind = kinds.kind_of_section(section)
        kinds.check_fields(section, kind)
        return kinds.reader(kind)(section, keys)
    for_own = sorted(name for name, value in section if value is not None and name not in ("source", "unreadable"))
    if for_own:
        raise DataError(f"data.{for_own[0]} is of data of one's own, and data.source = {source!r} is a data set.")
    columns = find(DATA, source, "data.source").load()()
    assert isinstance(columns, Columns)
    return columns


def specs(source: str) -> Spec:
    """Return what a data set of the catalogue dictates, without reading it."""
    import importlib

    module, _, _ = find(DATA, source, "data.source").target.partition(":")
    known: dict[str, Spec] = getattr(importlib.import_module(module), "SPECS", {})
    if source in known:
        return known[source]
    columns = read(DataSection(source=source))
    is_documents = columns.schema["input"].kind == "text"
    return documents.spec_of(columns) if is_documents else text.spec_of(columns)
