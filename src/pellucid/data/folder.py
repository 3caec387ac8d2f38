"""Files of the user's own in folders: which there are, of which class, in which part. No file is opened.

    ROOT/CLASS/.../a.jpg        or        ROOT/{train, val, test}/CLASS/.../a.jpg

Where names say what a file is (`7_jackson_32.wav`) their pieces between underscores are columns: name_1, name_2, ...
Nothing is guessed silently: what lies in neither place is refused, what is left out is counted and told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import table, walking
from pellucid.data.columns import Rows
from pellucid.errors import DataError
from pellucid.recipe import DataSection

if TYPE_CHECKING:
    import polars

PARTS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
EXPECTED = "Expected one folder per class, FOLDER/CLASS/FILE, or parts, FOLDER/{train,val,test}/CLASS/FILE."
FOLDER = "folder"
"""The name of the column that holds the folder of each file."""


@dataclass(frozen=True)
class Folder:
    """Which files a folder holds, of which class, in which part.

    Attributes:
        root: the folder.
        what: what the files are, in messages: "pictures".
        files: their paths below it, with `/`, sorted.
        has_parts: whether the first folder of each path is a part.
        target: the piece of the name that is the class, such as "name_1"; None where the folder is.
        left_out: how many other files there are, by what they are.
        listed: the table that names the files, a row for each, where one does; its target column is the class.
    """

    root: Path
    what: str
    files: tuple[str, ...]
    has_parts: bool
    target: str | None
    left_out: Mapping[str, int]
    listed: polars.DataFrame | None = None

    @cached_property
    def _class_in_list(self) -> Mapping[str, str]:
        """The class of each file, by the table that names them."""
        return {} if self.listed is None else dict(zip(self.files, self.listed[self.target or ""], strict=True))

    def class_of(self, file: str) -> str:
        """Return the class of one of the files."""
        if self.listed is not None:
            return self._class_in_list[file]
        if self.target is not None:
            return _pieces(file)[int(self.target.removeprefix("name_")) - 1]
        return file.split("/")[self.has_parts]

    def part_of(self, file: str) -> str:
        """Return the part of one of the files; in a folder without parts that is train, until a split is drawn."""
        return PARTS[file.split("/")[0].lower()] if self.has_parts else "train"

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, sorted."""
        return tuple(sorted({self.class_of(file) for file in self.files}))

    @property
    def codes(self) -> NDArray[np.int64]:
        """The place of each file's class among the classes, `[files]`."""
        place = {name: code for code, name in enumerate(self.classes)}
        return np.array([place[self.class_of(file)] for file in self.files], np.int64)

    @property
    def given(self) -> dict[str, Rows]:
        """The rows of each part that the folder came with; none where it has no parts."""
        parts = np.array([self.part_of(file) for file in self.files])
        return {part: np.flatnonzero(parts == part) for part in sorted(set(parts.tolist()))} if self.has_parts else {}

    def keys(self, wanted: Collection[str]) -> dict[str, NDArray[Any]]:
        """Return columns by which files can be grouped or ordered, `[files]` each.

        They are called "folder", "name_1", "name_2", ...; of files that a table names, as its columns.

        Raises:
            DataError: there is no such column.
        """
        if self.listed is not None:
            return table.keys(self.listed, wanted)
        known = self.name_columns()
        keys = {}
        for name in wanted:
            if name != FOLDER and name not in known:
                listed = ", ".join([FOLDER, *known])
                raise DataError(
                    f"{self.root} has no column {name!r} to group or order {self.what} by: it has {listed}."
                )
            if name == FOLDER:
                keys[name] = np.array([str(PurePosixPath(file).parent) for file in self.files])
            else:
                keys[name] = np.array([_pieces(file)[known.index(name)] for file in self.files])
        return keys

    def name_columns(self) -> list[str]:
        """Return "name_1", "name_2", ... where every name has the same number of pieces between underscores."""
        counts = {len(_pieces(file)) for file in self.files}
        return [f"name_{place + 1}" for place in range(counts.pop())] if len(counts) == 1 else []

    def only(self, kept: Sequence[int]) -> Folder:
        """Return the folder without the files that could not be read.

        Raises:
            DataError: a class or a part is left without files.
        """
        listed = None if self.listed is None else self.listed[list(kept)]
        folder = replace(self, files=tuple(self.files[row] for row in kept), listed=listed)
        absent = sorted(set(self.classes) - set(folder.classes))
        if absent:
            raise DataError(f"{self.root}: none of the {self.what} of the class {first(absent)} can be read.")
        check_classes(folder)
        return folder


def find(
    root: Path,
    endings: Collection[str],
    what: str,
    target: str | None = None,
    aside: Collection[str] | None = None,
) -> Folder:
    """Look which files lie where; none is opened.

    Args:
        root: the folder.
        endings: of the files that are wanted, in lower case: ".png".
        what: what they are, in messages: "pictures".
        target: the piece of the names that is the class; left out, the folders are.
        aside: class folders that are left out, as are files beside class folders; None refuses the latter.

    Raises:
        DataError: there are none, or of one class only; some lie beside the class folders; or the parts have not the
            same classes.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder {root}. {EXPECTED}")
    left_out: Counter[str] = Counter()
    files = sorted(walking.files_in(root, endings, left_out))
    if not files:
        held = f": it holds {listed(left_out)}" if left_out else ", it is empty"
        raise DataError(f"{root} holds no {what}{held}. {EXPECTED} Their names end in {', '.join(sorted(endings))}.")
    folders = {file.split("/")[0] for file in files if "/" in file}
    parts = {folder for folder in folders if folder.lower() in PARTS}
    has_parts = bool(parts) and parts == folders and "train" in map(str.lower, parts)
    if len(parts) > 1 and not has_parts:
        others = ", ".join(sorted(folders - parts)) or "no train"
        raise DataError(f"{root} has the parts {', '.join(sorted(parts))}, but also {others}. {EXPECTED}")
    if aside is not None and target is None:
        files = _set_aside(files, has_parts, aside, what, left_out)
    folder = Folder(root, what, tuple(files), has_parts, target, left_out)
    beside = [file for file in files if file.count("/") < 1 + has_parts]
    if target is not None or (len(beside) == len(files) and len(folder.name_columns()) > 1):
        _check_target(folder)
    elif beside:
        raise DataError(
            f"{root}: {len(beside)} {what} lie beside the class folders ({first(beside)}). {EXPECTED} "
            "Move them into a folder that is named as their class."
        )
    check_classes(folder)
    return folder


def of_section(section: DataSection, endings: Collection[str], what: str) -> Folder:
    """Return the files that a recipe's source holds: those in a folder, or those that a table's input column names.

    Raises:
        DataError: as `find`; or the table names none, or what is not there, or a row has no class.
    """
    source = Path(section.source)
    if not source.name.lower().endswith(table.ENDINGS):
        return find(source, endings, what, section.target)
    frame, root = table.open(section), source.parent
    paths, target = section.input or "", section.target or ""
    for name, asked in ((paths, "data.input, the column of the files' paths"), (target, "--target, the class")):
        if name not in frame.columns:
            raise DataError(f"{source} needs {asked}: one of {', '.join(frame.columns)}; given is {name!r}.")
    files = [PurePosixPath(str(file)).as_posix() for file in frame[paths]]  # ./a.png is a.png
    wrong = [
        f"row {row} ({file})"
        for row, file in enumerate(files)
        if Path(file).suffix.lower() not in endings or not (root / file).is_file()
    ]
    if wrong:
        raise DataError(
            f"{source}: {paths!r} names {len(wrong)} files that are not there or no {what}: {first(wrong)}. "
            f"Expected paths below {root}, as FOLDER/FILE, that end in {', '.join(sorted(endings))}."
        )
    twice = [file for file, count in Counter(files).items() if count > 1]
    if twice:
        raise DataError(f"{source}: {paths!r} names {len(twice)} files twice: {first(twice)}. Leave one row each.")
    if (section.types or {}).get(target) == "labels":
        raise DataError(
            f"data.types.{target} = 'labels': several labels per row are read of tables, documents and arrays, and "
            f"these are {what}, of one class each. Decode them to an array, and give it with y [N, labels] as a .npz."
        )
    if frame[target].null_count():
        raise DataError(f"{source}: {target!r} is missing in {frame[target].null_count()} rows. Leave them out.")
    frame = frame.with_columns(frame[target].cast(str))
    folder = Folder(root, what, tuple(files), False, target, {}, frame)
    check_classes(folder)
    return folder


def _set_aside(
    files: Sequence[str], has_parts: bool, aside: Collection[str], what: str, left_out: Counter[str]
) -> list[str]:
    """The files that lie in class folders, but for those set aside; all of them where none does."""
    classed = [file for file in files if file.count("/") > has_parts]
    if not classed:
        return list(files)
    if len(classed) < len(files):
        left_out[f"{what} beside the class folders"] += len(files) - len(classed)
    kept = [file for file in classed if file.split("/")[has_parts].lower() not in aside]
    for file in set(classed) - set(kept):
        left_out[f"{what} without a class ({file.split('/')[has_parts]})"] += 1
    return kept


def _pieces(file: str) -> list[str]:
    return PurePosixPath(file).stem.split("_")


def _check_target(folder: Folder) -> None:
    """Refuse a target that is no piece of the names, and names whose class nobody said."""
    columns = folder.name_columns()
    if folder.target in columns:
        return
    if len(columns) < 2:
        raise DataError(
            f"{folder.root}: --target is a piece of the files' names between underscores, name_1, name_2, ..., "
            f"and these have not all the same number of them ({first(folder.files)}). Leave it out for class folders."
        )
    values = {name: sorted(set(array.tolist())) for name, array in folder.keys(columns).items()}
    shown = "".join(f"\n  {name}: {len(found)} values, {first(found)}" for name, found in values.items())
    asked = (
        "Which piece of the files' names is the class" if folder.target is None else f"There is no {folder.target!r}"
    )
    raise DataError(f"{asked}? The names in {folder.root} have these; give one as --target:{shown}")


def check_classes(folder: Folder) -> None:
    """Raise `DataError` unless there are two classes, and every part has them all."""
    classes = set(folder.classes)
    if len(classes) < 2:
        raise DataError(
            f"{folder.root} has one class only ({', '.join(classes)!r}): there is nothing to tell apart. {EXPECTED}"
        )
    found: dict[str, dict[str, set[str]]] = {}
    for file in folder.files:
        name = file.split("/")[0] if folder.has_parts else ""
        found.setdefault(folder.part_of(file), {}).setdefault(name, set()).add(folder.class_of(file))
    for part, names in found.items():
        if len(names) > 1:
            raise DataError(f"{folder.root} has the {part} part twice: {', '.join(sorted(names))}. Leave one of them.")
    trained = set().union(*found.get("train", {}).values())
    for part, names in found.items():
        for name, held in names.items():
            unknown, absent = sorted(held - trained), sorted(trained - held)
            if unknown or absent:
                wrong = f"train has no class {first(unknown)}" if unknown else f"it lacks the class {first(absent)}"
                raise DataError(
                    f"{folder.root}/{name}, the {part} part: {wrong}. Expected {folder.what} of the same classes in "
                    "every part. Add the folder, or move the files."
                )


def told(folder: Folder) -> list[str]:
    """Return lines that say how many files of which class are in which part, and what was left out."""
    lines = []
    counts = Counter((folder.part_of(file), folder.class_of(file)) for file in folder.files)
    for part in dict.fromkeys(PARTS.values()):
        of_part = [f"{name} {counts[part, name]:,}" for name in folder.classes if counts[part, name]]
        if of_part:
            more = f", and {len(of_part) - 10} more" if len(of_part) > 10 else ""
            lines.append(f"{part if folder.has_parts else 'classes'}: {', '.join(of_part[:10])}{more}")
    if folder.left_out:
        lines.append(f"left out: {listed(folder.left_out)}")
    return lines


def first(names: Sequence[str]) -> str:
    """Return the first few names in words."""
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def listed(counts: Mapping[str, int]) -> str:
    """Return counts in words."""
    return ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))
