"""The edge of the room: a record from the files of a run, its world, and the look that was just taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid import rundir
from pellucid.data.ragged import Ragged
from pellucid.data.rows import Rows
from pellucid.data.world import World
from pellucid.recipe import Recipe
from pellucid.tasks.rows import RowsLook
from pellucid.tasks.task import Look
from pellucid.verdict.record import Record, Told

LOOK_BACK = "results/train.json"
MOST_BYTES = 64 << 20
"""Of training inputs that are compared with validation inputs; of more, the first ones."""


def of_run(run: Path, recipe: Recipe, result: Mapping[str, Any], world: World, look: Look) -> Record:
    """Gather what a verdict is made from.

    Args:
        result: of validation, whole but for the verdict.
        look: at validation.
    """
    lines, layers, fitted = run / "metrics.jsonl", run / "layers.json", run / LOOK_BACK
    rows = look if isinstance(look, RowsLook) else None
    is_classifier = rows is not None and "log_probability" in rows.predictions
    return Record(
        run=str(run),
        recipe=recipe.model_dump(),
        result=result,
        lines=rundir.read_lines(lines) if lines.exists() else [],
        fitted=rundir.read_json(fitted) if fitted.exists() else {},
        parameter_names=rundir.read_json(layers).get("parameter_names", []) if layers.exists() else [],
        log_probability=rows.predictions["log_probability"] if rows is not None and is_classifier else None,
        targets=rows.targets if rows is not None and is_classifier else None,
        clusters=look.clusters,
        told=_told(world),
    )


def _told(world: World) -> Told | None:
    """The rows of both parts as they came; None where they are no arrays of numbers with one target each."""
    if not isinstance(world, Rows) or world.spec.input.clock is not None:
        return None
    values = world.columns.values.get("input")
    targets = world.columns.values.get("target")
    spec = world.spec.target
    if values is None or targets is None or isinstance(values, Ragged) or isinstance(targets, Ragged):
        return None
    if spec is None or spec.kind not in ("category", "number") or spec.size != 1:
        return None
    train, held = world.rows("train").numpy(), world.rows("validation").numpy()
    if not len(train) or not len(held):
        return None
    most = max(1, MOST_BYTES // max(1, values[:1].nbytes))
    features = world.columns.schema["input"]
    names = [feature.name for feature in features.features] or list(features.names)
    return Told(*_rows(values, targets, train[:most]), *_rows(values, targets, held[:most]), names)


def _rows(values: NDArray[Any], targets: NDArray[Any], rows: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.asarray(values[rows]), np.asarray(targets[rows]).reshape(len(rows))
