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
from safetensors.torch import load, save
from torch import Tensor, nn

from pellucid import models, tasks
from pellucid.artefacts import certainty
from pellucid.catalogue import validate
from pellucid.data.batch import tensor_of
from pellucid.data.preprocessing import Preprocessing
from pellucid.errors import ArtefactError
from pellucid.evaluation.evaluate import evaluating
from pellucid.execution import Execution
from pellucid.recipe import Section
from pellucid.rundir import read_json, write_atomically
from pellucid.spec import Spec
from pellucid.tasks.certainty import Calibrated
from pellucid.tasks.task import Answer, Task

VERSION = 1
GOLDEN_ROWS = 8
TOLERANCE = 1e-3
"""Golden outputs may differ by this share of their size: another machine rounds differently, wrong weights do not."""


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
    execution: Execution
    """The precision and layout that the model was judged in."""

    @torch.inference_mode()
    def outputs(self, inputs: NDArray[np.generic]) -> dict[str, Tensor]:
        """Return the model's outputs for raw inputs `[N, *spec.input.shape]`, in the task's units."""
        with evaluating(self.model), self.execution.autocast():
            return self.task.respond(self.model, self.preprocessing, tensor_of(inputs))

    def answer(self, inputs: Any = None, settings: Mapping[str, Any] | None = None) -> list[Answer]:
        """Answer `predict`: rows in the user's words, or whatever the task makes of a question.

        Raises:
            RecipeError: a setting that the task does not know, named as `predict.NAME`.
        """
        asking = validate(self.task.asking, settings or {}, "predict")
        with evaluating(self.model), torch.inference_mode(), self.execution.autocast():
            return self.task.answer(self.model, self.preprocessing, self.golden, inputs, asking)


def write(artefact: Artefact, folder: Path, card: str) -> None:
    """Write an artefact and its card (Markdown) whole: into a folder beside, then renamed over the old one."""
    beside = folder.with_name(f".{folder.name}.part")
    _remove(beside)
    beside.mkdir(parents=True)
    weights = save({name: t.detach().cpu().contiguous().clone() for name, t in artefact.model.state_dict().items()})
    described: dict[str, Any] = {
        "version": VERSION,
        "model": artefact.model_section,
        "task": artefact.task_section,
        "spec": artefact.spec.to_dict(),
        "execution": {"precision": artefact.execution.precision, "layout": artefact.execution.layout},
    }
    golden = {"input": tensor_of(artefact.golden)}
    golden |= {f"output/{name}": tensor.contiguous() for name, tensor in artefact.outputs(artefact.golden).items()}
    files = {
        "model.safetensors": weights,
        "golden.safetensors": save(golden),
        "preprocessing.json": (json.dumps(artefact.preprocessing.to_dict(), indent=1) + "\n").encode(),
    }
    described["sha256"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    for name, content in files.items():
        write_atomically(beside / name, content)
    write_atomically(beside / "model.json", (json.dumps(described, indent=1) + "\n").encode())
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
            f"{folder} is not there: the run has not ended, or it was removed. "
            f"Go on with: pellucid train --resume {folder.parent}"
        )
    described = read_json(folder / "model.json", "sha256", "model", "task", "spec", "execution")
    if described.get("version", 0) > VERSION:
        raise ArtefactError(
            f"{folder} has version {described['version']}; this Pellucid reads up to {VERSION}. Update it."
        )
    files = {name: _read_file(folder / name, digest) for name, digest in described["sha256"].items()}
    golden = load(files["golden.safetensors"])
    spec = Spec.from_dict(described["spec"])
    model = module if module is not None else build_model(described["model"], spec)
    _load_weights(model, load(files["model.safetensors"]), described["model"])
    execution = Execution("cpu", threads=torch.get_num_threads(), variant="eager", **described["execution"])
    execution.place(model)
    preprocessing = Preprocessing.from_dict(json.loads(files["preprocessing.json"]))
    task = tasks.build(described["task"], spec)
    if isinstance(task, Calibrated):
        task.certainty = certainty.read(folder)
    sections = described["model"], described["task"]
    artefact = Artefact(model, task, spec, preprocessing, *sections, golden["input"].numpy(), execution)
    _check_golden(artefact, golden, folder)
    return artefact


def _read_file(path: Path, digest: str) -> bytes:
    again = f"It can be made again: pellucid train --resume {path.parent.parent}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read: {error.strerror}. {again}") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise ArtefactError(f"{path} was altered since it was written. {again}")
    return content


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
        # In units of how much the outputs differ among themselves; a NaN is never within.
        scale = (expected - expected.mean(dim=0)).abs().max().clamp_min(1e-3 * float(expected.abs().max()))
        if output.shape != expected.shape or not ((output - expected).abs() <= TOLERANCE * scale).all():
            raise ArtefactError(
                f"{folder} does not give its golden outputs any more ({name!r} differs). "
                "Its files, or the code of the model, were changed since it was written."
            )


def _remove(folder: Path) -> None:
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
