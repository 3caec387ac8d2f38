"""A comparison in words: who is better by how much, or that nobody is shown to be, and what would have been seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pellucid.comparison.paired import LEVEL
from pellucid.reporting import words

TESTS = {
    "mcnemar": "McNemar's test",
    "student": "Student's paired t",
    "corrected_t": "the corrected resampled t",
}
MOST_ROWS = 10_000_000
"""More than these nobody gathers to see a difference."""


def of(compared: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Return one comparison as a sentence or two.

    Args:
        compared: one of the comparisons.
        told: all of it.
    """
    called, metric = named(told), compared["metric"]
    a, b = called[compared["a"]], called[compared["b"]]
    ahead = compared["difference"] if told["better"] == "max" else -compared["difference"]
    if ahead < 0:
        a, b = b, a
    value, low, high = difference(compared, told["better"], turned=ahead < 0)
    unit = " points" if words.is_share(metric) else ""
    test = TESTS[compared["test"]]
    sure = probability(compared["p"])
    if len(told["comparisons"]) > 1:
        sure += f", with Holm's correction for {len(told['comparisons'])} comparisons {probability(compared['p_holm'])}"
    if is_shown(compared):
        return f"{a} is better than {b} by {value}{unit} of {words.metric(metric)} ({low} to {high}; {test}, {sure})."
    if ahead == 0:
        head = f"{a} and {b} are not shown to differ ({words.metric(metric)}: {low} to {high}{unit}; {test}, {sure})."
    else:
        head = (
            f"{a} is not shown to be better than {b} ({words.metric(metric)}: difference {value}{unit}, {low} to "
            f"{high}; {test}, {sure})."
        )
    return f"{head}{_seen(compared, told, abs(ahead))}"


def is_shown(compared: Mapping[str, Any]) -> bool:
    """Whether a difference is more than chance, among all that were looked at."""
    return bool(compared["p_holm"] <= LEVEL and compared["difference"] != 0)


def difference(compared: Mapping[str, Any], better: str, turned: bool = False) -> tuple[str, str, str]:
    """Write how far the first is ahead of the second, with the interval's ends; shares of rows in points.

    Args:
        turned: how far the second is ahead of the first.
    """
    ends = [compared["difference"], compared["low"], compared["high"]]
    if (better == "min") != turned:
        ends = [-ends[0], -ends[2], -ends[1]]
    shown = words.shown(dict(zip(("value", "low", "high"), ends, strict=True)), compared["metric"])
    return shown.value, shown.low, shown.high


def effect(compared: Mapping[str, Any], better: str) -> tuple[float | None, float | None, float | None]:
    """Return the standardised size with its ends, above 0 (odds: above 1) where the first is ahead."""
    size, low, high = (compared[key] for key in ("effect_size", "effect_low", "effect_high"))
    if better == "max" or compared["effect"] == "odds_ratio" or size is None:
        return size, low, high
    return -size, -high, -low


def probability(p: float) -> str:
    """Write a p-value: p = 0.034, p < 0.001."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.995 else "p = 1"


def _seen(compared: Mapping[str, Any], told: Mapping[str, Any], ahead: float) -> str:
    """What difference a test like this finds, and how many rows would show one like this."""
    if compared["detectable"] <= 0:
        return ""
    metric, unit = compared["metric"], " points" if words.is_share(compared["metric"]) else ""
    scale = {"value": compared["detectable"], "low": compared["low"], "high": compared["high"]}
    counted = _counted(compared, told)
    found = f" With {words.count(compared['n'], counted)} a difference of {words.shown(scale, metric).value}{unit}"
    found += " is found 8 times in 10"
    needed = compared["n"] * (compared["detectable"] / ahead) ** 2 if ahead > 0 else math.inf
    if counted == "fold" or not compared["n"] < needed < MOST_ROWS:
        return f"{found}."
    digits = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    return f"{found}; one of this size needs about {words.count(round(needed / digits) * digits, counted)}."


def _counted(compared: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """What n is the number of."""
    if compared["test"] == "corrected_t":
        return "fold"
    return str(told["unit"]) if compared["n"] == told["comparable"]["units"] else "group"


def labels(runs: Sequence[str], baselines: Sequence[str] = ()) -> dict[str, str]:
    """Return what each entrant is called: a run by its folder's name where no other has that, a baseline in words."""
    short = {run: Path(run).resolve().name for run in runs} | {name: words.baseline(name) for name in baselines}
    return {name: label if list(short.values()).count(label) == 1 else name for name, label in short.items()}


def named(told: Mapping[str, Any]) -> dict[str, str]:
    """Return what the entrants of a comparison are called."""
    return labels(told["runs"], [name for name in told["scores"] if name not in told["runs"]])


def as_text(told: Mapping[str, Any]) -> str:
    """Return a comparison as lines for the terminal."""
    called, metric = named(told), told["metric"]
    lines = [f"{words.metric(metric)}, {judged(told)}; 95 % intervals"]
    width = max(len(label) for label in called.values())
    for name, score in told["scores"].items():
        shown = words.shown(score, metric)
        lines.append(f"  {called[name]:<{width}}  {shown.full}  {shown.low} to {shown.high}{shown.unit}")
    lines += ["", *told["sentences"]]
    lines += [f"Note: {note}" for note in told["comparable"]["notes"]]
    if told["config"]:
        lines += ["", f"They differ in ({', '.join(labels(told['runs']).values())}):"]
        rows = [[field, *map(written, values)] for field, values in told["config"].items()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            lines.append("  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip())
    elif len(told["runs"]) > 1:
        lines += ["", "Their recipes and machines do not differ."]
    if "page" in told:
        lines.append(f"Page: {told['page']}")
    return "\n".join(lines)


def judged(told: Mapping[str, Any]) -> str:
    """Write what was judged: validation, 180 rows."""
    counted = words.count(told["comparable"]["units"], told["unit"])
    return counted if told["split"] == "folds" else f"{told['split']}, {counted}"


def written(value: Any) -> str:
    """Write the value of a recipe's field; a dash where a recipe has none."""
    return "–" if value is None else str(value)
