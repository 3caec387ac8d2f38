"""What the kept weights make of the rows that they learned from, in evaluation mode: a score like validation's.

The training loss is no such score. It is an average over weights that were still changing, and dropout, augmentation,
label smoothing and class weights are in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from pellucid.data.rows import Rows
from pellucid.data.world import World
from pellucid.evaluation.evaluate import evaluating
from pellucid.evaluation.intervals import with_intervals
from pellucid.execution import Execution
from pellucid.inspection.units import watched
from pellucid.randomness import derive, undisturbed
from pellucid.tasks.classify import Classify
from pellucid.tasks.regress import Regress
from pellucid.tasks.task import Task

MOST_ROWS = 2000
"""Training rows that are judged at most: an interval of two per cent, for the time of a small validation."""
CHUNK = 256
RESAMPLES = 200


def look_back(model: nn.Module, task: Task, world: World, execution: Execution) -> dict[str, Any]:
    """Return the scores on training rows with intervals, and how many ReLU units of each layer are never active there.

    Empty for tasks that do not learn from rows.
    """
    if not isinstance(world, Rows) or not isinstance(task, Classify | Regress):
        return {}
    rows = world.rows("train").numpy()
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(derive(0, "look back")).permutation(rows)[:MOST_ROWS])
    pieces, targets = [], []
    with evaluating(model), undisturbed(0), torch.inference_mode(), execution.autocast(), watched(model) as activity:
        for chunk in torch.split(torch.from_numpy(rows), CHUNK):
            batch = world.take(chunk)
            predicted = task.predict(model, batch["input"])
            pieces.append({name: tensor.cpu().numpy() for name, tensor in predicted.items()})
            targets.append(batch["target"].cpu().numpy())
    joined = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    scores = task.scores(joined, np.concatenate(targets))
    clusters = world.clusters(rows)
    return {
        "split": "train",
        "rows": len(rows),
        "metrics": with_intervals(scores, RESAMPLES, clusters=clusters),
        "units": activity.counts(),
    }
