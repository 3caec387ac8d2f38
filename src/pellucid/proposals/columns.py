"""A first recipe for arrays, IDX files and CIFAR: what the rows hold is known once they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid import recipe as recipes
from pellucid.data import array_files, kinds
from pellucid.data.columns import Columns
from pellucid.errors import DataError
from pellucid.proposals import TASKS_OF, Proposal, batch_size, name_of
from pellucid.recipe import DataSection, Section
from pellucid.spec import Field

MOST_JUDGING = 5000
"""Rows that validate at most: they tell accuracies apart that differ by a hundredth."""
SMALL = 32
"""Pixels of a side, up to which a grey image is one figure, as a digit is, and a plain convolutional net suffices."""
CONVNET_PIXELS, RESNET_PIXELS = 200_000_000, 80_000_000
"""Pixels looked at in about a minute on two cores, by each of the nets."""
PASSES, STEPS, PATIENCE = (1, 30), 6000, 15
"""Of images, epochs at least and at most; of numbers, about how many steps, and validations without a better one."""


def propose(path: Path, section: DataSection, model: str | None) -> Proposal:
    """Return a small net on rows whose kind was read off them: convolutional for images, else a multilayer perceptron.

    Raises:
        DataError: the files cannot be read, or hold nothing to predict.
    """
    assert section.kind is not None
    columns = kinds.reader(section.kind)(section, ())
    target = columns.schema.get("target")
    if target is None:
        raise DataError(
            f"{path} holds nothing to predict. Put it beside what is learned from: y in the same .npz, or y.npy in the "
            "same folder; another name is told by --target."
        )
    rows = len(columns.given.get("train", range(len(columns))))
    validation = 0.0 if "validation" in columns.given else min(0.15, round(MOST_JUDGING / rows, 4))
    trained = max(1, int(rows * (1 - validation - (0 if columns.given else 0.15))))
    field = columns.schema["input"]
    chosen = _images(section, field, trained) if field.kind == "image" else _numbers(trained)
    made = recipes.parse(
        {
            "name": name_of(path.resolve().stem) or section.kind,
            "data": {**section.model_dump(), **_inferred(section, target)},
            "split": {"kind": _split(columns, target), "validation": validation or 0.15},
            "task": {"name": TASKS_OF[target.kind]},
            **chosen,
            **({} if model is None else {"model": {"name": model}}),
        },
        where=str(path),
    )
    return Proposal(made, told(columns, section))


def _images(section: DataSection, field: Field, rows: int) -> dict[str, Any]:
    """The sections of a recipe for images `[channels, height, width]`."""
    channels, height, width = field.shape
    shortest, longest = min(height, width), max(height, width)
    if section.kind == "cifar":
        return _photographs()
    model: Section = {"name": "convnet"}
    pixels, rate = CONVNET_PIXELS, 2e-3
    if shortest < 4:  # nothing is left after two halvings
        model = {"name": "mlp"}
    elif shortest >= 8 and (channels != 1 or longest > SMALL):
        pixels, model, rate = RESNET_PIXELS, {"name": "resnet", "depth": 8, "width": 16}, 4e-3
    return {
        "model": model,
        "rule": _rule({"name": "adamw", "learning_rate": rate, "weight_decay": 1e-2}, "one_cycle"),
        "train": {
            "epochs": min(PASSES[1], max(PASSES[0], round(pixels / (rows * height * width)))),
            "batch_size": batch_size(rows, 128),
        },
    }


def _photographs() -> dict[str, Any]:
    """The sections of a recipe for CIFAR's photographs, which mean the same mirrored and a little aside."""
    return {
        "augment": [{"name": "flip"}, {"name": "crop", "pad": 4}],
        "model": {"name": "convnet", "widths": [32, 64, 128]},
        "rule": _rule({"name": "adamw", "learning_rate": 8e-3, "weight_decay": 5e-2}, "one_cycle"),
        "train": {"epochs": 16, "batch_size": 128},
        "execution": {"precision": "bf16"} if _computes_bf16() else {},
    }


def _numbers(rows: int) -> dict[str, Any]:
    """The sections of a recipe for a matrix of numbers."""
    size = batch_size(rows, 256)
    return {
        "model": {"name": "mlp"},
        "rule": _rule({"name": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-2}, "cosine"),
        "train": {"epochs": min(60, max(4, round(STEPS * size / rows))), "batch_size": size, "patience": PATIENCE},
    }


def _rule(optimizer: Section, schedule: str) -> Section:
    return {"name": "backpropagation", "optimizer": optimizer, "schedule": {"name": schedule}}


def _computes_bf16() -> bool:
    """Whether this machine multiplies in bfloat16 by instructions of its own; by others it would be slower."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def _split(columns: Columns, target: Field) -> str:
    if columns.given:
        return "given"
    return "random" if target.kind == "number" else "stratified"


def _inferred(section: DataSection, target: Field) -> Mapping[str, Any]:
    """What the data section of arrays must say so that the same is read again, whatever the defaults become."""
    if section.kind != "arrays":
        return {}
    arrays = array_files.arrays_at(Path(section.source))
    inputs, asked = array_files.roles(arrays, section)
    return {"input": inputs, "target": asked, "types": {asked: target.kind}}


def told(columns: Columns, section: DataSection) -> list[str]:
    """Return lines that say what was found."""
    inputs, target = columns.schema["input"], columns.schema["target"]
    names = _inferred(section, target)
    lines = []
    if names:
        lines.append(f"{names['input']} is learned from, {names['target']} is asked for")
    if inputs.kind == "image":
        channels, height, width = inputs.shape
        unit = {"byte": "whole numbers in 0 to 255", "share": "numbers in 0 to 1", "own": "in a unit of their own"}
        colour = "1 channel" if channels == 1 else f"{channels} channels"
        lines.append(f"input: {len(columns):,} images, {width}x{height}, {colour}, {unit[inputs.unit]}")
    else:
        lines.append(f"input: {len(columns):,} rows of {inputs.size} numbers")
    if target.kind == "number":
        lines.append(f"target: numbers, {target.size} per row")
    else:
        shown = ", ".join(target.categories[:10]) + (", ..." if len(target.categories) > 10 else "")
        several = "labels, of which a row may have several" if target.kind == "labels" else "classes"
        lines.append(f"target: {len(target.categories)} {several}: {shown}")
    if columns.given:
        lines.append("given: " + ", ".join(f"{part} {len(rows):,}" for part, rows in columns.given.items()))
    return lines
