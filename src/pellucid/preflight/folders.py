"""What is wrong with files in class folders, whatever they hold: copies, and classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.data.folder import Folder
from pellucid.preflight import Finding, per_cent
from pellucid.preflight.tables import RARE, UNEQUAL

SHOWN = 3
"""Groups of files that a message names."""
MUCH = 0.01
"""Share of a held-out part, from which copies in training make its result false."""
HELD_OUT = ("validation", "test")


def classes(found: Folder) -> Iterator[Finding]:
    """Yield classes with few files to learn from, and very unequal ones."""
    trained = [row for row, file in enumerate(found.files) if found.part_of(file) == "train"]
    rows: dict[str, list[int]] = {}
    for row in trained:
        rows.setdefault(found.class_of(found.files[row]), []).append(row)
    for name, own in sorted(rows.items(), key=lambda item: len(item[1])):
        if len(own) < RARE:
            message = (
                f"the class {name!r} has {len(own)} {found.what} to learn from: too few. Collect more, or leave it"
            )
            yield Finding("rare_class", "doubtful", f"{message} out.", own)
    least, most = (best(rows, key=lambda name: len(rows[name])) for best in (min, max))
    if len(rows[most]) > UNEQUAL * len(rows[least]):
        message = f"{most!r} has {len(rows[most])} {found.what} and {least!r} {len(rows[least])}. Look at balanced"
        yield Finding("imbalance", "doubtful", f"{message} accuracy and at recalls; try task.class_weights=balanced.")


def equal(keys: Iterable[Hashable]) -> list[list[int]]:
    """Return the places of keys that occur more than once: each group ascending, by their first places."""
    places: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return [group for group in places.values() if len(group) > 1]


def widened(found: Folder, near: Iterable[Sequence[int]], same: Iterable[Sequence[int]]) -> list[list[int]]:
    """Return groups that are nearly the same with the copies of their rows in other classes and parts.

    Args:
        found: the files.
        near: groups of rows, of which the first of each group of copies stands for all.
        same: groups of copies.
    """
    others: dict[int, list[int]] = {}
    for group in same:
        places: dict[tuple[str, str], int] = {}
        for row in group:
            file = found.files[row]
            places.setdefault((found.part_of(file), found.class_of(file)), row)
        others[group[0]] = list(places.values())
    return [sorted({other for row in group for other in others.get(row, [row])}) for group in near]


def named(found: Folder, rows: Sequence[int]) -> str:
    """Return the first few of some files."""
    return ", ".join(found.files[row] for row in rows[:SHOWN]) + (", ..." if len(rows) > SHOWN else "")


def copies(found: Folder, groups: Sequence[Sequence[int]], *, near: bool = False) -> Iterator[Finding]:
    """Yield what copies do: one content in two classes, in two parts, twice in one part.

    Args:
        found: the files.
        groups: rows that hold the same, or nearly so.
        near: whether it is nearly so.
    """
    kind, how = ("near_duplicates", "nearly the same") if near else ("duplicates", "the same")
    of_class = [found.class_of(file) for file in found.files]
    of_part = [found.part_of(file) for file in found.files]
    torn = [group for group in groups if len({of_class[row] for row in group}) > 1]
    across = [group for group in groups if len({of_part[row] for row in group}) > 1]
    if torn:
        yield Finding(
            f"{kind}_across_classes",
            "doubtful" if near else "wrong",
            f"{found.what} of two classes are {how}: {_pairs(found, torn)}. One label is wrong, or both classes belong "
            "there: no model can satisfy the two. Look at them, and keep one.",
            _rows(torn),
        )
    sizes = Counter(of_part)
    for part in HELD_OUT:
        for other in ("train", *HELD_OUT[: HELD_OUT.index(part)]):
            held = [group for group in across if {part, other} <= {of_part[row] for row in group}]
            rows = [row for row in _rows(held) if of_part[row] == part]
            if not rows:
                continue
            share = len(rows) / sizes[part]
            false = "They measure memory" if other == "train" else "The seal of one is broken by the other"
            yield Finding(
                f"{kind}_across_parts",
                "wrong" if share > MUCH and not near else "doubtful",
                f"{per_cent(share)} % of the {part} {found.what} are {how} as one of {other}: {_pairs(found, held)}. "
                f"{false}. Remove the copies, or keep them in one part.",
                rows,
            )
    inside: dict[str, list[list[int]]] = {part: [] for part in sizes}
    for group in groups:
        own: dict[tuple[str, str], list[int]] = {}
        for row in group:
            own.setdefault((of_part[row], of_class[row]), []).append(row)
        for (part, _), rows in own.items():
            if len(rows) > 1:
                inside[part].append(rows)
    held = [group for part in sizes for group in inside[part]]
    if held:
        spare = {part: sum(len(group) - 1 for group in own_groups) for part, own_groups in inside.items()}
        told = [f"{count:,} in {part}" if found.has_parts else f"{count:,}" for part, count in spare.items() if count]
        why = (
            "They count more than others."
            if found.has_parts
            else "A split puts some on both sides, where they measure memory."
        )
        yield Finding(
            kind,
            "doubtful",
            f"{' and '.join(told)} of the {found.what} are {how} as another one of their part: {_pairs(found, held)}. "
            f"{why} Keep one of each.",
            _rows(held),
        )


def _pairs(found: Folder, groups: Sequence[Sequence[int]]) -> str:
    """The first two files of the first few groups."""
    shown = [" and ".join(found.files[row] for row in _unlike(found, group)) for group in groups[:SHOWN]]
    return "; ".join(shown) + (f"; and {len(groups) - SHOWN:,} more" if len(groups) > SHOWN else "")


def _unlike(found: Folder, group: Sequence[int]) -> tuple[int, int]:
    """The first file of a group, and the first in another class or part where there is one."""
    first = found.files[group[0]]

    def differs(row: int) -> bool:
        file = found.files[row]
        return found.class_of(file) != found.class_of(first) or found.part_of(file) != found.part_of(first)

    return group[0], next((row for row in group if differs(row)), group[1])


def _rows(groups: Iterable[Sequence[int]]) -> list[int]:
    return sorted({row for group in groups for row in group})


def settles(values: NDArray[np.int64], codes: NDArray[np.int64]) -> bool:
    """Whether a property that has nothing to do with the content (a size, a format) says the class nearly always.

    Args:
        values: of each file, `[files]`.
        codes: its class, `[files]`.
    """
    kinds, places = np.unique(values, return_inverse=True)
    if len(kinds) < 2 or len(values) < RARE * len(kinds):
        return False
    counts = np.zeros((len(kinds), int(codes.max()) + 1), np.int64)
    np.add.at(counts, (places, codes), 1)
    known, guessed = counts.max(axis=1).sum() / len(values), counts.sum(axis=0).max() / len(values)
    return bool(1 - known < 0.1 * (1 - guessed))
