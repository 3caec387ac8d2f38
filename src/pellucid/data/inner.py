"""The validation part inside a fold: what early stopping looks at must not be what the fold is judged by.

It is drawn from the rows that train for the fold, in the manner of the recipe's split: by class, in whole groups, or in
time the last of them.
"""

from __future__ import annotations

import numpy as np

from pellucid.data import draws
from pellucid.data.columns import Columns, Rows
from pellucid.data.ordering import Ordered, in_order
from pellucid.data.split import IN_ORDER, Split, check_classes
from pellucid.errors import DataError


def judged_apart(fold: Split, columns: Columns, name: str) -> Split:
    """Return the split of a run on a fold: `test` is the fold, `validation` a share of the rows outside it.

    Args:
        fold: of `folds`: its `validation` is judged, its `train` are the rows outside. Its sealed test part is in none
            of the new parts.
        columns: the data.
        name: of the fold.

    Raises:
        DataError: the rows outside are too few, or of one group, or a part lacks a class.
    """
    pool, section = fold.parts["train"], fold.section
    train, validation, told = pool, pool[:0], "none of them validates"
    if section.validation > 0:
        cut = _last if section.kind in IN_ORDER else _drawn
        train, validation = cut(fold, columns)
        told = f"{len(validation):,} of the rows outside it validate"
    if len(validation) == 0 < section.validation or len(train) == 0:
        raise DataError(
            f"split.validation = {section.validation:g} of the {len(pool)} rows outside {name} leaves none to "
            f"{'validate' if len(train) else 'train on'}. Give more rows, fewer folds, or split.validation = 0."
        )
    parts = {"train": train, "validation": validation, "test": fold.parts["validation"]}
    split = Split(parts, f"{fold.how}; {told}", section, name)
    check_classes(split, columns)
    return split


def _drawn(fold: Split, columns: Columns) -> tuple[Rows, Rows]:
    pool, section = fold.parts["train"], fold.section
    manner = draws.manner_of(section, columns)
    if manner.groups is not None and draws.num_groups(pool, manner) < 2:
        raise DataError(
            f"The rows outside a fold are of one group of {section.group!r}: none can validate. Give rows of more "
            "groups, or split.validation = 0."
        )
    random = np.random.default_rng([section.seed, 0x1AA3, int(fold.hash[:15], 16)])
    validation = draws.choose(pool, round(section.validation * len(pool)), manner, random, kept=1)
    return np.setdiff1d(pool, validation, assume_unique=True), validation


def _last(fold: Split, columns: Columns) -> tuple[Rows, Rows]:
    pool, section = fold.parts["train"], fold.section
    everyone = in_order(section, columns)
    inside = np.isin(everyone.rows, pool)
    ordered = Ordered(everyone.rows[inside], everyone.times[inside])
    begin = ordered.between(len(ordered) - round(section.validation * len(ordered)))
    return np.sort(ordered.rows[: max(0, begin - section.gap)]), np.sort(ordered.rows[begin:])
