"""The straight line: from a recipe to a report. Whoever reads `carry_out` understands the program.

A run is carried out once, by `train`, `resume` or `fit`; each of them only says where the recipe, the data and the
model come from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pellucid import environments, models, provision, records, refusals, reporting, rules, rundir, sources, tasks
from pellucid import recipe as recipes
from pellucid.artefacts import results
from pellucid.artefacts.artefact import OWN
from pellucid.catalogue import configure
from pellucid.data import DATA, augmentations
from pellucid.data import world as data
from pellucid.data.columns import Columns
from pellucid.data.split import Split
from pellucid.data.world import World
from pellucid.errors import RecipeError, RunError, closest
from pellucid.evaluation.evaluate import run as evaluate
from pellucid.execution import Execution, decide, threads_kept
from pellucid.randomness import undisturbed
from pellucid.recipe import Recipe
from pellucid.rules.check import try_out
from pellucid.rules.rule import Rule, Tunable
from pellucid.rundir import RunFolder
from pellucid.sources.shuffled import Shuffled
from pellucid.sources.source import Source
from pellucid.tasks.task import Differentiable, Look, Task
from pellucid.training import fit as training
from pellucid.training.bookkeeping import State
from pellucid.training.interrupt import Interrupted
from pellucid.training.plan import Plan
from pellucid.training.plan import plan as make_plan
from pellucid.training.progress import Progress
from pellucid.training.threads import ThreadWatch
from pellucid.training.tuning import Tuned, tune


@dataclass(frozen=True)
class Given:
    """What a run is given beside its recipe, and how it should behave."""

    columns: Columns | None = None
    """Data from memory, where the recipe's source is "arrays"."""
    module: nn.Module | None = None
    """The user's own model, where the recipe's model is "own"."""
    report: bool = True
    """Write report.html at the end."""
    quiet: bool = False
    """Show no progress."""
    read: Columns | None = None
    """What the recipe's source holds, where it was read for another run already."""
    split: Split | None = None
    """Who is in which part, where the recipe's own split is not meant."""
    judges_fold: bool = False
    """The split's test part is a fold of cross-validation: judge it at the end, beside its baselines."""
    execution: Execution | None = None
    """As it was settled for another run of the same recipe, so that nothing is measured again."""
    before: Callable[[Recipe, Parts], None] | None = None
    """Called with what was assembled before a new run's folder is made: to look at it."""


def resolve(recipe: Recipe) -> Recipe:
    """Return the recipe with every field of its model, task, rule and augmentations filled in.

    Raises:
        RecipeError: every unknown name, unknown field and impossible value of these, at once.
    """
    sections, problems = _configured(recipe.model_dump())
    if problems:
        raise RecipeError(problems, where=f"recipe {recipe.name!r}")
    return recipe.model_copy(update=sections)


def completed(error: RecipeError) -> RecipeError:
    """Add the problems of what the catalogues offer to those of the rest, so that all are told at once."""
    return RecipeError([*error.problems, *_configured(error.values or {})[1]], where=error.where)


def _configured(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The sections that catalogues offer with every field filled in, and what is wrong with those that cannot be."""
    problems: list[str] = []
    sections: dict[str, Any] = {}
    for name, table in (("model", models.MODELS), ("task", tasks.TASKS), ("rule", rules.RULES)):
        section = values.get(name)
        if not isinstance(section, Mapping) or not isinstance(section.get("name"), str):
            continue  # that it has no name is the recipe's own problem
        if name == "model" and section["name"] == OWN:
            continue
        try:
            sections[name] = {"name": section["name"], **configure(table, section, name).model_dump()}
        except RecipeError as error:
            problems += error.problems
    try:
        sections["augment"] = augmentations.resolve(values.get("augment", ()))
    except RecipeError as error:
        problems += error.problems
    return sections, problems


def train(recipe: Recipe, out: Path | None = None, given: Given = Given()) -> Path:
    """Carry out a recipe in a new run folder and return the folder."""
    recipe = resolve(recipe)
    with threads_kept():
        execution = given.execution or decide(recipe.execution)
        parts = assemble(recipe, execution, given)
        if given.before is not None:
            given.before(recipe, parts)
        new = rundir.create(recipe.name, recipes.to_toml(recipe), out)
        with new as folder, told_how_to_resume(folder), undisturbed():
            return carry_out(folder, recipe, execution, parts, given)


def resume(path: Path, given: Given = Given()) -> Path:
    """Go on with a run from its last checkpoint, to the bytes that it would have ended with."""
    with rundir.lock(path) as folder, threads_kept():
        folder.sweep()
        recipe = resolve(recipes.read(path / "recipe.toml"))  # TOML has no word for None
        execution = records.recorded_execution(folder, recipe)
        if recipe.model["name"] == OWN and not any((folder / "checkpoints").glob("step-*.json")):
            raise RunError(f"{path} was stopped before the start of its model was kept. Train it anew.")
        columns = records.kept_data(path) if given.columns is None else given.columns
        given = replace(given, columns=columns, split=given.split or records.kept_split(path))
        parts = assemble(recipe, execution, given)
        records.compare_machines(folder, given.quiet)
        with told_how_to_resume(folder), undisturbed():
            return carry_out(folder, recipe, execution, parts, given)


@contextmanager
def told_how_to_resume(folder: RunFolder) -> Iterator[None]:
    """Turn any Ctrl-C, during the report too, into the sentence that says how to go on."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(folder.path) from None


@dataclass(frozen=True)
class Parts:
    """What learns, from what, how, for how long."""

    world: World
    model: nn.Module
    task: Task
    source: Source
    rule: Rule
    plan: Plan


def assemble(recipe: Recipe, execution: Execution, given: Given) -> Parts:
    """Open the world and build what the recipe names; what can be refused is refused here, before a folder is made."""
    refusals.check_given(recipe, given.columns, given.module)
    execution.begin()
    world = open_world(recipe, execution, given.columns or given.read, given.split)
    refusals.check_validated(recipe, world)
    model = given.module
    if model is None:
        model = models.build(recipe.model, world.spec, seed=recipe.seed, sample=world.sample)
    execution.place(model)
    if not model.training:
        model.train()
    task = tasks.build(recipe.task, world.spec)
    provide(task, recipe, world, execution, given)
    task.check(model, world)
    refusals.check_line_search(recipe, task, model)
    source = sources.build(task.source(model), recipe, world)
    environments.check(recipe)  # after the task and its source, which may have no use for an environment at all
    plan = make_plan(recipe.train, source.steps_per_epoch)
    rule = rules.build(recipe.rule, model, task, execution, plan.total_steps)
    example = source.example()
    rule.check(example)
    if isinstance(task, Differentiable):  # some rules have no use for its loss, and the first look would find it unfit
        try_out(model, lambda: task.loss(model, example), len(example), example["input"].shape[1:])
    return Parts(world, model, task, source, rule, plan)


def open_world(
    recipe: Recipe, execution: Execution, columns: Columns | None = None, split: Split | None = None
) -> World:
    """Open the data or the environment that the recipe names."""
    source = recipe.data.source
    if columns is None and environments.is_named_by(source):
        return environments.open(recipe, execution.device)
    known = {**DATA, **environments.ENVIRONMENTS}  # the closest name may be of either kind
    if columns is None and not data.is_own(source) and source not in known:
        told = f"data.source: there is no {source!r}. {closest(source, known)} A text of your own ends in .txt."
        raise RecipeError([told], where=f"recipe {recipe.name!r}")
    return data.open(recipe, execution.device, columns, split)


def provide(task: Task, recipe: Recipe, world: World, execution: Execution, given: Given) -> None:
    """Give a task what it needs of another run on the same rows, training that first where it is not there yet."""

    if given.split is not None:
        refusals.check_alone(recipe, task)

    def carry_out_quietly(needed: Recipe, out: Path) -> None:
        train(needed, out, Given(given.columns, report=False, quiet=True))

    try:
        provision.provide(task, recipe, world, resolve, carry_out_quietly, given.quiet)
    except Interrupted:
        raise KeyboardInterrupt from None  # what was interrupted is no run of the user's
    finally:
        execution.begin()


def carry_out(folder: RunFolder, recipe: Recipe, execution: Execution, parts: Parts, given: Given) -> Path:
    """Train, keep, judge and tell, in this folder, from wherever it stands."""
    world, model, task, rule = parts.world, parts.model, parts.task, parts.rule
    tuned = settled(folder, recipe, execution, parts, given)
    execution = tuned.execution
    records.same_split(folder, world)
    records.keep_data(folder, recipe, given.columns)
    records.note_layers(folder, parts.model, parts.world, parts.rule)
    results.keep_signals(folder, rule.signals + task.signals)

    def look() -> Look:
        return evaluate(model, task, world, "validation", execution)

    is_validated = world.size("validation") > 0
    outcome = training.fit(
        rule,
        parts.source,
        look if is_validated else None,
        parts.plan,
        folder,
        Progress(parts.plan.total_steps, quiet=given.quiet),
        seed=recipe.seed,
        threads=ThreadWatch(recipe.execution.threads is None and execution.device == "cpu", tuned.alone),
        save_start=given.module is not None,
    )
    return tell(folder, recipe, execution, parts, given, outcome.weights, _account(outcome.state, model), outcome.look)


def adopt(
    recipe: Recipe,
    out: Path,
    execution: Execution,
    parts: Parts,
    given: Given,
    weights: Mapping[str, Tensor],
    account: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
) -> Path:
    """Make the folder of a run that was trained together with others, as if it had been alone.

    Args:
        weights: to keep.
        account: what training came to.
        lines: of metrics.jsonl.
    """
    with rundir.create(recipe.name, recipes.to_toml(recipe), out) as folder:
        folder.write_json(records.EXECUTION, execution.to_dict())
        records.same_split(folder, parts.world)
        records.note_layers(folder, parts.model, parts.world, parts.rule)
        results.keep_signals(folder, parts.rule.signals + parts.task.signals)
        folder.append("metrics.jsonl", [dict(line) for line in lines])
        return tell(folder, recipe, execution, parts, given, weights, account, None)


def tell(
    folder: RunFolder,
    recipe: Recipe,
    execution: Execution,
    parts: Parts,
    given: Given,
    weights: Mapping[str, Tensor],
    account: Mapping[str, Any],
    seen: Look | None,
) -> Path:
    """Keep what was learned as an artefact, judge it, and write the report.

    Args:
        weights: that were learned.
        account: what training came to.
        seen: the validation of these weights, where it was looked at already.
    """
    world, model, task = parts.world, parts.model, parts.task
    model.load_state_dict(weights)
    results.keep_artefact(folder, recipe, world, model, task, execution)
    if not given.judges_fold:
        augmented = parts.source.exhibits() if isinstance(parts.source, Shuffled) else ()
        results.keep_exhibits(folder, world, model, task, execution, augmented)
    folder.write_json("results/training.json", account)
    if world.size("validation") > 0:
        results.keep_look_back(folder, world, model, task, execution)
    if seen is None and world.size("validation") > 0:
        seen = evaluate(model, task, world, "validation", execution)
    results.judge(folder, recipe, world, task, "validation", seen, beside=not given.judges_fold)
    if given.judges_fold:
        world.seal.open()
        results.judge(folder, recipe, world, task, "test", evaluate(model, task, world, "test", execution))
    if given.report:
        reporting.write(folder.path)
    return folder.path


def settled(folder: RunFolder, recipe: Recipe, execution: Execution, parts: Parts, given: Given) -> Tuned:
    """Settle by measuring what the recipe leaves open of the execution, and record it before it is used."""
    tuned = Tuned(execution, {})
    if not (folder / records.EXECUTION).exists():
        if given.execution is None:
            tuned = tune(execution, recipe.execution, parts.rule, parts.source.example(), parts.plan.total_steps)
        folder.write_json(records.EXECUTION, tuned.execution.to_dict())
        if tuned.seconds or tuned.reason:
            folder.note("tuned", chosen=str(tuned))
            if not given.quiet:
                print(tuned, file=sys.stderr)
    tuned.execution.begin()
    if isinstance(parts.rule, Tunable):  # anew: what was compared while measuring was one batch, again and again
        parts.rule.gradient.begin(captured=tuned.execution.variant == "captured")
    return tuned


def _account(state: State, model: nn.Module) -> Mapping[str, Any]:
    """What training came to, for every later answer."""
    return {
        "steps": state.step,
        "best_step": state.best_step,
        "stopped_early": state.stopped_early,
        "samples_per_second": round(state.rows / state.seconds, 1) if state.seconds else 0.0,
        "training_seconds": round(state.seconds, 3),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
