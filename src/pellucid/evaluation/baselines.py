"""Baselines beside the net: the task's own, judged with intervals, and kept by content."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid import rundir
from pellucid.data.world import World
from pellucid.errors import RunError
from pellucid.evaluation import kept
from pellucid.evaluation.intervals import with_intervals
from pellucid.evaluation.kept import Kept, Scores
from pellucid.randomness import undisturbed
from pellucid.recipe import Section
from pellucid.tasks.task import Borrower, Task


def run(task: Task, section: Section, world: World, part: str) -> dict[str, tuple[Scores, int]]:
    """Return each baseline's scores, and on how many rows it was fitted.

    They are kept by content, so that the same question is answered once.

    Args:
        section: the recipe's task, whose settings may change what a score is.
    """
    world.seal.check(part)
    question = (
        _code(),
        importlib.metadata.version("scikit-learn"),
        dict(world.identity),
        world.preprocessing.to_dict(),
        part,
        {name: value for name, value in section.items() if value is not None},  # as TOML says it
        dict(task.borrowed) if isinstance(task, Borrower) else {},
    )
    path = rundir.cache() / "baselines" / f"{hashlib.sha256(json.dumps(question).encode()).hexdigest()}.safetensors"
    if path.exists():
        try:
            found = kept.read(path)
            return {name: (scores, found.fitted_on[name]) for name, scores in found.entrants.items()}
        except RunError:
            pass  # damaged: made anew
    with undisturbed(0), torch.inference_mode():
        results = task.baselines(world, part)
    fitted_on = {name: num for name, (_, num) in results.items()}
    with suppress(OSError, RunError):  # a cache that cannot be written costs time only
        kept.write(path, Kept({name: scores for name, (scores, _) in results.items()}, fitted_on=fitted_on))
    return results


def describe(
    found: Mapping[str, tuple[Scores, int]], resamples: int, clusters: NDArray[np.int64] | None
) -> dict[str, dict[str, Any]]:
    """Return each baseline's scores with intervals, as JSON types."""
    results: dict[str, dict[str, Any]] = {}
    for name, (scores, fitted_on) in found.items():
        results[name] = with_intervals(scores, resamples, clusters=clusters)
        for score in results[name].values():
            score["fitted_on"] = fitted_on
    return results


@cache
def _code() -> str:
    """A hash of this very Pellucid: what other code found is not served as this one's."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
