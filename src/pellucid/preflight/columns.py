"""What is wrong with rows as they were read: classes of few rows or none, rows that repeat, are blank or hold NaN."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pellucid.data import world
from pellucid.data.columns import Columns
from pellucid.preflight import Finding
from pellucid.preflight.tables import OFTEN, RARE, UNEQUAL, rare_labels
from pellucid.recipe import DataSection

AT_ONCE = 4096
"""Rows that are looked at together."""


def check(section: DataSection) -> Iterator[Finding]:
    """Yield what is found in the arrays, the IDX files or the CIFAR folder of a recipe."""
    columns = world.read(section)
    inputs = columns.dense("input")
    finite, low, high = _extremes(inputs)
    if not finite.all():
        rows = _places(~finite)
        yield Finding("not_finite", "wrong", "rows that hold NaN or infinity. Mend or remove them.", rows)
    yield from _classes(columns)
    if columns.schema["input"].kind == "image":
        yield from _blank(low, high)
    else:
        yield from _constant(inputs)
    yield from _repeated(columns, inputs)


def _extremes(inputs: NDArray[np.generic]) -> tuple[NDArray[np.bool_], NDArray[np.generic], NDArray[np.generic]]:
    """Of each row, whether all its values are finite, the smallest and the largest, `[N]` each."""
    finite, low, high = [], [], []
    for start in range(0, len(inputs), AT_ONCE):
        rows = np.asarray(inputs[start : start + AT_ONCE]).reshape(len(inputs[start : start + AT_ONCE]), -1)
        finite.append(np.isfinite(rows).all(axis=1))
        low.append(rows.min(axis=1))
        high.append(rows.max(axis=1))
    return np.concatenate(finite), np.concatenate(low), np.concatenate(high)


def _classes(columns: Columns) -> Iterator[Finding]:
    target = columns.schema.get("target")
    if target is None or target.kind not in ("category", "labels"):
        return
    codes = columns.dense("target")
    if target.kind == "labels":
        yield from rare_labels(codes.astype(bool), target.categories)
        return
    counts = np.bincount(codes, minlength=len(target.categories))
    for code, (name, count) in enumerate(zip(target.categories, counts.tolist(), strict=True)):
        if count == 0:
            yield Finding("absent_class", "wrong", f"no row is of the class {name!r}. Leave its name out, or add rows.")
        elif count < RARE:
            message = (
                f"the class {name!r} has {count} rows: too few to learn and to judge. Collect more, or leave it out."
            )
            yield Finding("rare_class", "doubtful", message, _places(codes == code))
    if counts.min() and counts.max() > UNEQUAL * counts.min():
        most, least = int(counts.argmax()), int(counts.argmin())
        yield Finding(
            "imbalance",
            "doubtful",
            f"{target.categories[most]!r} has {counts[most]} rows and {target.categories[least]!r} {counts[least]}. "
            "Look at balanced accuracy and at recalls; try task.class_weights=balanced.",
        )


def _blank(low: NDArray[np.generic], high: NDArray[np.generic]) -> Iterator[Finding]:
    rows = _places(low == high)
    if rows:
        values = ", ".join(f"{value:g}" for value in np.unique(low[rows])[:5])
        message = f"images of one value throughout ({values}): nothing can be seen. Failed exposures, or padding?"
        yield Finding("blank_image", "doubtful", f"{message} Leave them out.", rows)


def _constant(inputs: NDArray[np.generic]) -> Iterator[Finding]:
    same = np.ones(inputs.shape[1:], bool)
    for start in range(0, len(inputs), AT_ONCE):
        same &= (inputs[start : start + AT_ONCE] == inputs[:1]).all(axis=0)
    places = _places(same)
    if places:
        told = ", ".join(map(str, places[:10])) + (", ..." if len(places) > 10 else "")
        message = f"{len(places)} of {inputs.shape[1]} features hold one value in every row (from 0: {told})"
        yield Finding("constant_column", "note", f"{message}: they say nothing.")


def _repeated(columns: Columns, inputs: NDArray[np.generic]) -> Iterator[Finding]:
    """Rows with the same inputs to the byte: of one target, or of several, which contradict one another."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for row, values in enumerate(inputs):
        alike[hashlib.blake2b(values.tobytes(), digest_size=16).digest()].append(row)
    groups = [rows for rows in alike.values() if len(rows) > 1]
    targets = columns.dense("target") if "target" in columns.values else np.zeros(len(inputs))
    same: list[list[int]] = []
    against: list[list[int]] = []
    for group in groups:
        (same if (targets[group] == targets[group[0]]).all() else against).append(group)
    if sum(map(len, groups)) > OFTEN * len(inputs):
        message = "rows that repeat another one's inputs: they take so few values that this means little."
        yield Finding("duplicate_rows", "note", message, sorted(chain(*groups)))
        return
    if against:
        message = "rows with the same inputs and different targets: no model can tell them apart. Look which is right."
        yield Finding("contradiction", "doubtful", message, sorted(chain(*against)))
    if same:
        part = np.zeros(len(inputs), np.int64)
        for number, rows in enumerate(columns.given.values(), 1):  # 0 is what no given part has
            part[rows] = number
        across = sum(len(set(part[rows].tolist())) > 1 for rows in same)
        beside = f" {across} of them lie in two of the given parts." if across else ""
        message = "rows that repeat another one exactly: a copy in training answers for one that is held out."
        yield Finding("duplicate_rows", "doubtful", f"{message}{beside} Remove copies.", sorted(chain(*same)))


def _places(mask: NDArray[np.bool_]) -> list[int]:
    places: list[int] = np.flatnonzero(mask).tolist()
    return places
