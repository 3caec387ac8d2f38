"""Where the numbers come from: who was in which part, what had seen which rows, and how to do it all again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.reporting import words
from pellucid.reporting.record import PARTS, Record
from pellucid.tasks import TASKS

MOST_CLASSES = 20
ASKED = {
    "sequences": ("Continue a prompt", '"Once upon" predict.temperature=0.8'),
    "generative": ("Paint samples", "predict.samples=64"),
    "reinforcement": ("Play, and film the first episode", "predict.episodes=3"),
    "memory": ("Corrupt new rows and recall them", "INPUT ... predict.flip=0.1"),
}
"""What a family of tasks is asked by `predict RUN`, and how; every other is asked about rows."""


@dataclass(frozen=True)
class Part:
    """A part of the data: its rows, and its share of all rows in per cent."""

    name: str
    rows: int
    share: float


def parts(record: Record) -> list[Part]:
    """Return the parts that have rows."""
    counts = record.split["counts"]
    total = sum(counts.values()) or 1
    return [Part(name, counts[name], 100 * counts[name] / total) for name in PARTS if counts.get(name)]


def class_table(record: Record) -> tuple[list[str], list[tuple[str, list[int]]]]:
    """Return the part names and, per class (or for many classes: the smallest, median and largest), the rows."""
    names = [part.name for part in parts(record)]
    classes: Mapping[str, Mapping[str, int]] = record.split.get("classes") or {}
    if not classes or any(name not in classes for name in names):
        return names, []
    per_class = [(who, [classes[name].get(who, 0) for name in names]) for who in classes[names[0]]]
    if len(per_class) <= MOST_CLASSES:
        return names, per_class
    sizes = np.array([rows for _, rows in per_class])
    return names, [
        (f"{told} of {len(per_class)} classes", [int(number) for number in measure(sizes, axis=0)])
        for told, measure in (("smallest", np.min), ("median", np.median), ("largest", np.max))
    ]


def is_disjoint(record: Record) -> bool | None:
    """Whether no row is in two parts; None where the rows were not kept."""
    rows = record.split.get("rows")
    if not rows:
        return None
    from pellucid.data.split import read_rows

    everyone = np.concatenate([read_rows(ids) for ids in rows.values()])
    return len(np.unique(everyone)) == len(everyone)


@dataclass(frozen=True)
class Fitted:
    """A preprocessing step, what it saw, and whether that is exactly the training part (None: cannot be told)."""

    name: str
    column: str
    part: str
    rows: int
    is_train: bool | None


def fitted(record: Record) -> list[Fitted]:
    """Return every fitted step, checked against the training rows by their hash."""
    if not record.steps:
        return []
    from pellucid.data.split import read_rows, rows_hash

    rows = (record.split.get("rows") or {}).get("train")
    expected = rows_hash(read_rows(rows)) if rows else None
    found = []
    for step in record.steps:
        seen = step["fitted_on"]
        if seen is None:
            continue
        same = None if expected is None else seen["hash"] == expected
        found.append(Fitted(step["name"], step["column"], seen["part"], seen["rows"], same))
    return found


@dataclass(frozen=True)
class Command:
    """A command to copy, and what it is for."""

    purpose: str
    text: str


def commands(record: Record) -> list[Command]:
    """Return what to type to reproduce, go on with, use and judge this run."""
    run = shlex.quote(str(record.folder))
    in_python = repr(str(record.folder))
    own = record.recipe["model"]["name"] == "own"
    arrays = record.recipe["data"].get("source") == "arrays"
    told: list[tuple[str, str]] = []
    if own or arrays:
        model, again = ", model=YourModel()" * own, f"{in_python[:-1]}/recipe.toml'"
        told.append(("Train it again, from Python", f"pellucid.fit(X, y{model}, recipe={again})"))
        told.append(("Go on after an interruption", f"pellucid.fit(X, y{model}, resume={in_python})"))
    else:
        told.append(("Train it again", f"pellucid train {run}/recipe.toml"))
        told.append(("Go on after an interruption", f"pellucid train --resume {run}"))
    if own:
        told.append(("Predict new rows", f"pellucid.predict({in_python}, X_new, model=YourModel())"))
    else:
        purpose, asked = _asked(record)
        told.append((purpose, f"pellucid predict {run} {asked}"))
        told.append(("Let it show an example of its own", f"pellucid predict {run}"))
    if record.split["counts"].get("test") and not own:
        told.append(("Open the test part (each time is counted)", f"pellucid evaluate {run} --split test"))
    return [Command(*command) for command in told]


def _asked(record: Record) -> tuple[str, str]:
    """What the run's task may be asked for, and what follows `predict RUN`."""
    task = record.recipe["task"]["name"]
    family = TASKS[task].family if task in TASKS else ""
    return ASKED.get(family, ("Predict new rows", "INPUT ..."))


def seal(record: Record) -> str:
    """Say how often the test part was looked at."""
    if not record.split["counts"].get("test"):
        return "There is no test part: no rows were put aside that never played a role."
    looks = record.looks
    if not looks:
        return "The test part was opened 0 times: it is still sealed."
    when = ", ".join(words.date(look) for look in looks[:6]) + (", …" if len(looks) > 6 else "")
    if len(looks) == 1:
        return f"The test part was opened once: {when} UTC."
    return (
        f"The test part was looked at {len(looks)} times: {when} UTC. "
        "Whatever was changed after the first look was chosen with its help."
    )


def facts(values: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return named values in words, those with a name first and all others after."""
    ordered: Sequence[str] = [*(key for key in names if key in values), *(key for key in values if key not in names)]
    return [(names.get(key, key.replace("_", " ")), str(values[key])) for key in ordered]
