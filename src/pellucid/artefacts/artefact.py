"""An artefact: everything that a prediction needs, and golden examples by which it checks itself when it is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from pellucid import models, tasks
from pellucid.data.batch import tensor_of
from pellucid.data.preprocessing import Preprocessing
from pellucid.errors import ArtefactError
from pellucid.evaluation.evaluate import evaluating
from pellucid.recipe import Section
from pellucid.rundir import read_json, write_atomically
from pellucid.spec import Spec
from pellucid.tasks.task import Task

VERSION = 1
GOLDEN_ROWS = 8
TOLERANCE = 1e-3
"""Golden outputs may differ by this share of their size: another machine rounds differently, wrong weights do not."""
BATCH_ROWS = 256


@dataclass(frozen=True)
class Artefact:
    """A model that predicts from the user's own units to the user's own words."""

    model: nn.Module
    task: Task
    spec: Spec
    preprocessing: Preprocessing
    model_section: Section
    task_section: Section
    golden: NDArray[np.generic]
    """Raw inputs whose outputs are kept beside the weights."""

    @torch.inference_mode()
    def outputs(self, inputs: NDArray[np.generic]) -> dict[str, Tensor]:
        """Return the task's per-row predictions for raw inputs `[N, *spec.input.shape]`."""
        rows = tensor_of(inputs)
        with evaluating(self.model):
            parts = [
                self.task.predict(self.model, self.preprocessing.apply("input", part))
                for part in torch.split(rows, BATCH_ROWS)
            ]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def predict(self, inputs: NDArray[np.generic]) -> dict[str, Any]:
        """Return the columns of predictions in the user's words: classes and probabilities, or numbers."""
        predictions = {name: tensor.numpy() for name, tensor in self.outputs(inputs).items()}
        return dict(self.task.table(predictions, None))


def write(artefact: Artefact, folder: Path, card: str) -> None:
    """Write an artefact and its card (Markdown) whole: into a folder beside, then renamed over the old one."""
    beside = folder.with_name(f".{folder.name}.part")
    _remove(beside)
    beside.mkdir(parents=True)
    weights = save({name: t.detach().cpu().contiguous().clone() for name, t in artefact.model.state_dict().items()})
    described = {
        "version": VERSION,
        "model": artefact.model_section,
        "task": artefact.task_section,
        "spec": artefact.spec.to_dict(),
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    golden = {"input": tensor_of(artefact.golden)}
    golden |= {f"output/{name}": tensor.contiguous() for name, tensor in artefact.outputs(artefact.golden).items()}
    write_atomically(beside / "model.safetensors", weights)
    write_atomically(beside / "golden.safetensors", save(golden))
    for name, values in (("model.json", described), ("preprocessing.json", artefact.preprocessing.to_dict())):
        write_atomically(beside / name, (json.dumps(values, indent=1) + "\n").encode())
    write_atomically(beside / "card.md", card.encode())
    _remove(folder)
    beside.rename(folder)


def read(folder: Path, module: nn.Module | None = None) -> Artefact:
    """Load an artefact and check that it still gives its golden outputs.

    Args:
        folder: `RUN/artefact`.
        module: the user's own model, freshly made, where the run trained one: its weights are loaded into it.

    Raises:
        ArtefactError: a file is missing, cut short or altered, or the outputs are not the golden ones.
    """
    if not folder.is_dir():
        raise ArtefactError(
            f"{folder} is not there: the run has not ended yet. Go on with: pellucid train --resume RUN"
        )
    described = read_json(folder / "model.json")
    if described["version"] > VERSION:
        raise ArtefactError(
            f"{folder} has version {described['version']}; this Pellucid reads up to {VERSION}. Update it."
        )
    try:
        weights = (folder / "model.safetensors").read_bytes()
        golden = load((folder / "golden.safetensors").read_bytes())
    except (OSError, SafetensorError) as error:
        raise ArtefactError(f"{folder} is damaged: {error}. Take it from a copy, or train again.") from None
    if hashlib.sha256(weights).hexdigest() != described["sha256"]:
        raise ArtefactError(
            f"{folder}/model.safetensors was altered since it was written. Take it from a copy, or train again."
        )
    spec = Spec.from_dict(described["spec"])
    model = module if module is not None else build_model(described["model"], spec)
    _load_weights(model, load(weights), described["model"])
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    preprocessing = Preprocessing.from_dict(read_json(folder / "preprocessing.json"))
    task = tasks.build(described["task"], spec)
    artefact = Artefact(
        model, task, spec, preprocessing, described["model"], described["task"], golden["input"].numpy()
    )
    _check_golden(artefact, golden, folder)
    return artefact


def build_model(section: Section, spec: Spec) -> nn.Module:
    """Build a model of the catalogue for weights to be loaded into."""
    if section["name"] == OWN:
        raise ArtefactError(
            f"This run trained your own model ({section['class']}), whose code is not in the artefact. "
            "Give it in Python: pellucid.load(RUN, model=YourModel())."
        )
    plain = {key: value for key, value in section.items() if key != "initialiser"}  # the weights follow
    return models.build(plain, spec, seed=0)


OWN = "own"
"""The model name of a user's own `nn.Module`."""


def _load_weights(model: nn.Module, weights: Mapping[str, Tensor], section: Section) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ArtefactError(f"The weights do not fit the model {section['name']!r}: {error}") from None


def _check_golden(artefact: Artefact, golden: Mapping[str, Tensor], folder: Path) -> None:
    outputs = artefact.outputs(artefact.golden)
    for name, output in outputs.items():
        expected = golden[f"output/{name}"]
        if not output.is_floating_point():
            continue  # the likeliest of two equal classes may be either
        scale = expected.abs().max().clamp_min(1.0)
        if output.shape != expected.shape or ((output - expected).abs() > TOLERANCE * scale).any():
            raise ArtefactError(
                f"{folder} does not give its golden outputs any more ({name!r} differs). "
                "Its files, or the code of the model, were changed since it was written."
            )


def _remove(folder: Path) -> None:
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
