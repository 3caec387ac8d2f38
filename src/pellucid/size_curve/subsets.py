"""Parts of the training part: who learns at each size.

A draw puts the training rows in an order and takes its beginning. So the subsets of a draw are nested, and two sizes of
it differ by the rows that were added alone. Validation and test stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pellucid.data import draws, ordering
from pellucid.data.columns import Columns, Rows
from pellucid.data.split import IN_ORDER, Split, check_classes
from pellucid.errors import PellucidError

NUM_SIZES = 5
SMALLEST_SHARE, LARGEST_SHARE = 1 / 32, 1 / 4
"""Of the training rows, in the smallest size: a range of 32 or 12 shows a power, and one of 4 must do for few rows."""
FEWEST_ROWS, FEWEST_OF_CLASS = 30, 10
"""Below that a net guesses, and its error is not on any power law yet (the small-data region of Hestness et al.)."""


@dataclass(frozen=True)
class Subset:
    """Who learns in one run.

    Attributes:
        size: the rows that were asked for; whole groups may come to some more or less.
        draw: counted from 0.
        split: the recipe's own, with a part of its training rows; None where that is all of them.
        rows: how many there are.
    """

    size: int
    draw: int
    split: Split | None
    rows: int


def sizes_of(wanted: int | Sequence[int], num_rows: int, num_classes: int = 0) -> list[int]:
    """Return the sizes, ascending.

    Args:
        wanted: how many, in equal ratios from a small one up to all rows, or the sizes themselves.
        num_rows: of the training part.
        num_classes: of what is predicted; 0 where that is no class.

    Raises:
        PellucidError: there are fewer than two, or one cannot be had.
    """
    most = f"the training part has {num_rows:,} rows"
    fewest = max(2, num_classes)
    if isinstance(wanted, int):
        if wanted < 2:
            raise PellucidError(f"sizes = {wanted}: expected 2 or more, 5 as a rule, or a list such as 100,300,1000.")
        least = max(num_rows * SMALLEST_SHARE, FEWEST_ROWS, FEWEST_OF_CLASS * num_classes)
        least = max(fewest, round(min(least, num_rows * LARGEST_SHARE)))
        found = sorted({round(size) for size in np.geomspace(min(least, num_rows), num_rows, wanted)})
        if len(found) < wanted:
            raise PellucidError(
                f"sizes = {wanted}: {most}, too few for so many sizes. Ask for fewer, or give more rows."
            )
        return found
    found = sorted(set(wanted))
    if len(found) < 2:
        raise PellucidError(f"sizes = {list(wanted)}: expected two different ones at least.")
    if found[0] < fewest or found[-1] > num_rows:
        wrong = found[0] if found[0] < fewest else found[-1]
        each = f", one of each of {num_classes} classes at least" if num_classes else ""
        raise PellucidError(f"sizes: {wrong:,}; {most}, so expected sizes from {fewest} to {num_rows:,}{each}.")
    return found


def subsets(split: Split, columns: Columns, sizes: Sequence[int], num_draws: int) -> list[Subset]:
    """Return who learns in each run, draw after draw, and within a draw from the largest size to the smallest.

    Of classes (or quantiles of a number) every subset has its share to within two rows, and one of each at least; of
    `split.group` it has whole groups. Where parts follow one another in time, subsets are the rows next before
    validation, the same in every draw.

    Raises:
        PellucidError: groups are too few for so many sizes.
        DataError: a subset lacks a class.
    """
    made: dict[tuple[int, int], Rows] = {}
    for draw in range(num_draws):
        random = np.random.default_rng([split.section.seed, 0xC0DE, draw])
        order, ends = _order(split, columns, random)
        for size in sizes:
            end = int(ends[np.abs(ends - size).argmin()])
            made[draw, size] = np.sort(order[:end])
    for smaller, larger in pairwise(sizes):
        if any(len(made[draw, smaller]) == len(made[draw, larger]) for draw in range(num_draws)):
            raise PellucidError(
                f"split.group = {split.section.group!r}: whole groups make no subset of {smaller:,} rows that differs "
                f"from the one of {larger:,}. Ask for fewer sizes: --sizes."
            )
    num_rows = len(split.parts["train"])
    found = []
    for draw in range(num_draws):
        for size in reversed(sizes):
            rows = made[draw, size]
            part = None if len(rows) == num_rows else _part(split, columns, rows, draw, num_rows)
            found.append(Subset(size, draw, part, len(rows)))
    return found


def _part(split: Split, columns: Columns, rows: Rows, draw: int, num_rows: int) -> Split:
    """The split with these rows to train on."""
    told = f"{len(rows):,} of {num_rows:,} training rows, draw {draw + 1}"
    part = Split({**split.parts, "train": rows}, f"{split.how}; {told}", split.section, fold=told)
    check_classes(part, columns)
    return part


def _order(split: Split, columns: Columns, random: np.random.Generator) -> tuple[Rows, NDArray[np.int64]]:
    """The training rows in the order in which they are added, and after how many of them one may stop."""
    section, pool = split.section, split.parts["train"]
    if section.kind in IN_ORDER:
        ordered = ordering.in_order(section, columns).rows
        latest_first: Rows = ordered[np.isin(ordered, pool)][::-1]
        return latest_first, np.arange(1, len(pool) + 1)
    if section.group is not None and section.group in columns.keys:
        return _in_groups(pool, draws.codes_of(columns.keys[section.group]), draws.classes_of(columns), random)
    labels = draws.manner_of(section, columns).labels
    order = random.permutation(pool)
    if labels is None:
        labels = draws.classes_of(columns)
        if labels is None:
            return order, np.arange(1, len(pool) + 1)
    _, codes, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    place = np.empty(len(order), np.int64)  # how many rows of its own class come before a row
    for code in range(len(counts)):
        place[codes == code] = np.arange(counts[code])
    return order[np.argsort(place / counts[codes], kind="stable")], np.arange(1, len(pool) + 1)


def _in_groups(
    pool: Rows, groups: NDArray[np.int64], labels: NDArray[np.int64] | None, random: np.random.Generator
) -> tuple[Rows, NDArray[np.int64]]:
    """Whole groups in a random order, those first that bring a class which is not there yet."""
    members = {group: pool[groups[pool] == group] for group in random.permutation(np.unique(groups[pool])).tolist()}
    first: list[int] = []
    if labels is not None:
        seen: set[int] = set()
        for group, rows in members.items():
            brought = set(labels[rows].tolist())
            if not brought <= seen:
                first.append(group)
                seen |= brought
    order = [*first, *(group for group in members if group not in set(first))]
    enough = len(first) or 1
    ends = np.cumsum([len(members[group]) for group in order])[enough - 1 :]
    return np.concatenate([members[group] for group in order]), ends
