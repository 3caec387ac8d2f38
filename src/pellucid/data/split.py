"""The split: who is in train, validation and test. Drawn once, stored as row ids, hashed, replayed.

A draw by class takes, of each class, its share of the rows that are there to within one row; so does scikit-learn's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import Columns, Rows
from pellucid.errors import DataError, LeakError
from pellucid.recipe import SplitSection

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Row ids of each part, ascending, and how they came about in one sentence."""

    parts: Mapping[str, Rows]
    how: str
    section: SplitSection

    def __post_init__(self) -> None:
        everyone = np.concatenate([self.parts[part] for part in PARTS])
        if len(np.unique(everyone)) != len(everyone):
            raise LeakError("The split has rows in two parts: train, validation and test must not share any.")

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the row ids of the three parts."""
        return rows_hash(*(self.parts[part] for part in PARTS))

    def to_dict(self, columns: Columns) -> dict[str, Any]:
        """Return split.json: the rows, how they were drawn, the hashes, and counts per part and class."""
        classes = {}
        if _is_category(columns):
            names = columns.schema["target"].categories
            for part in PARTS:
                counts = np.bincount(columns.dense("target")[self.parts[part]], minlength=len(names))
                classes[part] = dict(zip(names, counts.tolist(), strict=True))
        return {
            "kind": self.section.kind,
            "seed": self.section.seed,
            "how": self.how,
            "hash": self.hash,
            "data_hash": columns.hash,
            "counts": {part: len(self.parts[part]) for part in PARTS},
            "classes": classes,
            "rows": {part: _written(self.parts[part]) for part in PARTS},
        }


def _written(rows: Rows) -> list[int] | dict[str, int]:
    """Row ids as JSON: one by one, or the ends of one piece."""
    if len(rows) > 1 and rows[-1] - rows[0] == len(rows) - 1:
        return {"start": int(rows[0]), "stop": int(rows[-1]) + 1}
    return [int(row) for row in rows]


def read_rows(written: Sequence[int] | Mapping[str, int]) -> Rows:
    """Return the row ids that split.json holds."""
    if isinstance(written, Mapping):
        return np.arange(written["start"], written["stop"])
    return np.asarray(written, np.int64)


def _is_category(columns: Columns) -> bool:
    """Whether the data has classes to draw by."""
    return "target" in columns.schema and columns.schema["target"].kind == "category"


def rows_hash(*parts: Rows) -> str:
    """Return the SHA-256 of lists of row ids."""
    digest = hashlib.sha256()
    for rows in parts:
        digest.update(len(rows).to_bytes(8, "little") + rows.astype("<i8").tobytes())
    return digest.hexdigest()


def draw(section: SplitSection, columns: Columns) -> Split:
    """Draw the split that a recipe asks for.

    Raises:
        DataError: a part would be empty, a class too rare, or the data has no parts of its own.
    """
    given = dict(columns.given)
    if section.kind == "given" and not given:
        raise DataError("split.kind = 'given', but the data came without parts. Choose stratified or random.")
    if section.kind != "given":
        given = {}  # the user asked for a draw from all rows
    if section.kind == "contiguous":
        split = _cut(section, len(columns))
        if _is_category(columns):
            _check_classes(split, columns, columns.dense("target"))
        return split
    random = np.random.default_rng([section.seed, 0x5EED])
    pool = given.get("train", np.setdiff1d(np.arange(len(columns)), np.concatenate([[], *given.values()]).astype(int)))
    labels = columns.dense("target") if _is_category(columns) else None
    by_class = labels if section.kind != "random" else None
    if section.kind == "stratified" and labels is None:
        found = (
            f"the target is a {columns.schema['target'].kind}"
            if "target" in columns.schema
            else "the data has no target"
        )
        raise DataError(f"split.kind = 'stratified' needs classes, and {found}. Choose split.kind = 'random'.")
    drawn, told = {}, []
    for part, share in (("test", section.test), ("validation", section.validation)):
        if part in given:
            drawn[part] = np.sort(given[part])
            told.append(f"{part} as given")
            continue
        # Shares are of all the rows that were there to draw from, so the second draw takes a larger share of the rest.
        wanted = round(share * (len(pool) + sum(len(rows) for name, rows in drawn.items() if name not in given)))
        if share > 0 and wanted == 0:
            raise DataError(
                f"split.{part} = {share:g} of {len(pool)} rows is none. Give more rows, or split.{part} = 0."
            )
        chosen = _choose(pool, wanted, by_class, random)
        drawn[part] = chosen
        pool = np.setdiff1d(pool, chosen, assume_unique=True)
        if share > 0:
            told.append(f"{part} {len(chosen)} rows drawn {'at random' if by_class is None else 'by class'}")
    if len(pool) == 0:
        raise DataError(
            f"The split leaves none of {len(columns)} rows to train on. Lower split.validation and split.test."
        )
    how = f"{section.kind}: " + (", ".join(told) or "all rows train") + f", seed {section.seed}"
    split = Split({"train": np.sort(pool), **drawn}, how, section)
    if labels is not None:
        _check_classes(split, columns, labels)
    return split


def _cut(section: SplitSection, num_rows: int) -> Split:
    """Cut the rows in their order, so that a part is one piece: neighbours of a text or a series know one another."""
    num_test, num_validation = round(section.test * num_rows), round(section.validation * num_rows)
    num_train = num_rows - num_test - num_validation
    if num_train < 1 or (section.test > 0 and num_test == 0) or (section.validation > 0 and num_validation == 0):
        raise DataError(f"{num_rows} rows are too few to cut as asked. Give more rows, or other shares.")
    ends = np.cumsum([num_train, num_validation, num_test])
    train, validation, test = (
        np.arange(end - size, end) for end, size in zip(ends, (num_train, num_validation, num_test), strict=True)
    )
    how = f"contiguous: the first {num_train:,} train, the next {num_validation:,} validate, the last {num_test:,} test"
    return Split({"train": train, "validation": validation, "test": test}, how, section)


def _choose(pool: Rows, wanted: int, labels: NDArray[Any] | None, random: np.random.Generator) -> Rows:
    """Choose `wanted` rows of the pool; with labels, of each class its share (largest remainders get the odd rows)."""
    if labels is None:
        return np.sort(random.permutation(pool)[:wanted])
    classes, codes, counts = np.unique(labels[pool], return_inverse=True, return_counts=True)
    shares = counts * (wanted / len(pool))
    quota = np.floor(shares).astype(int)
    odd = np.argsort(quota - shares, kind="stable")[: wanted - quota.sum()]
    quota[odd] += 1
    chosen = [random.permutation(pool[codes == code])[: quota[code]] for code in range(len(classes))]
    return np.sort(np.concatenate(chosen))


def _check_classes(split: Split, columns: Columns, labels: NDArray[Any]) -> None:
    """Every class must be in train, and a part that judges needs at least two."""
    names = columns.schema["target"].categories
    for part in PARTS:
        rows = split.parts[part]
        present = np.unique(labels[rows])
        if len(rows) and len(present) == 1:
            remedy = "." if part == "train" else ", or split.kind = 'stratified'."
            raise DataError(
                f"The {part} part has one class only ({names[present[0]]!r}, {len(rows)} rows): "
                f"nothing can be told apart. Give rows of at least two classes{remedy}"
            )
        if part == "train" and len(present) < len(names):
            absent = ", ".join(repr(names[code]) for code in sorted(set(range(len(names))) - set(present.tolist()))[:5])
            raise DataError(
                f"The train part has no row of class {absent}. Give more rows of it, or leave the class out."
            )
