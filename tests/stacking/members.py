"""Folds of a recipe as members, and how they are trained one after another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pellucid import experiment, rundir
from pellucid import recipe as recipes
from pellucid.data.folds import folds
from pellucid.execution import Execution, decide
from pellucid.experiment import Given
from pellucid.recipe import Recipe
from pellucid.recipes.diabetes import diabetes_mlp
from pellucid.recipes.digits import digits_mlp
from pellucid.rundir import RunFolder
from pellucid.stacking import Member, Trained
from pellucid.training import fit as training
from pellucid.training.progress import Progress
from pellucid.training.threads import ThreadWatch

QUICK: Mapping[str, Any] = {
    "evaluate.baselines": False,
    "execution.threads": 1,
    "execution.variant": "eager",
    "model.hidden": [16],
    "split.test": 0.7,
    "train.epochs": 12,
    "train.log_every": 1,
    "train.batch_size": 32,
}
MADE = {"digits": digits_mlp, "diabetes": diabetes_mlp}


def members(
    settings: Mapping[str, Any], num: int = 3, name: str = "digits", seeds: Sequence[int] | None = None
) -> tuple[list[Member], Execution]:
    """Folds of a small recipe, or one fold by several seeds."""
    quick = {key: value for key, value in QUICK.items() if not (key == "model.hidden" and "model.name" in settings)}
    recipe = experiment.resolve(recipes.override(MADE[name](), {**quick, **settings}))
    execution = decide(recipe.execution)
    columns = experiment.open_world(recipe, execution).columns
    splits = folds(recipe.split, columns, max(num, 2))
    if seeds is not None:
        made = [(f"seed-{seed}", recipe.model_copy(update={"seed": seed}), splits[0]) for seed in seeds]
    else:
        made = [(f"fold-{place + 1}", recipe, split) for place, split in enumerate(splits)]
    return [
        Member(name, own, experiment.assemble(own, execution, Given(split=split))) for name, own, split in made
    ], execution


def folder(path: Path, recipe: Recipe) -> RunFolder:
    """A new run folder."""
    return rundir.create(recipe.name, recipes.to_toml(recipe), path)


def alone(member: Member, execution: Execution, path: Path) -> Trained:
    """Train a member as a run of its own does."""
    parts = member.parts
    seen: list[dict[str, Any]] = []
    with folder(path, member.recipe) as run:
        parts.rule.gradient.begin(captured=False)  # type: ignore[attr-defined]
        outcome = training.fit(
            parts.rule,
            parts.source,
            lambda: experiment.evaluate(parts.model, parts.task, parts.world, "validation", execution),
            parts.plan,
            run,
            Progress(parts.plan.total_steps, quiet=True),
            seed=member.recipe.seed,
            threads=ThreadWatch(False),
        )
        seen = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    state = outcome.state
    account = {"steps": state.step, "best_step": state.best_step, "stopped_early": state.stopped_early}
    return Trained({name: tensor.clone() for name, tensor in outcome.weights.items()}, account, seen)


def classes(member: Member, weights: Mapping[str, torch.Tensor], execution: Execution) -> torch.Tensor:
    """What a member with these weights predicts of its held-out rows."""
    parts = member.parts
    parts.model.load_state_dict(weights)
    look = experiment.evaluate(parts.model, parts.task, parts.world, "validation", execution)
    predicted = look.predictions  # type: ignore[attr-defined]
    return torch.from_numpy(predicted["class"] if "class" in predicted else predicted["number"])
