"""Training a group in one pass: `training.fit` with a rule and a source of their own, and each member's books after it.

What each member would have written while it was trained alone (its lines of metrics.jsonl, what training came to, the
weights to keep) is taken from the pass's own folder, whose checkpoints hold all of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from pellucid import checkpoint, experiment, records, rules
from pellucid.catalogue import configure
from pellucid.errors import TrainingFailed
from pellucid.evaluation.evaluate import run as evaluate
from pellucid.execution import Execution
from pellucid.experiment import Given
from pellucid.nn.stacked import Stacked as StackedModel
from pellucid.nn.stacked import write
from pellucid.optim.update import UpdateConfig
from pellucid.rules.stacked import Stacked as StackedRule
from pellucid.rules.standing import Standing
from pellucid.rundir import RunFolder
from pellucid.sources.stacked import Stacked as StackedSource
from pellucid.stacking.groups import Group, Member, differentiable, sources_of
from pellucid.tasks.score import Score, mean_score
from pellucid.tasks.task import Look, Scored
from pellucid.training import fit as training
from pellucid.training.bookkeeping import State
from pellucid.training.progress import Progress
from pellucid.training.threads import ThreadWatch


@dataclass(frozen=True)
class Trained:
    """What a member's training leaves.

    Attributes:
        weights: to keep, under the names of the member's own model.
        account: what training came to, as results/training.json holds it. The seconds are the member's share.
        lines: of metrics.jsonl.
    """

    weights: Mapping[str, Tensor]
    account: Mapping[str, Any]
    lines: list[dict[str, Any]]


@dataclass(frozen=True)
class Pass:
    """What learns in one pass, from what."""

    model: StackedModel
    rule: StackedRule
    source: StackedSource


def assemble(group: Group, execution: Execution) -> Pass:
    """Stack the members of a group, from where their models stand."""
    recipe, plan = group.members[0].recipe, group.members[0].parts.plan
    model = StackedModel([member.parts.model for member in group.members])
    config = configure(rules.RULES, recipe.rule, "rule")
    assert isinstance(config, UpdateConfig)
    rule = StackedRule(
        config,
        model,
        differentiable(group.members),
        execution,
        plan.total_steps,
        names=[member.name for member in group.members],
        standing=Standing(model.tensors(), len(group.members), plan.patience, plan.keep),
        log_every=plan.log_every,
        draws=group.draws,
    )
    return Pass(model, rule, StackedSource(sources_of(group.members), execution.device))


def fit(
    group: Group,
    execution: Execution,
    folder: RunFolder,
    quiet: bool = False,
    save_start: bool = False,
    settled: bool = False,
) -> list[Trained]:
    """Train a group, from wherever its folder stands: called again after a kill it ends with the same bytes.

    Args:
        group: its members as they were assembled.
        execution: what is left open of it is settled by measuring, and kept in the folder.
        settled: nothing is left open: it was settled for a member.
        folder: of the pass, locked by this process; it holds nothing else.
        quiet: show no progress.
        save_start: write a checkpoint of the untouched nets first, where their weights do not follow from the recipe.

    Raises:
        Interrupted: Ctrl-C or SIGTERM, after a checkpoint.
        MemberFailed: the loss or the gradient of one of them is not finite.
    """
    recipe, parts = group.members[0].recipe, group.members[0].parts
    if (folder / records.EXECUTION).exists():
        execution = records.recorded_execution(folder, recipe)
    stacked = assemble(group, execution)
    whole = replace(parts, model=stacked.model, rule=stacked.rule, source=stacked.source)
    tuned = experiment.settled(
        folder, recipe, execution, whole, Given(quiet=quiet, execution=execution if settled else None)
    )
    is_validated = parts.world.size("validation") > 0

    def look() -> Look:
        return _judge(group.members, stacked, tuned.execution)

    outcome = training.fit(
        stacked.rule,
        stacked.source,
        look if is_validated else None,
        parts.plan,
        folder,
        Progress(parts.plan.total_steps, quiet=quiet),
        seed=recipe.seed,
        threads=ThreadWatch(recipe.execution.threads is None and execution.device == "cpu", tuned.alone),
        save_start=save_start,
    )
    standing = stacked.rule.standing
    with stacked.rule.averaged():
        for place in range(len(group.members)):
            if not standing.is_final(place):
                standing.keep(place, stacked.model.tensors())
    text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    return [_trained(member, place, standing, outcome.state, lines) for place, member in enumerate(group.members)]


def _judge(members: Sequence[Member], stacked: Pass, execution: Execution) -> Scored:
    """Judge each member that is still learning on its own validation part."""
    scores: dict[str, Score] = {}
    standing = stacked.rule.standing
    tensors, step = stacked.model.tensors(), stacked.rule.update.steps
    for place, member in enumerate(members):
        if standing.members[place].stopped_at is not None:
            continue
        parts = member.parts
        write(parts.model, {name: stack[place] for name, stack in tensors.items()})
        seen = evaluate(parts.model, parts.task, parts.world, "validation", execution)
        values = {name: score.value for name, score in seen.scores.items()}
        if not all(map(math.isfinite, values.values())):
            raise TrainingFailed(f"The validation of {member.name} after step {step} gave {values}: not finite.")
        better = standing.judge(place, step, seen.rank, tensors)
        told = {**values, "best": float(better)}
        scores |= {f"{member.name}/{name}": mean_score(np.array([value]), "max") for name, value in told.items()}
    return Scored("validation", "member", scores, (float(standing.improvements),))


def _trained(member: Member, place: int, standing: Standing, state: State, lines: Sequence[dict[str, Any]]) -> Trained:
    model, stood = member.parts.model, standing.members[place]
    write(model, {name: kept[place] for name, kept in standing.kept.items()})
    own = [_own(line, member.name) for line in lines]
    steps = stood.stopped_at or state.step
    seconds = state.seconds / len(standing.members)
    account = {
        "steps": steps,
        "best_step": stood.best_step,
        "stopped_early": stood.stopped_at is not None,
        "samples_per_second": round(state.rows / state.seconds, 1) if state.seconds else 0.0,
        "training_seconds": round(seconds, 3),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    return Trained(
        checkpoint.module_state(model), account, [line for line in own if line is not None and line["step"] <= steps]
    )


def _own(line: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """A line of the pass as a member would have written it; None where it tells nothing of that member."""
    told = line["metrics"] if line["kind"] == "validation" else line
    values = {key.removeprefix(f"{name}/"): value for key, value in told.items() if key.startswith(f"{name}/")}
    if not values:
        return None
    shared = {key: line[key] for key in ("kind", "step", "epoch")}
    if line["kind"] == "validation":
        best = bool(values.pop("best"))
        return {**shared, "metrics": values, "best": best, "seconds": line["seconds"]}
    lists: dict[str, list[float | None]] = {"gradient_norms": [], "update_ratios": []}
    for key, column in lists.items():
        for index in range(sum(own.startswith(f"{key}/") for own in values)):
            value = values.pop(f"{key}/{index}")
            column.append(None if value is None else float(f"{value:.6g}"))
    rate = {"learning_rate": line["learning_rate"]}
    return {**shared, "loss": values["loss"], "gradient_norm": values["gradient_norm"], **rate, **lists} | {
        "seconds": line["seconds"]
    }
