"""What a run's folder keeps of how it began: execution, split, data, layers; and whether that holds as it goes on."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path

from torch import nn

from pellucid import rundir
from pellucid.data import keep
from pellucid.data.columns import Columns
from pellucid.data.split import Split
from pellucid.data.world import World
from pellucid.errors import RunError
from pellucid.execution import Execution, decide
from pellucid.inspection.instruments import Instruments
from pellucid.inspection.layers import describe as describe_layers
from pellucid.recipe import Recipe
from pellucid.rules.rule import Rule
from pellucid.rundir import RunFolder

EXECUTION = "execution.json"
KEPT_DATA = "data/columns.safetensors"


def compare_machines(folder: RunFolder, quiet: bool) -> None:
    """Note the resume, and say so where this machine or its versions may round differently."""
    began, now = rundir.read_json(folder / "environment.json"), rundir.environment()
    folder.note("resumed", environment=now)
    changed = [name for name in ("torch", "numpy", "processor", "platform") if began.get(name) != now[name]]
    if changed and not quiet:
        told = ", ".join(f"{name} was {began.get(name)} and is {now[name]}" for name in changed)
        print(f"The run goes on, but its bytes may differ from an unbroken one's: {told}.", file=sys.stderr)


def recorded_execution(folder: RunFolder, recipe: Recipe) -> Execution:
    """The decision that was recorded; where a kill came before it was, what the recipe says of it."""
    path = folder / EXECUTION
    if not path.exists():
        return decide(recipe.execution)
    recorded = rundir.read_json(path, *(field.name for field in fields(Execution)))
    execution = Execution(**{field.name: recorded[field.name] for field in fields(Execution)})
    here = decide(recipe.execution.model_copy(update={"device": "auto"}))
    if execution.device != "cpu" and execution.device != here.device:
        print(
            f"The run began on {execution.device}; here it goes on on {here.device}, to other bytes.", file=sys.stderr
        )
        folder.note("device", began=execution.device, now=here.device)
        return replace(execution, device=here.device)
    return execution


def kept_split(run: Path) -> Split | None:
    """Return the split of a run that is one of several folds; None where its recipe draws it."""
    path = run / "split.json"
    if not path.exists():
        return None
    values = rundir.read_json(path)
    return Split.from_dict(values) if values.get("fold") else None


def kept_data(run: Path) -> Columns | None:
    """Return the arrays from memory that were kept with a run; None where there are none."""
    return keep.read(run / KEPT_DATA) if (run / KEPT_DATA).exists() else None


def keep_data(folder: RunFolder, recipe: Recipe, columns: Columns | None) -> None:
    """Keep small arrays from memory with the run."""
    if columns is None or recipe.data.source != "arrays" or (folder / KEPT_DATA).exists():
        return
    if keep.num_bytes(columns) <= keep.LARGEST:
        keep.write(columns, folder / KEPT_DATA)


def same_split(folder: RunFolder, world: World) -> None:
    """Write split.json, or refuse data and rows that are not those the run began with."""
    path = folder / "split.json"
    if not path.exists():
        folder.write_json("split.json", world.to_dict(), indent=None)  # tens of thousands of rows
        return
    began = rundir.read_json(path, *world.identity)
    for key, now in world.identity.items():
        if began[key] != now:
            what = "data" if key == "data_hash" else "split"
            raise RunError(
                f"The {what} is not what {folder.path} began with (hash {now[:12]} against {began[key][:12]}). "
                "Restore the files as they were, or train a new run."
            )


def note_layers(folder: RunFolder, model: nn.Module, world: World, rule: Rule) -> None:
    """Write layers.json: the shapes and the cost of each layer, and what its parameters are called."""
    described = describe_layers(model, world.sample()[:1]).to_dict()
    folder.write_json("layers.json", {**described, "parameter_names": Instruments(rule.updates).names})
