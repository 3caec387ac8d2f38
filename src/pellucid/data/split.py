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

from pellucid.data import draws, ordering
from pellucid.data.columns import Columns, Rows
from pellucid.data.draws import Manner
from pellucid.errors import DataError, LeakError
from pellucid.recipe import SplitSection

PARTS = ("train", "validation", "test")
IN_ORDER = ("time", "contiguous")
"""Kinds whose parts follow one another; nothing of them is drawn by chance."""


@dataclass(frozen=True)
class Split:
    """Row ids of each part, ascending, and how they came about in one sentence. Rows may be in no part."""

    parts: Mapping[str, Rows]
    how: str
    section: SplitSection
    fold: str = ""
    """Which fold it is of, where it is one of several: what the section alone would not draw."""

    def __post_init__(self) -> None:
        everyone = np.concatenate([self.parts[part] for part in PARTS])
        if len(np.unique(everyone)) != len(everyone):
            raise LeakError("The split has rows in two parts: train, validation and test must not share any.")

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the row ids of the three parts."""
        return rows_hash(*(self.parts[part] for part in PARTS))

    def test_hash(self, columns: Columns) -> str:
        """Return a hash of the data and of its test rows: the same for all splits that seal the same rows."""
        return hashlib.sha256(f"{columns.hash} {rows_hash(self.parts['test'])}".encode()).hexdigest()

    def to_dict(self, columns: Columns) -> dict[str, Any]:
        """Return split.json: the rows, how they were drawn, the hashes, and counts per part and class (or label)."""
        classes = {}
        for part in PARTS:
            counts = draws.counts_of(columns, self.parts[part])
            if counts is not None:
                classes[part] = dict(zip(columns.schema["target"].categories, counts.tolist(), strict=True))
        return {
            "kind": self.section.kind,
            "seed": self.section.seed,
            "how": self.how,
            "hash": self.hash,
            "data_hash": columns.hash,
            "counts": {part: len(self.parts[part]) for part in PARTS},
            "classes": classes,
            "rows": {part: _written(self.parts[part]) for part in PARTS},
            "left_out": _written(self._left_out(len(columns))),
            "section": self.section.model_dump(exclude_none=True),
            **({"fold": self.fold} if self.fold else {}),
        }

    def _left_out(self, num_rows: int) -> Rows:
        """The rows that are in no part, ascending."""
        is_left = np.ones(num_rows, bool)
        for rows in self.parts.values():
            is_left[rows] = False
        return np.flatnonzero(is_left)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Split:
        """Read what `to_dict` made.

        Raises:
            DataError: the rows are not those that its hash was taken of.
        """
        section = SplitSection(**values.get("section", {"kind": values["kind"], "seed": values["seed"]}))
        split = Split(
            {part: read_rows(values["rows"][part]) for part in PARTS}, values["how"], section, values.get("fold", "")
        )
        if split.hash != values["hash"]:
            raise DataError(
                f"The rows of this split have the hash {split.hash[:12]}..., and it says {values['hash'][:12]}...: "
                "they were changed since. Draw the split again."
            )
        return split


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


def rows_hash(*parts: Rows) -> str:
    """Return the SHA-256 of lists of row ids."""
    digest = hashlib.sha256()
    for rows in parts:
        digest.update(len(rows).to_bytes(8, "little") + rows.astype("<i8").tobytes())
    return digest.hexdigest()


def draw(section: SplitSection, columns: Columns) -> Split:
    """Draw the split that a recipe asks for.

    Raises:
        DataError: a part would be empty, a class too rare, or the data has no parts, groups or times of its own.
        LeakError: the parts that the data came with share rows, or a group.
    """
    check_section(section, columns)
    if section.kind in IN_ORDER:
        split = Split(*ordering.cut(section, columns), section)
    else:
        random = np.random.default_rng([section.seed, 0x5EED])
        sealed = seal(section, columns, random)
        drawn, told, pool = sealed.rows("validation"), list(sealed.told), sealed.pool
        if drawn is None:
            wanted = _wanted(section, "validation", len(pool) + sealed.num_drawn, len(pool))
            drawn, pool = _draw_part("validation", wanted, pool, sealed.manner, random, told)
        else:
            told.append("validation as given")
        if len(pool) == 0:
            raise DataError(
                f"The split leaves none of {len(columns)} rows to train on. Lower split.validation and split.test."
            )
        how = f"{section.kind}: " + (", ".join(told) or "all rows train") + f", seed {section.seed}"
        if section.group is not None and sealed.manner.groups is None:
            how += f"; rows of one {section.group!r} are not kept together"
        split = Split({"train": np.sort(pool), "validation": drawn, "test": sealed.test}, how, section)
    check_classes(split, columns)
    return split


def check_section(section: SplitSection, columns: Columns) -> None:
    """Refuse what the data cannot be split by, before anything is drawn."""
    if section.kind == "given" and not columns.given:
        raise DataError("split.kind = 'given', but the data came without parts. Choose stratified or random.")
    if section.kind == "grouped" or section.group is not None:
        draws.key(columns, "group", section.group)
    if section.kind == "time" or section.time is not None:
        draws.key(columns, "time", section.time)
    if section.kind == "time" and section.group is not None:
        raise DataError(
            f"split.kind = 'time' cuts all rows at one time, and groups of {section.group!r} may lie on both sides. "
            "Leave split.group out, or choose split.kind = 'grouped'."
        )
    if section.gap and section.kind not in IN_ORDER:
        raise DataError(
            f"split.gap = {section.gap}: rows are left out where parts follow one another, split.kind = 'time' or "
            f"'contiguous'; here it is {section.kind!r}."
        )


@dataclass(frozen=True)
class Sealed:
    """The test part, put aside first, and what is left.

    Attributes:
        test: its rows, ascending.
        pool: what train and validation are drawn from.
        manner: by what.
        told: how it was done, in pieces of a sentence.
        num_drawn: how many of the pool's rows the test part has taken.
        given: the parts that the data came with, where the recipe keeps them.
    """

    test: Rows
    pool: Rows
    manner: Manner
    told: tuple[str, ...]
    num_drawn: int
    given: Mapping[str, Rows]

    def rows(self, part: str) -> Rows | None:
        """Return a given part, ascending, or None."""
        return np.sort(self.given[part]) if part in self.given else None


def seal(section: SplitSection, columns: Columns, random: np.random.Generator) -> Sealed:
    """Put the test part aside: as given, or drawn, which depends on no other share than its own."""
    given = dict(columns.given) if section.kind == "given" else {}  # else the user asked for a draw from all rows
    manner = draws.manner_of(section, columns)
    if given and manner.groups is not None:
        draws.check_groups_of(given, section.group, columns.keys[str(section.group)])
    pool = given.get("train", np.setdiff1d(np.arange(len(columns)), np.concatenate([[], *given.values()]).astype(int)))
    drawn = [part for part in ("test", "validation") if getattr(section, part) > 0 and part not in given]
    if manner.groups is not None and (groups := draws.num_groups(pool, manner)) <= len(drawn):
        raise DataError(
            f"split.group = {section.group!r}: {groups} {'group' if groups == 1 else 'groups'} for {1 + len(drawn)} "
            "parts, each of which needs one at least. Give rows of more groups, or fewer parts (split.test = 0)."
        )
    if "test" in given:
        return Sealed(np.sort(given["test"]), pool, manner, ("test as given",), 0, given)
    told: list[str] = []
    wanted = _wanted(section, "test", len(pool), len(pool))
    test, rest = _draw_part("test", wanted, pool, manner, random, told, kept=1 + ("validation" in drawn))
    return Sealed(test, rest, manner, tuple(told), len(test), given)


def _wanted(section: SplitSection, part: str, num_rows: int, num_left: int) -> int:
    """How many rows a part gets; its share is of all rows that there were to draw from, so more of those left."""
    share = section.test if part == "test" else section.validation
    wanted = round(share * num_rows)
    if share > 0 and wanted == 0:
        raise DataError(f"split.{part} = {share:g} of {num_left} rows is none. Give more rows, or split.{part} = 0.")
    return min(wanted, num_left)


def _draw_part(
    part: str, wanted: int, pool: Rows, manner: Manner, random: np.random.Generator, told: list[str], kept: int = 1
) -> tuple[Rows, Rows]:
    """Return a part's rows and those left, and tell of it."""
    chosen = draws.choose(pool, wanted, manner, random, kept)
    if wanted:
        told.append(f"{part} {len(chosen)} rows drawn {manner.told}")
    return chosen, np.setdiff1d(pool, chosen, assume_unique=True)


def check_classes(split: Split, columns: Columns) -> None:
    """Every class and every label must be in train, and a part that judges needs at least two classes."""
    if draws.labels_of(columns) is not None:
        _check_labels(split, columns)
    labels = draws.classes_of(columns)
    if labels is None:
        return
    names = columns.schema["target"].categories
    kind = split.section.kind
    remedy = {"grouped": "another split.seed", "time": "other shares"}.get(kind, "split.kind = 'stratified'")
    for part in PARTS:
        rows = split.parts[part]
        present = np.unique(labels[rows])
        if len(rows) and len(present) == 1:
            otherwise = "" if part == "train" else f", or {remedy}"
            raise DataError(
                f"The {part} part has one class only ({names[present[0]]!r}, {len(rows)} rows): "
                f"nothing can be told apart. Give rows of at least two classes{otherwise}."
            )
        if part == "train" and len(present) < len(names):
            absent = ", ".join(repr(names[code]) for code in sorted(set(range(len(names))) - set(present.tolist()))[:5])
            raise DataError(
                f"The train part has no row of class {absent}. Give more rows of it, or leave the class out."
            )


def _check_labels(split: Split, columns: Columns) -> None:
    counts = draws.counts_of(columns, split.parts["train"])
    assert counts is not None
    lacking = [name for name, count in zip(columns.schema["target"].categories, counts, strict=True) if not count]
    if lacking:
        raise DataError(
            f"No row of the train part has the label {', '.join(map(repr, lacking[:5]))}. Give more rows that have it, "
            "or leave the label out."
        )
