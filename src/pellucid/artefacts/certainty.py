"""`artefact/calibration.json`: the temperature and the quantiles that validation gave, for `predict` and for test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pellucid.errors import ArtefactError
from pellucid.evaluation import certainty
from pellucid.evaluation.certainty import Asked
from pellucid.rundir import RunFolder, read_json
from pellucid.tasks.certainty import Certainty
from pellucid.tasks.task import Look

FILE = "calibration.json"
VERSION = 1


def judge(folder: RunFolder, look: Look, asked: Asked, resamples: int) -> dict[str, Any]:
    """Return what a result tells beyond scores; validation also leaves what it fitted with the artefact.

    Where test is looked at, what was fitted on validation is judged.
    """
    artefact, kept, threshold = folder / "artefact", None, None
    if look.part == "validation":
        if (artefact / "model.json").exists():
            fitted = certainty.fit(look, _weights(artefact))
            if fitted is not None:
                folder.write_json(f"artefact/{FILE}", {"version": VERSION, **fitted.to_dict()})
    else:
        kept = read(artefact)
        threshold = _threshold(folder / "results/validation.json", asked)
    return certainty.describe(look, kept, asked, resamples, threshold)


def read(artefact: Path) -> Certainty | None:
    """Return what is kept with an artefact; None with one that is older than this, or was never validated.

    Raises:
        ArtefactError: it is damaged, or of other weights.
    """
    path = artefact / FILE
    if not path.exists():
        return None
    again = f"It can be made again: pellucid evaluate {artefact.parent}"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        kept = Certainty.from_dict(values)
        version, at_half = int(values["version"]), kept.quantile(0.5)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path} cannot be read: it is damaged ({error!r}). Remove it. {again}") from None
    if version > VERSION or not len(at_half):
        raise ArtefactError(f"{path} has version {version}; this Pellucid reads up to {VERSION}. Update it.")
    if kept.weights != _weights(artefact):
        raise ArtefactError(f"{path} was fitted to the predictions of other weights. Remove it. {again}")
    return kept


def _weights(artefact: Path) -> str:
    """The SHA-256 of the weights' file, as the artefact's description says it."""
    return str(read_json(artefact / "model.json", "sha256")["sha256"]["model.safetensors"])


def _threshold(validation: Path, asked: Asked) -> float | None:
    """The threshold that validation gave by trying, where the same costs were asked about there."""
    if not asked.costs or not validation.exists():
        return None
    cost = read_json(validation).get("cost") or {}
    if "threshold" not in cost or list(cost.get("asked", ())) != sorted(asked.costs):
        return None
    return float(cost["threshold"]["by_trying"])
