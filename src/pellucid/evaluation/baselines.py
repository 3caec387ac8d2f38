"""Baselines beside the net: the task's own, judged with intervals, and kept by content."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from functools import cache
from pathlib import Path
from typing import Any

import torch

from pellucid import rundir
from pellucid.data.world import World
from pellucid.evaluation.intervals import with_intervals
from pellucid.randomness import undisturbed
from pellucid.recipe import Section
from pellucid.tasks.task import Borrower, Task


def run(task: Task, section: Section, world: World, part: str, resamples: int) -> dict[str, dict[str, Any]]:
    """Return each baseline's scores with intervals; kept by content, so the same question is answered once.

    Args:
        section: the recipe's task, whose settings may change what a score is.
    """
    question = (
        _code(),
        importlib.metadata.version("scikit-learn"),
        dict(world.identity),
        world.preprocessing.to_dict(),
        part,
        {name: value for name, value in section.items() if value is not None},  # as TOML says it
        resamples,
        dict(task.borrowed) if isinstance(task, Borrower) else {},
    )
    path = rundir.cache() / "baselines" / f"{hashlib.sha256(json.dumps(question).encode()).hexdigest()}.json"
    try:
        kept: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    except (OSError, ValueError):
        pass
    results: dict[str, dict[str, Any]] = {}
    with undisturbed(0), torch.inference_mode():
        found = task.baselines(world, part)
    for name, (scores, fitted_on) in found.items():
        results[name] = with_intervals(scores, resamples)
        for score in results[name].values():
            score["fitted_on"] = fitted_on
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        rundir.write_atomically(path, json.dumps(results).encode())
    except OSError:
        pass  # a cache that cannot be written costs time only
    return results


@cache
def _code() -> str:
    """A hash of this very Pellucid: what other code found is not served as this one's."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
