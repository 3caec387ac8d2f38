"""Scores on a disk: what every unit adds to each of them, so that runs are compared by pairs without their models.

`predictions/PART-scores.safetensors` holds the moments, `[units, m]`, under `net/NAME` and `BASELINE/NAME`; `clusters`
(which units belong together, where some do) and `rows` (what the units are, where they are rows). How each is summed up
is told in JSON beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from pellucid.errors import RunError
from pellucid.rundir import read_json, write_atomically
from pellucid.tasks.score import Moments, Score

NET = "net"
Scores = Mapping[str, Score]


@dataclass(frozen=True)
class Kept:
    """What a look, and the baselines beside it, left of one part.

    Attributes:
        entrants: by name, the net's under `NET`, its scores; all of the same units in the same order.
        rows: row ids, `[units]`; None where units are no rows.
        clusters: codes of which units belong together, `[units]`.
    """

    entrants: Mapping[str, Scores]
    rows: NDArray[np.int64] | None = None
    clusters: NDArray[np.int64] | None = None
    unit: str = "row"
    fitted_on: Mapping[str, int] = field(default_factory=dict)
    """On how many rows each baseline was fitted."""


def write(path: Path, kept: Kept) -> None:
    """Write both files beside each other; `path` ends in `.safetensors`."""
    tensors = {
        f"{entrant}/{name}": _narrow(np.ascontiguousarray(score.moments, np.float64))
        for entrant, scores in kept.entrants.items()
        for name, score in scores.items()
    }
    tensors |= {
        name: np.ascontiguousarray(codes, np.int64)
        for name, codes in (("rows", kept.rows), ("clusters", kept.clusters))
        if codes is not None
    }
    told = {
        entrant: {
            name: [score.kind, score.better, score.interval, score.standard_error] for name, score in scores.items()
        }
        for entrant, scores in kept.entrants.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(tensors))
    write_atomically(
        path.with_suffix(".json"),
        json.dumps({"unit": kept.unit, "fitted_on": dict(kept.fitted_on), "scores": told}).encode(),
    )


def _narrow(moments: Moments) -> NDArray[Any]:
    """The same numbers in fewer bytes, where they are the same: most are counts, or were single precision."""
    if len(moments) and moments.min() >= 0 and moments.max() <= 255 and (moments == np.floor(moments)).all():
        return moments.astype(np.uint8)
    if len(moments) and np.abs(moments).max() <= np.finfo(np.float32).max:
        single = moments.astype(np.float32)
        return single if np.array_equal(single, moments) else moments
    return moments


def read(path: Path) -> Kept:
    """Read what `write` wrote.

    Raises:
        RunError: the files are missing or damaged.
    """
    told = read_json(path.with_suffix(".json"), "scores", "unit", "fitted_on")
    try:
        tensors = load_file(path)
        entrants = {
            entrant: {
                name: Score(tensors[f"{entrant}/{name}"].astype(np.float64), *values) for name, values in scores.items()
            }
            for entrant, scores in told["scores"].items()
        }
    except Exception as error:  # safetensors' own errors have no common parent
        raise RunError(f"{path} cannot be read: it is missing or damaged ({error}). Evaluate the run again.") from None
    return Kept(entrants, tensors.get("rows"), tensors.get("clusters"), told["unit"], told["fitted_on"])
