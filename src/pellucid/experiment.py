"""The straight line: from a recipe to a report. Whoever reads `carry_out` understands the program.

A run is carried out once, by `train`, `resume` or `fit`; each of them only says where the recipe, the data and the
model come from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pellucid import environments, models, provision, reporting, rules, rundir, sources, tasks
from pellucid import recipe as recipes
from pellucid.artefacts import results
from pellucid.artefacts.artefact import OWN
from pellucid.catalogue import configure
from pellucid.data import DATA, augmentations, keep
from pellucid.data import world as data
from pellucid.data.columns import Columns
from pellucid.data.split import Split
from pellucid.data.world import World
from pellucid.errors import PellucidError, RecipeError, RunError, closest
from pellucid.evaluation.evaluate import run as evaluate
from pellucid.execution import Execution, decide, threads_kept
from pellucid.inspection.instruments import Instruments
from pellucid.inspection.layers import describe as describe_layers
from pellucid.randomness import undisturbed
from pellucid.recipe import Recipe
from pellucid.rules.check import try_out
from pellucid.rules.rule import Rule, Tunable
from pellucid.rundir import RunFolder
from pellucid.sources.shuffled import Shuffled
from pellucid.sources.source import Source
from pellucid.tasks.task import Borrower, Differentiable, Look, Task
from pellucid.training import fit as training
from pellucid.training.bookkeeping import State
from pellucid.training.interrupt import Interrupted
from pellucid.training.plan import Plan
from pellucid.training.plan import plan as make_plan
from pellucid.training.progress import Progress
from pellucid.training.threads import ThreadWatch
from pellucid.training.tuning import Tuned, tune

EXECUTION = "execution.json"
KEPT_DATA = "data/columns.safetensors"


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
        execution = recorded_execution(folder, recipe)
        if recipe.model["name"] == OWN and not any((folder / "checkpoints").glob("step-*.json")):
            raise RunError(f"{path} was stopped before the start of its model was kept. Train it anew.")
        if given.columns is None and (folder / KEPT_DATA).exists():
            given = replace(given, columns=keep.read(folder / KEPT_DATA))
        given = replace(given, split=given.split or kept_split(folder.path))
        parts = assemble(recipe, execution, given)
        _compare_machines(folder, given)
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
    _check_given(recipe, given)
    execution.begin()
    world = open_world(recipe, execution, given.columns or given.read, given.split)
    _check_validated(recipe, world)
    model = given.module
    if model is None:
        model = models.build(recipe.model, world.spec, seed=recipe.seed, sample=world.sample)
    execution.place(model)
    if not model.training:
        model.train()
    task = tasks.build(recipe.task, world.spec)
    provide(task, recipe, world, execution, given)
    task.check(model, world)
    _check_line_search(recipe, task, model)
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

    if given.split is not None and isinstance(task, Borrower):
        raise PellucidError(
            f"task.name = {recipe.task['name']!r} judges by what another run learned of the same rows, and there is "
            "none for a fold or another piece of them. Use pellucid train RECIPE --seeds 5."
        )

    def carry_out_quietly(needed: Recipe, out: Path) -> None:
        train(needed, out, Given(given.columns, report=False, quiet=True))

    try:
        provision.provide(task, recipe, world, resolve, carry_out_quietly, given.quiet)
    except Interrupted:
        raise KeyboardInterrupt from None  # what was interrupted is no run of the user's
    finally:
        execution.begin()


def _check_given(recipe: Recipe, given: Given) -> None:
    """Refuse a recipe that speaks of another model or other data than what was given, and settings without effect."""
    own = recipe.model["name"] == OWN
    if own and given.module is None:
        raise RunError(
            f"This run trains your own model ({recipe.model.get('class', 'a class')}), whose code it does not keep. "
            "Go on in Python: pellucid.fit(X, y, model=YourModel(), resume=RUN)."
        )
    problems = []
    if given.module is not None and any(map(is_lazy, given.module.parameters())):
        problems.append("model: it has lazy layers whose sizes are not known yet. Run one batch through it first.")
    if given.module is not None and (not own or set(recipe.model) != {"name", "class"}):
        problems.append("model: you gave a model of your own, so the recipe's model has no name or fields to set.")
    if given.columns is not None and recipe.data.source != "arrays":
        problems.append(f"data.source = {recipe.data.source!r}: you gave arrays, so it is 'arrays'.")
    if problems:
        raise RecipeError(problems, where=f"recipe {recipe.name!r}")


def _check_validated(recipe: Recipe, world: World) -> None:
    """Refuse what waits for validations where nothing is validated."""
    if world.size("validation") > 0:
        return
    problems = [
        f"{where}.schedule.name = 'plateau': it waits for validations, and split.validation = 0."
        for where, update in _updates(recipe)
        if update.get("schedule", {}).get("name") == "plateau"
    ]
    if recipe.train.patience is not None:
        problems.insert(0, "train.patience: nothing is validated (split.validation = 0), so nothing can be waited for.")
    if problems:
        raise RecipeError(problems, where=f"recipe {recipe.name!r}")


def _check_line_search(recipe: Recipe, task: Task, model: nn.Module) -> None:
    """Refuse what compares losses from step to step where they are not of the same rows."""
    if recipe.rule.get("optimizer", {}).get("name") == "lbfgs" and (
        recipe.train.batch_size != "all" or task.source(model) != "shuffled" or recipe.augment
    ):
        remedy = 'train.batch_size="all"' if task.source(model) == "shuffled" else "another optimizer, such as adam"
        remedy = "no augment, which changes the rows in every epoch" if recipe.augment else remedy
        message = f"rule.optimizer.name = 'lbfgs' needs the same loss at every step: {remedy}."
        raise RecipeError([message], where=f"recipe {recipe.name!r}")


def _updates(recipe: Recipe) -> list[tuple[str, Mapping[str, Any]]]:
    """The sections of a rule that may hold an optimizer and a schedule: its own, and one for each of its updates."""
    inner = [(f"rule.{name}", section) for name, section in recipe.rule.items() if isinstance(section, Mapping)]
    return [("rule", recipe.rule), *inner]


def carry_out(folder: RunFolder, recipe: Recipe, execution: Execution, parts: Parts, given: Given) -> Path:
    """Train, keep, judge and tell, in this folder, from wherever it stands."""
    world, model, task, rule = parts.world, parts.model, parts.task, parts.rule
    tuned = settled(folder, recipe, execution, parts, given)
    execution = tuned.execution
    _same_split(folder, world)
    _keep_data(folder, recipe, given.columns)
    _note_layers(folder, parts)
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
        folder.write_json(EXECUTION, execution.to_dict())
        _same_split(folder, parts.world)
        _note_layers(folder, parts)
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
    if not (folder / EXECUTION).exists():
        if given.execution is None:
            tuned = tune(execution, recipe.execution, parts.rule, parts.source.example(), parts.plan.total_steps)
        folder.write_json(EXECUTION, tuned.execution.to_dict())
        if tuned.seconds or tuned.reason:
            folder.note("tuned", chosen=str(tuned))
            if not given.quiet:
                print(tuned, file=sys.stderr)
    tuned.execution.begin()
    if isinstance(parts.rule, Tunable):  # anew: what was compared while measuring was one batch, again and again
        parts.rule.gradient.begin(captured=tuned.execution.variant == "captured")
    return tuned


def _compare_machines(folder: RunFolder, given: Given) -> None:
    """Note the resume, and say so where this machine or its versions may round differently."""
    began, now = rundir.read_json(folder / "environment.json"), rundir.environment()
    folder.note("resumed", environment=now)
    changed = [name for name in ("torch", "numpy", "processor", "platform") if began.get(name) != now[name]]
    if changed and not given.quiet:
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


def _keep_data(folder: RunFolder, recipe: Recipe, columns: Columns | None) -> None:
    """Keep small arrays from memory with the run."""
    if columns is None or recipe.data.source != "arrays" or (folder / KEPT_DATA).exists():
        return
    if keep.num_bytes(columns) <= keep.LARGEST:
        keep.write(columns, folder / KEPT_DATA)


def _same_split(folder: RunFolder, world: World) -> None:
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


def _note_layers(folder: RunFolder, parts: Parts) -> None:
    described = describe_layers(parts.model, parts.world.sample()[:1]).to_dict()
    folder.write_json("layers.json", {**described, "parameter_names": Instruments(parts.rule.updates).names})


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
