"""Arrays of the user's own in NumPy's files: which are learned from, which are asked for, and in which part.

    FILE.npz with X and y, or X_train, y_train, X_test, y_test        FOLDER/X.npy, FOLDER/y.npy, or the same with parts

What the arrays hold is settled by `from_parts`, as for arrays in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import folder, npy
from pellucid.data.arrays import Question, from_parts
from pellucid.data.columns import Columns
from pellucid.errors import DataError, closest
from pellucid.recipe import DataSection

INPUTS = ("x", "images", "data", "features", "inputs", "input")
TARGETS = ("y", "labels", "label", "targets", "target")
"""What arrays are called, in lower case, unless data.input and data.target say it."""
PARTS = {**folder.PARTS, "dev": "validation"}
QUESTIONS: Mapping[str, Question] = {"number": "regress", "category": "classify", "labels": "multi_label"}
"""What is asked of a target that data.types calls so."""
Arrays = Mapping[str, Callable[[], NDArray[Any]]]
"""What reads each array, by its name."""


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Return the arrays of a recipe's file or folder.

    Args:
        section: of the recipe.
        keys: names of arrays `[N]` that rows are grouped or ordered by.

    Raises:
        DataError: a file is damaged or holds objects, it cannot be told which array is which, or what `from_parts`
            refuses.
    """
    path = Path(section.source)
    arrays = arrays_at(path)
    name, target = roles(arrays, section)
    of_inputs, of_target = by_part(arrays, name), by_part(arrays, target) if target else {}
    if target and set(of_inputs) != set(of_target):
        raise DataError(
            f"{path}: {name} has the parts {', '.join(of_inputs)} and {target} has {', '.join(of_target)}. "
            "Each part needs both."
        )
    parts = {
        part: (arrays[inputs](), _text(arrays[of_target[part]]()) if target else None)
        for part, inputs in of_inputs.items()
    }
    try:
        columns = from_parts(parts, question(section, target))
    except DataError as error:
        told = str(error)
        for kind, asked in QUESTIONS.items():  # what is an argument in memory is a setting of files
            told = told.replace(f"task='{asked}'", f"data.types.{target}={kind}")
        raise DataError(f"{path}: {told}") from None
    return replace(columns, keys={key: _key(path, arrays, key, list(of_inputs)) for key in keys})


def inputs_at(path: Path) -> NDArray[Any]:
    """Return the array of new inputs in a .npz or .npy file; raise `DataError` where several could be it."""
    arrays = arrays_at(path)
    if len(arrays) == 1:  # whatever it is called
        return next(iter(arrays.values()))()
    try:
        name, _ = roles(arrays, DataSection(source=str(path)))
    except DataError:
        raise DataError(
            f"{path} holds {', '.join(arrays)}: which are the inputs? Call them X, or give them a file of their own."
        ) from None
    named = [of for of in arrays if _base(of)[0] == name]
    if len(named) > 1:
        raise DataError(f"{path} holds {', '.join(named)}: expected one of them, in a file of its own.")
    return arrays[named[0]]()


def arrays_at(path: Path) -> Arrays:
    """Return what reads each array of a .npz file, of a folder of .npy files, or of one .npy file.

    Raises:
        DataError: there is no array.
    """
    if not path.exists():
        raise DataError(f"There is no {path}. Give a .npz file, or a folder of .npy files.")
    found: dict[str, Callable[[], NDArray[Any]]] = {}
    if path.is_dir():
        found = {file.stem: partial(npy.read_npy, file) for file in sorted(path.glob("*.npy"))}
        archives = sorted(file.name for file in path.glob("*.npz"))
        if archives and not found:
            raise DataError(f"{path} holds {', '.join(archives[:5])}. Give one of these files itself.")
    elif path.suffix.lower() == ".npz":
        found = {name: partial(npy.read_npz, path, name) for name in npy.names_in(path)}
    else:
        found = {path.stem: partial(npy.read_npy, path)}
    if not found:
        raise DataError(f"{path} holds no array. Save what is learned from as X, what is asked for as y.")
    return found


def roles(names: Collection[str], section: DataSection) -> tuple[str, str | None]:
    """Return what the inputs and the targets are called, without their parts; no target where there is none.

    Raises:
        DataError: several could be it, none is, or the one that the recipe names is not there.
    """
    bases = sorted({_base(name)[0] for name in names})
    target = _chosen(bases, section.target, TARGETS, "target", section)
    rest = [base for base in bases if base != target]
    inputs = _chosen(rest, section.input, INPUTS, "input", section)
    if inputs is None and len(rest) == 1:
        inputs = rest[0]
    if inputs is None:
        raise DataError(
            f"{section.source} holds {', '.join(bases)}: which is learned from? Call it X, or say data.input=NAME."
        )
    return inputs, target


def _chosen(
    bases: Collection[str], asked: str | None, usual: Collection[str], field: str, section: DataSection
) -> str | None:
    if asked is not None:
        if asked not in bases:
            raise DataError(f"data.{field} = {asked!r}: {section.source} has no such array. {closest(asked, bases)}")
        return asked
    found = [base for base in bases if base.lower() in usual]
    if len(found) > 1:
        raise DataError(
            f"{section.source} holds {' and '.join(found)}, of which each could be the {field}. Say which: "
            f"data.{field}={found[0]}."
        )
    return found[0] if found else None


def _base(name: str) -> tuple[str, str | None]:
    """A name without its part, and the part: X of the train part for X_train, and images of it for train_images."""
    before, _, last = name.rpartition("_")
    first, _, behind = name.partition("_")
    if before and last.lower() in PARTS:
        return before, PARTS[last.lower()]
    if behind and first.lower() in PARTS:
        return behind, PARTS[first.lower()]
    return name, None


def by_part(names: Collection[str], base: str) -> dict[str, str]:
    """Return the name of the array of each part: of train alone where there are no parts.

    Raises:
        DataError: one part is there twice, or there is none to train on.
    """
    found: dict[str, str] = {}
    for name in names:
        of, part = _base(name)
        if of != base:
            continue
        if (part or "train") in found:
            raise DataError(
                f"{found[part or 'train']} and {name} are both of the {part or 'train'} part. Rename one of them."
            )
        found[part or "train"] = name
    if "train" not in found:
        raise DataError(f"{', '.join(found.values())}: there is no {base}_train to train on.")
    return {part: found[part] for part in ("train", "validation", "test") if part in found}


def question(section: DataSection, target: str | None) -> Question | None:
    """Return what is asked of the target, where `data.types` says it; None leaves it to the values."""
    given = (section.types or {}).get(target or "")
    if given is not None and given not in QUESTIONS:
        raise DataError(f"data.types.{target} = {given!r}: a target is a number, a category or labels.")
    return None if given is None else QUESTIONS[given]


def _text(values: NDArray[Any]) -> NDArray[Any]:
    """Targets in bytes as text."""
    if values.dtype.kind != "S":
        return values
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError:
        raise DataError("The target holds bytes that are no UTF-8. Save it as text: y.astype(str).") from None


def _key(path: Path, arrays: Arrays, key: str, parts: Collection[str]) -> NDArray[Any]:
    if not any(_base(name)[0] == key for name in arrays):
        known = sorted({_base(name)[0] for name in arrays})
        raise DataError(f"{path} has no array {key!r} to group or order rows by. {closest(key, known)}")
    named = by_part(arrays, key)
    values = [_text(arrays[named[part]]()) for part in parts if part in named]
    if len(values) < len(parts) or any(each.ndim != 1 for each in values):
        raise DataError(f"{path}: expected {key} as [N] in every part, to group or order rows by.")
    return np.concatenate(values)
