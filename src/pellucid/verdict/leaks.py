"""Suspiciously good: one feature tells the target alone, validation rows stand in training too, or validation is better
than training by more than chance. Each is how a leak looks from outside.

S. Kaufman, S. Rosset, C. Perlich, O. Stitelman, "Leakage in Data Mining", 2012, doi:10.1145/2382577.2382579.
"""

from __future__ import annotations

import math
import shlex
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.verdict.finding import Finding, again
from pellucid.verdict.one_feature import ALONE, strongest
from pellucid.verdict.record import Record, Told, half
from pellucid.verdict.words import metric

COPIES = 0.02
"""Share of validation rows that are also training rows, to the byte, above what chance makes of such columns."""
BEYOND = 3.0
"""Joint half-widths by which validation may be better than training: chance does that once in many million runs."""
MOST_FEATURES, MOST_ROWS, FEWEST_ROWS, MOST_NUMBERS = 20_000, 4000, 200, 4_000_000
"""Of training rows whose features are looked at one by one: a second's work."""
MISSING = -1e9
"""What a missing number is taken for: a value of its own."""


Suspicion = tuple[str, dict[str, float], str]


def suspiciously_good(record: Record) -> Finding | None:
    """Look for each of the three, the most telling first."""
    found = _one_feature(record) or _copies(record) or _better_than_training(record)
    if found is None:
        return None
    message, evidence, command = found
    return Finding("suspiciously_good", f"It is suspiciously good: {message}", evidence, command)


def _one_feature(record: Record) -> Suspicion | None:
    told = record.told
    if told is None or not 2 <= told.inputs[:1].size <= MOST_FEATURES:
        return None
    X, y, new, truth = _flat(told)
    # Evenly spaced, for rows often lie in the order of their classes.
    stride = max(1, math.ceil(len(X) / min(MOST_ROWS, max(FEWEST_ROWS, MOST_NUMBERS // X.shape[1]))))
    place, share = strongest(X[::stride], y[::stride], new, truth)
    if share < ALONE:
        return None
    name = told.feature_names[place] if place < len(told.feature_names) else f"number {place}"
    what = (
        f"{share:.1%} of the variance"
        if np.issubdtype(y.dtype, np.floating)
        else f"at least {share:.1%} of the rows right"
    )
    return (
        f"the feature {name} alone gives {what}. Is it known before the target is, or is it made from it?",
        {"feature": float(place), "share": share},
        _without(record, told, place),
    )


def _copies(record: Record) -> Suspicion | None:
    told = record.told
    if told is None or told.inputs[:1].size < 2:
        return None
    X, _, new, _ = _flat(told)
    known = {row.tobytes() for row in X}
    num = sum(row.tobytes() in known for row in new)
    # What two rows have in common by chance, were the columns independent: small tables of classes repeat themselves.
    alike = 1.0
    for column in X.T:
        _, counts = np.unique(column, return_counts=True)
        alike *= float(((counts / len(column)) ** 2).sum())
        if alike * len(X) < 1e-6:
            break
    expected = len(new) * -math.expm1(-alike * len(X))
    share = num / len(new)
    if not (num > 10 * expected + 1 and share > COPIES):
        return None
    return (
        f"{num} of {len(new)} validation rows ({share:.1%}) are training rows too, to the byte, "
        f"where chance makes {expected:.2g}. They are remembered, not predicted.",
        {"copies": float(num), "share": share, "expected": expected},
        _once(record),
    )


def _better_than_training(record: Record) -> Suspicion | None:
    name = record.result.get("primary")
    held = record.score(name) if name else None
    mine = record.score(name, "train") if name else None
    drawn = record.recipe.get("split", {}).get("kind") in ("stratified", "random")
    if held is None or mine is None or not drawn:
        return None
    noise = math.hypot(half(held), half(mine))
    better = record.sign * (float(held["value"]) - float(mine["value"]))
    if not (noise > 0 and better > BEYOND * noise):
        return None
    return (
        f"{metric(name)} is {held['value']:.4g} on validation rows and {mine['value']:.4g} on the rows "
        f"that it learned from, {better / noise:.1f} times their joint noise. Parts drawn by chance do not differ so.",
        {"validation": float(held["value"]), "train": float(mine["value"]), "noise": noise},
        again(record.run, record.recipe, ["split.seed=1"], "other-split"),
    )


def _without(record: Record, told: Told, place: int) -> str:
    """Train without a feature: a table's column is left out by name, others where they come from."""
    if place < len(told.feature_names) and record.recipe["data"].get("kind") == "table":
        column = str(told.feature_names[place])
        return again(record.run, record.recipe, [f"data.types.{column}=ignore"], "without")
    if record.recipe["data"].get("source") == "arrays" and told.inputs.ndim == 2:
        recipe = f"recipe={f'{record.run}/recipe.toml'!r}, out={f'{record.run}-without'!r}"
        return f"pellucid.fit(numpy.delete(X, {place}, axis=1), y, {recipe})"
    return _once(record)


def _once(record: Record) -> str:
    """Look for what stands twice; of arrays, train on every row once."""
    if record.recipe["data"].get("source") == "arrays":
        recipe = f"recipe={f'{record.run}/recipe.toml'!r}, out={f'{record.run}-once'!r}"
        return f"once = numpy.unique(X, axis=0, return_index=True)[1]; pellucid.fit(X[once], y[once], {recipe})"
    return shlex.join(["pellucid", "check", f"{record.run}/recipe.toml"])


def _flat(told: Told) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Rows as rows of numbers, and their targets."""
    X, new = (values.reshape(len(values), -1) for values in (told.inputs, told.held_inputs))
    if np.issubdtype(X.dtype, np.floating):
        X, new = (np.nan_to_num(values, nan=MISSING) for values in (X, new))
    return X, told.targets, new, told.held_targets
