"""Folds: every row outside the test part validates once, and trains in the other folds. As many splits as folds.

The test part is the one that `draw` seals, and the same in all folds. Where rows follow one another in time, a fold
comes after all the rows that train for it (an expanding window, as scikit-learn's TimeSeriesSplit): the earliest rows
train only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.data import draws
from pellucid.data.columns import Columns, Rows
from pellucid.data.ordering import Ordered, in_order, where_test_begins
from pellucid.data.split import IN_ORDER, Split, check_classes, check_section, seal
from pellucid.errors import DataError
from pellucid.recipe import SplitSection


def folds(section: SplitSection, columns: Columns, num_folds: int, repeats: int = 1) -> list[Split]:
    """Return the splits of k-fold cross-validation, fold after fold, repeat after repeat.

    Args:
        section: of the recipe. Its kind says by what the folds are dealt, as it does for the parts of one split; its
            share of validation plays no role. Of given parts the training part is dealt.
        columns: the data.
        num_folds: at least 2.
        repeats: how often the rows are dealt, each time with other random numbers of the same seed.

    Returns:
        Of each fold a split whose `validation` is the fold, `train` the others, and `test` the sealed part.

    Raises:
        DataError: there are fewer rows, groups or times than folds, or a fold lacks a class.
        LeakError: the parts that the data came with share rows, or a group.
    """
    check_section(section, columns)
    _check_numbers(num_folds, repeats)
    if section.kind in IN_ORDER:
        if repeats > 1:
            raise DataError(f"repeats = {repeats}: split.kind = {section.kind!r} has one order of the rows. Choose 1.")
        ordered = in_order(section, columns)
        test, stop = where_test_begins(section, ordered)
        before = Ordered(ordered.rows[: max(0, stop)], ordered.times[: max(0, stop)])
        told = f"test the last {len(ordered) - test:,} rows" if test < len(ordered) else "no test part"
        return _windows(section, columns, before, np.sort(ordered.rows[test:]), num_folds, told)
    sealed = seal(section, columns, np.random.default_rng([section.seed, 0x5EED]))
    told = next((piece for piece in sealed.told if piece.startswith("test")), "no test part")
    if "validation" in sealed.given:
        told += ", the validation part that was given is left out"
    made = []
    for repeat in range(repeats):
        again = f", repeat {repeat + 1} of {repeats}" if repeats > 1 else ""
        random = np.random.default_rng([section.seed, 0xF01D, repeat])
        made += _dealt(section, columns, sealed.pool, sealed.test, num_folds, random, f"{told}{again}")
    return made


@dataclass(frozen=True)
class Nested:
    """An outer fold, and the folds that are dealt from its training rows, to choose by.

    Attributes:
        outer: the fold that judges is its `validation`.
        inner: their `test` is the outer fold: rows that are sealed until the choice is made.
    """

    outer: Split
    inner: tuple[Split, ...]

    def to_dict(self, columns: Columns) -> dict[str, Any]:
        """Return both as JSON types."""
        return {"outer": self.outer.to_dict(columns), "inner": [split.to_dict(columns) for split in self.inner]}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Nested:
        """Read what `to_dict` made."""
        return Nested(Split.from_dict(values["outer"]), tuple(map(Split.from_dict, values["inner"])))


def nested(section: SplitSection, columns: Columns, outer: int, inner: int) -> list[Nested]:
    """Return the splits of nested cross-validation: what is chosen by inner folds is judged on the outer one.

    Args:
        section: as `folds` takes it.
        columns: the data.
        outer: how many folds judge.
        inner: how many folds of each one's training rows choose.

    Raises:
        DataError: as `folds` does.
    """
    made = []
    ordered = in_order(section, columns) if section.kind in IN_ORDER else None
    _check_numbers(inner, 1)
    for place, split in enumerate(folds(section, columns, outer)):
        pool, fold, told = split.parts["train"], split.parts["validation"], f"within outer fold {place + 1} of {outer}"
        if ordered is not None:
            inside = np.isin(ordered.rows, pool)
            within = Ordered(ordered.rows[inside], ordered.times[inside])
            made.append(Nested(split, tuple(_windows(section, columns, within, fold, inner, told))))
        else:
            random = np.random.default_rng([section.seed, 0xF01D, 0, place + 1])
            made.append(Nested(split, tuple(_dealt(section, columns, pool, fold, inner, random, told))))
    return made


def _dealt(
    section: SplitSection,
    columns: Columns,
    pool: Rows,
    test: Rows,
    num_folds: int,
    random: np.random.Generator,
    told: str,
) -> list[Split]:
    """Folds that are dealt by chance."""
    manner = draws.manner_of(section, columns)
    there = draws.num_groups(pool, manner)
    if there < num_folds:
        what = "rows" if manner.groups is None else f"groups of {section.group!r}"
        raise DataError(f"{num_folds} folds of {there} {what}: each needs one at least. Choose fewer folds.")
    dealt = draws.deal(pool, num_folds, manner, random)
    return _splits(
        section,
        columns,
        [(np.setdiff1d(pool, fold, assume_unique=True), fold) for fold in dealt],
        test,
        f"dealt {manner.told}; {told}, seed {section.seed}",
    )


def _windows(
    section: SplitSection, columns: Columns, ordered: Ordered, test: Rows, num_folds: int, told: str
) -> list[Split]:
    """Folds that follow one another, each trained on all before it but the gap."""
    num_rows, size = len(ordered), len(ordered) // (num_folds + 1)
    places = [ordered.between(num_rows - fold * size) for fold in range(num_folds, -1, -1)]
    starts, stops = places[:-1], places[1:]
    if size == 0 or starts[0] <= section.gap or any(a >= b for a, b in zip(starts, stops, strict=True)):
        times = f" of {len(np.unique(ordered.times))} different times" if section.kind == "time" else ""
        gap = f" and split.gap = {section.gap}" if section.gap else ""
        raise DataError(f"{num_rows} rows{times} are too few for {num_folds} folds{gap}. Choose fewer folds.")
    pairs = [
        (np.sort(ordered.rows[: start - section.gap]), np.sort(ordered.rows[start:stop]))
        for start, stop in zip(starts, stops, strict=True)
    ]
    left_out = f", the {section.gap} rows before it left out" if section.gap else ""
    return _splits(section, columns, pairs, test, f"trained on what comes before{left_out}; {told}")


def _splits(
    section: SplitSection, columns: Columns, pairs: Sequence[tuple[Rows, Rows]], test: Rows, told: str
) -> list[Split]:
    """A split of each pair of training rows and fold."""
    made = []
    for place, (train, fold) in enumerate(pairs):
        how = f"{section.kind}: fold {place + 1} of {len(pairs)}, {len(fold):,} rows, {told}"
        if section.group is not None and section.kind not in ("grouped", "given"):
            how += f"; rows of one {section.group!r} are not kept together"
        split = Split({"train": train, "validation": fold, "test": test}, how, section)
        check_classes(split, columns)
        made.append(split)
    return made


def _check_numbers(num_folds: int, repeats: int) -> None:
    if num_folds < 2 or repeats < 1:
        raise DataError(f"{num_folds} folds, repeated {repeats} times: expected at least 2 folds, and 1 repeat.")
