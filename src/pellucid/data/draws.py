"""How rows are drawn into parts by chance: at random, by class, by quantile, in whole groups.

Pure functions of their arguments; chance comes from the generator that is passed in. What is sorted is sorted stably
and shares are counted in whole rows, so that every platform draws the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import Columns, Rows
from pellucid.errors import DataError, LeakError
from pellucid.recipe import SplitSection

MOST_BINS, FEWEST_IN_BIN = 10, 5
"""Quantiles of a number target whose shares are kept: at most so many, each of at least so many rows."""
JITTER = (0.5, 1.0)
"""Sizes of groups are multiplied by random numbers between these before they are put in order: seeds differ, and the
small groups, which fill what is lacking, still come late."""
TRIES, STEPS = 16, 50_000
"""Orders of the groups that are tried, of which the best is kept: fewer of so many groups that any order is as good."""


@dataclass(frozen=True)
class Manner:
    """By what rows are drawn.

    Attributes:
        told: in a few words: "at random", "by class".
        labels: codes of what keeps its shares, `[N]`: classes, sets of labels or quantiles.
        groups: codes of what stays together, `[N]`.
    """

    told: str = "at random"
    labels: NDArray[np.int64] | None = None
    groups: NDArray[np.int64] | None = None


def key(columns: Columns, field: str, name: str | None) -> NDArray[Any]:
    """Return the column that `split.group` or `split.time` names.

    Raises:
        DataError: none is named, or the data has no such column.
    """
    verb = {"group": "kept together", "time": "ordered"}[field]
    if name is None:
        raise DataError(f"split.{field} is not given: the column by which rows are {verb}.")
    if name not in columns.keys:
        raise DataError(
            f"split.{field} = {name!r}, but the data came without a column by which rows could be {verb}. Tables have "
            'them, and files in folders ("folder", "name_1", ...); arrays and built-in data sets have none.'
        )
    return columns.keys[name]


def manner_of(section: SplitSection, columns: Columns) -> Manner:
    """Return by what a recipe draws, where it draws by chance.

    Raises:
        DataError: there is no column to group by, or nothing whose shares could be kept.
    """
    labels = strata_of(columns)
    if section.kind == "grouped" or (section.kind == "given" and section.group is not None):
        return Manner(f"in whole groups of {section.group!r}", labels, codes_of(key(columns, "group", section.group)))
    if section.kind == "random":
        return Manner()
    if labels is not None:
        return Manner("by class" if columns.schema["target"].kind == "category" else "by set of labels", labels)
    if section.kind == "given":
        return Manner()
    field = columns.schema.get("target")
    if field is None or field.kind != "number" or columns.dense("target")[0].size != 1:
        found = "the data has no target" if field is None else "the target is several numbers"
        if field is not None and field.kind != "number":
            found = f"the target is {field.kind}"
        raise DataError(
            f"split.kind = 'stratified' needs classes or one number to predict, and {found}. "
            "Choose split.kind = 'random'."
        )
    return Manner("by quantile of the target", quantiles(columns.dense("target").reshape(-1)))


def classes_of(columns: Columns) -> NDArray[np.int64] | None:
    """Return the class codes of the rows, or None where the data has no classes to draw by."""
    if "target" not in columns.schema or columns.schema["target"].kind != "category":
        return None
    return columns.dense("target").astype(np.int64, copy=False)


def labels_of(columns: Columns) -> NDArray[np.bool_] | None:
    """Return which labels each row has, `[N, labels]`, or None where the data has none."""
    if "target" not in columns.schema or columns.schema["target"].kind != "labels":
        return None
    return columns.dense("target").astype(bool)


def counts_of(columns: Columns, rows: Rows) -> NDArray[np.int64] | None:
    """Return how many of some rows are of each class, or have each label, `[classes]`; None where there are neither."""
    codes, has = classes_of(columns), labels_of(columns)
    if has is not None:
        found: NDArray[np.int64] = has[rows].sum(axis=0, dtype=np.int64)
        return found
    return None if codes is None else np.bincount(codes[rows], minlength=len(columns.schema["target"].categories))


def strata_of(columns: Columns) -> NDArray[np.int64] | None:
    """Return codes of the rows' classes, or of the sets of labels that they have, or None where there are neither."""
    has = labels_of(columns)
    return classes_of(columns) if has is None else label_sets(has)


def label_sets(has: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return a code per row of `[N, labels]`: its set of labels, or of a set that few rows have, its rarest label.

    Drawing by sets keeps the shares of labels and of what occurs together (Sechidis, Tsoumakas, Vlahavas 2011, doi:
    10.1007/978-3-642-23808-6_10, section 3). Most sets of many labels have a row or two, of which no share can be kept:
    these are drawn as the rows of one label are, which the paper's iterative method begins with as well.
    """
    _, codes, counts = np.unique(has, axis=0, return_inverse=True, return_counts=True)
    codes = codes.reshape(-1)
    rarest = np.where(has, has.sum(axis=0), len(has) + 1).argmin(axis=1)
    is_rare = counts[codes] < FEWEST_IN_BIN
    return np.where(is_rare, len(counts) + rarest, codes).astype(np.int64)


def codes_of(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return a code per row, the same for the same value."""
    comparable = values.astype(str) if values.dtype == object else values
    return np.unique(comparable, return_inverse=True)[1].reshape(-1).astype(np.int64)


def check_groups_of(given: Mapping[str, Rows], name: str | None, groups: NDArray[Any]) -> None:
    """Raise `LeakError` where parts that the data came with share a group."""
    names = list(given)
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            shared = sorted(set(groups[given[one]].tolist()) & set(groups[given[other]].tolist()), key=str)
            if shared:
                shown = ", ".join(map(repr, shared[:5])) + (", ..." if len(shared) > 5 else "")
                raise LeakError(
                    f"split.group = {name!r}: the given parts {one} and {other} share {len(shared)} of its values, "
                    f"{shown}. "
                    "Choose split.kind = 'grouped', which draws anew and keeps groups whole, or leave split.group out."
                )


def quantiles(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return the quantile of each value, counted from 0: ten, or fewer of few rows; equal values are in one."""
    num_bins = max(1, min(MOST_BINS, len(values) // FEWEST_IN_BIN))
    first: NDArray[np.int64] = np.searchsorted(np.sort(values), values, side="left").astype(np.int64)
    return first * num_bins // max(1, len(values))


def choose(pool: Rows, wanted: int, manner: Manner, random: np.random.Generator, kept: int = 1) -> Rows:
    """Choose about `wanted` rows of the pool, ascending.

    With labels, of each its share (largest remainders get the odd rows). Groups are chosen whole. Without labels the
    number of their rows then differs from what was wanted by half the largest group at most, unless it takes more for
    one group to be chosen and `kept` groups not to be.
    """
    if manner.groups is not None:
        if wanted == 0:
            return np.zeros(0, np.int64)
        share = wanted / len(pool)
        is_chosen = _deal_groups(pool, (share, 1 - share), (1, kept), manner, random) == 0
        chosen: Rows = pool[is_chosen]
        return chosen
    if manner.labels is None:
        return np.sort(random.permutation(pool)[:wanted])
    classes, codes, counts = np.unique(manner.labels[pool], return_inverse=True, return_counts=True)
    shares = counts * (wanted / len(pool))
    quota = np.floor(shares).astype(int)
    odd = np.argsort(quota - shares, kind="stable")[: wanted - quota.sum()]
    quota[odd] += 1
    each = [random.permutation(pool[codes == code])[: quota[code]] for code in range(len(classes))]
    return np.sort(np.concatenate(each))


def deal(pool: Rows, num_folds: int, manner: Manner, random: np.random.Generator) -> list[Rows]:
    """Deal the pool into folds, each ascending.

    Without groups folds differ by one row at most, and by one row of each label, as scikit-learn's StratifiedKFold. Of
    groups without labels none exceeds its share by as much as the largest group; with labels the groups go where what
    they hold is lacking most, as in its StratifiedGroupKFold.
    """
    if manner.groups is not None:
        place = _deal_groups(pool, (1 / num_folds,) * num_folds, (1,) * num_folds, manner, random)
        return [pool[place == fold] for fold in range(num_folds)]
    order = random.permutation(pool)
    if manner.labels is not None:
        order = order[np.argsort(manner.labels[order], kind="stable")]
    return [np.sort(order[fold::num_folds]) for fold in range(num_folds)]


def num_groups(pool: Rows, manner: Manner) -> int:
    """Return how many can be dealt: groups, or else rows."""
    return len(pool) if manner.groups is None else len(np.unique(manner.groups[pool]))


def _deal_groups(
    pool: Rows, shares: Sequence[float], fewest: Sequence[int], manner: Manner, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return the part of each row of the pool.

    Roughly from the largest to the smallest, each group goes where what it holds is lacking most, and every part gets
    its fewest groups. Of several orders that is kept whose parts come nearest to their shares (of every class, where
    there are classes).
    """
    assert manner.groups is not None
    groups = np.unique(manner.groups[pool], return_inverse=True)[1].reshape(-1)
    labels = np.zeros(len(pool), np.int64)
    if manner.labels is not None:
        labels = np.unique(manner.labels[pool], return_inverse=True)[1].reshape(-1)
    counts = np.zeros((groups.max() + 1, labels.max() + 1))  # (groups, classes)
    np.add.at(counts, (groups, labels), 1)
    counts /= counts.sum(axis=0)  # of each class the share: rare ones weigh as much
    tries = max(1, min(TRIES, STEPS // len(counts)))
    dealt = [_deal_once(counts, np.array(shares), np.array(fewest), random) for _ in range(tries)]
    return min(dealt, key=lambda once: once[0])[1][groups]


def _deal_once(
    counts: NDArray[np.float64], shares: NDArray[np.float64], fewest: NDArray[np.int64], random: np.random.Generator
) -> tuple[float, NDArray[np.int64]]:
    """Deal groups once; return how far the parts are from their shares, and the part of each group."""
    lacking = np.repeat(shares[:, None], counts.shape[1], axis=1)  # (parts, classes)
    places = np.full(len(counts), -1)
    owed = fewest.copy()
    largest_first = np.argsort(-np.linalg.norm(counts, axis=1) * random.uniform(*JITTER, len(counts)), kind="stable")
    for done, group in enumerate(largest_first):
        need = (lacking * counts[group]).sum(axis=1).round(12)  # what is equal but for rounding is a tie everywhere
        if owed.sum() >= len(counts) - done:  # all that are left are owed
            need[owed == 0] = -np.inf
        place = int(need.argmax())
        places[group] = place
        lacking[place] -= counts[group]
        owed[place] = max(0, owed[place] - 1)
    return round(float(np.square(lacking).sum()), 12), places
