"""A first recipe for the user's own data: what it holds is read off it, and all that was inferred is written down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid import recipe as recipes
from pellucid.catalogue import validate
from pellucid.data import image_folder, table
from pellucid.data.columns import Columns
from pellucid.errors import DataError
from pellucid.recipe import DataSection, Recipe, Section

SMALLEST, LARGEST = 16, 256
"""Rows of a batch; between them the power of two that makes at least forty steps an epoch."""
PATIENCE = 15
"""Validations without a better one, after which training on a table stops."""
PASSES, STEPS = (4, 60), 6000
"""Epochs, at least and at most, between which about so many steps are made."""

RESNET = {"name": "resnet", "depth": 8, "width": 16}
"""What looks at pictures. On 244 photographs of ants and bees it was right in 77 to 78 % of 153 others (three seeds), a
convnet of three stages in 71 to 72 %."""
PICTURE_PASSES, PIXELS = (1, 30), 80_000_000
"""Epochs over pictures, at least and at most, between which about so many pixels are looked at: one to two
million a second on two cores, hence about a minute."""


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
    """Return a first recipe for a file of one's own.

    Args:
        path: a table: CSV, TSV, Parquet or JSON lines; or a folder of pictures, with a folder per class.
        target: of a table, the column to predict.
        model: a name of `ls("models")`; by default `tabular`, embeddings of categories beside numbers, and for pictures
            a small `resnet`.
        settings: as `train` takes them; those of `data` are what a table is read by.

    Raises:
        DataError: the file or folder cannot be read, or the target is not one of a table's columns.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(
            f"There is no {path}. Give the path of a table of your own: {', '.join(table.ENDINGS)}; or of a folder of "
            "pictures, with a folder per class."
        )
    if path.is_dir():
        if target is not None:
            raise DataError(
                f"--target is a column of a table, and {path} is a folder: its pictures' classes are named by the "
                "folders in it. Leave --target out."
            )
        return _of_pictures(path, model)
    if path.suffix.lower() not in table.ENDINGS:
        raise DataError(f"{path} is no table: expected a file that ends in {', '.join(table.ENDINGS)}.")
    section = _section(path, target, settings)
    frame = table.open(section)
    if target is None:
        raise DataError(
            f"Which column of {path} is to be predicted? Give --target, one of: {', '.join(frame.columns)}."
        )
    columns = table.types_of(frame, section)
    asked = next(column for column in columns if column.name == target)
    classes = asked.type == "category"
    header, told = _layout(path, section)
    rows = max(1, int(0.7 * frame.height))
    batch_size = max(1, min(rows, max(SMALLEST, min(LARGEST, 2 ** max(0, (rows // 40).bit_length() - 1)))))
    epochs = min(PASSES[1], max(PASSES[0], round(STEPS * batch_size / rows)))
    made = recipes.parse(
        {
            "name": _name(path.stem) or "table",
            "data": {**section.model_dump(), "header": header, "types": {c.name: c.type for c in columns}},
            "split": {"kind": "stratified" if classes else "random"},
            "model": {"name": model or "tabular"},
            "task": {"name": "classify" if classes else "regress"},
            "rule": {
                "name": "backpropagation",
                "optimizer": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-2},
                "schedule": {"name": "cosine"},
            },
            "train": {"epochs": epochs, "batch_size": batch_size, "patience": PATIENCE},
        },
        where=str(path),
    )
    return Proposal(made, [*told, *table.told(columns, target)])


def _section(path: Path, target: str | None, settings: Iterable[str] | Mapping[str, Any]) -> DataSection:
    """The data section with what the settings say of it."""
    pairs = settings.items() if isinstance(settings, Mapping) else map(recipes.assignment, settings)
    given = {name.removeprefix("data."): value for name, value in pairs if name.startswith("data.")}
    types = {name.removeprefix("types."): value for name, value in given.items() if name.startswith("types.")}
    plain = {name: value for name, value in given.items() if not name.startswith("types.")}
    section = {"source": str(path.resolve()), "target": target, **plain}
    return validate(DataSection, section | ({"types": types} if types else {}), "data")


def _layout(path: Path, section: DataSection) -> tuple[bool | None, list[str]]:
    """Whether a CSV's first line names its columns, and in words how it is cut; nothing of the typed formats."""
    if path.suffix.lower() not in (".csv", ".tsv"):
        return None, []
    separator, header, _ = table.layout(path, section, [section.target] if section.target else [])
    names = "the first line names the columns" if header else "no line names the columns (data.header overrules that)"
    return header, [f"{path.name}: separated by {table.SEPARATORS.get(separator, separator)}; {names}"]


def _of_pictures(path: Path, model: str | None) -> Proposal:
    """A small residual net on a folder's pictures, brought to their median size."""
    folder = image_folder.find(path)
    headers = image_folder.headers_of(folder)
    height, width = size = image_folder.proposed_size(folder, headers)
    trained = [file for file in folder.files if folder.part_of(file) == "train"]
    lacking = {"validation", "test"} - {folder.part_of(file) for file in folder.files}
    rows = max(1, int((1 - 0.15 * len(lacking)) * len(trained)))
    batch_size = max(1, min(rows, max(SMALLEST, min(64, 2 ** max(0, (rows // 40).bit_length() - 1)))))
    epochs = min(PICTURE_PASSES[1], max(PICTURE_PASSES[0], int(PIXELS / (rows * height * width))))
    made = recipes.parse(
        {
            "name": _name(path.resolve().name) or "pictures",
            "data": {"source": str(path.resolve()), "size": size},
            "split": {"kind": "given" if folder.has_parts else "stratified"},
            "model": RESNET if model is None else {"name": model},
            "task": {"name": "classify"},
            "rule": {
                "name": "backpropagation",
                "optimizer": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-2},
                "schedule": {"name": "one_cycle"},
            },
            "train": {"epochs": epochs, "batch_size": batch_size},
        },
        where=str(path),
    )
    return Proposal(made, image_folder.told(folder, headers, size))


def of_arrays(
    columns: Columns, model: Section, name: str, *, seed: int, shares: Mapping[str, float], epochs: int
) -> Recipe:
    """Return a first recipe for rows from memory.

    Args:
        columns: with a target.
        model: the recipe's section.
        shares: of the rows, for `"validation"` and `"test"`, where they came without parts.
    """
    has_classes = columns.schema["target"].kind == "category"
    rows = len(columns.given.get("train", range(len(columns))))
    batch_size = max(1, min(64, int(rows * (1 - sum(shares.values()))) // 8))
    return recipes.parse(
        {
            "name": name,
            "seed": seed,
            "data": {"source": "arrays"},
            "split": {"kind": _split(columns), **shares},
            "model": model,
            "task": {"name": "classify" if has_classes else "regress"},
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
    """How rows from memory are split: as they were given, by class, or at random."""
    if columns.given:
        return "given"
    has_classes = "target" in columns.schema and columns.schema["target"].kind == "category"
    return "stratified" if has_classes else "random"


def _name(text: str) -> str:
    """What a run folder can be called after a file."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")
