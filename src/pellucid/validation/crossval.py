"""k-fold cross-validation: the same recipe as `train`, carried out once per fold, judged on every row.

Everything that is fitted is fitted anew per fold, on the rows that train there: scaling, vocabularies, category tables,
weights. What early stopping looks at is drawn from those rows too (`data/inner.py`). The recipe's test part stays
sealed, and is in no fold. M. Stone, "Cross-validatory choice and assessment of statistical predictions", 1974.

Each fold is a run folder of its own, `OUT/fold-1` and so on, so it may be killed at any moment: called again, finished
folds stay, the one that was interrupted goes on to the bytes that it would have ended with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pellucid import environments, experiment, members, rundir
from pellucid import recipe as recipes
from pellucid.artefacts.artefact import OWN
from pellucid.data import world as worlds
from pellucid.data.columns import Columns
from pellucid.errors import PellucidError, RunError
from pellucid.execution import Execution, decide, threads_kept
from pellucid.experiment import Given, Parts
from pellucid.randomness import undisturbed
from pellucid.recipe import Recipe
from pellucid.rundir import RunFolder
from pellucid.stacking import Job, carry_out
from pellucid.training.interrupt import Interrupted
from pellucid.validation import dealing, page, summary
from pellucid.validation.dealing import Member, Plan

SETTINGS = "crossval.json"
HOW = ("artefacts", "stack")
"""Of the settings, what says nothing of the numbers: a folder keeps to what it began with."""


@dataclass(frozen=True)
class Options:
    """How a cross-validation behaves, beside what it computes."""

    artefacts: bool = False
    """Keep each fold's artefact and last checkpoint."""
    stack: bool = True
    """Let folds learn in one pass where their nets allow it and where it pays."""
    report: bool = True
    quiet: bool = False
    before: Callable[[Recipe, Parts], None] | None = None
    """Called with what was assembled for the first fold, before anything is trained."""


def crossval(
    recipe: Recipe,
    plan: Plan,
    out: Path | None = None,
    columns: Columns | None = None,
    options: Options = Options(),
) -> Path:
    """Cross-validate a recipe, or go on with it where `out` holds the same one unfinished; return the folder.

    Args:
        out: `runs/NAME-crossval` by default, or the first of `runs/NAME-crossval-2` and so on that is free or the same.
        columns: data from memory, where the recipe's source is "arrays".

    Raises:
        PellucidError: the recipe or the data cannot be cross-validated; nothing was made.
        RunError: `out` holds something else.
    """
    plan.check()
    recipe = experiment.resolve(recipe)
    _check(recipe)
    with threads_kept():
        read = columns if columns is not None else worlds.read(recipe.data, worlds.keys_of(recipe))
        if read.schema["input"].kind == "tokens":
            raise PellucidError("A text is one stream, of which no folds are dealt. Use --seeds, or documents.")
        dealt = dealing.members(recipe, worlds.rows_of(recipe, read), plan)
        given = Given(read=read, report=False, quiet=options.quiet, judges_fold=True)
        settings = {"format": 1, **asdict(plan), "data_hash": read.hash, "splits": [each.split.hash for each in dealt]}
        how = {"artefacts": options.artefacts, "stack": options.stack}
        parts = _assembled(dealt[0], decide(recipe.execution), given, options)
        with _folder(recipe, settings | how, out) as folder, undisturbed(), _told_how_to_resume(folder):
            began = rundir.read_json(folder / SETTINGS)
            keeps = began.get("artefacts", False)
            execution = members.settled(folder, dealt[0].recipe, parts, given)
            together = carry_out(
                folder,
                [Job(each.name, each.recipe, replace(given, split=each.split)) for each in dealt],
                execution,
                stack=began.get("stack", options.stack),
                after=lambda run: None if keeps else members.slim(run),
            )
            told = summary.write(folder, plan, dealt, together, read.schema.get("target"))
            if options.report:
                folder.write_text("report.html", page.page(told, folder.path))
            return folder.path


def resume(path: Path, columns: Columns | None = None, options: Options = Options()) -> Path:
    """Go on with a cross-validation that was interrupted or killed.

    Raises:
        RunError: it is none, or its data are not what it began with.
    """
    if not (path / SETTINGS).exists():
        raise RunError(
            f"{path} is no cross-validation: it has no {SETTINGS}. A run goes on by pellucid train --resume."
        )
    settings = rundir.read_json(path / SETTINGS, "folds", "repeats", "seeds")
    plan = Plan(*(int(settings[name]) for name in ("folds", "repeats", "seeds")))
    return crossval(recipes.read(path / "recipe.toml"), plan, path, columns, options)


def _check(recipe: Recipe) -> None:
    """Refuse what has no rows to deal."""
    if recipe.model["name"] == OWN:
        raise PellucidError("Cross-validation makes a model anew for each fold: name one of `pellucid ls models`.")
    if environments.is_named_by(recipe.data.source):
        raise PellucidError(
            f"data.source = {recipe.data.source!r} is an environment, which has no rows to deal into folds. To see how "
            "much depends on chance: pellucid train RECIPE --seeds 5."
        )


def _assembled(member: Member, execution: Execution, given: Given, options: Options) -> Parts:
    """The first fold's parts: what can be refused is refused here, before a folder is made."""
    parts = experiment.assemble(member.recipe, execution, replace(given, split=member.split))
    if options.before is not None:
        options.before(member.recipe, parts)
    return parts


def _folder(recipe: Recipe, settings: dict[str, Any], out: Path | None) -> RunFolder:
    """Make the folder, or take the one that holds the same cross-validation; lock it."""
    toml, name = recipes.to_toml(recipe), f"{recipe.name}-crossval"
    number = 1
    while True:
        path = out or Path("runs") / (name if number == 1 else f"{name}-{number}")
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return rundir.create(name, toml, path, {SETTINGS: settings})
        other = _other(path, toml, settings)
        if not other:
            folder = rundir.lock(path)
            folder.sweep()
            return folder
        if out is not None:
            raise RunError(f"{out} exists already, and {other}. Choose another --out.")
        number += 1


def _other(path: Path, toml: str, settings: dict[str, Any]) -> str:
    """Why a folder does not hold this very cross-validation, whole or not; nothing where it does."""
    if not (path / SETTINGS).is_file() or not (path / "recipe.toml").is_file():
        return "is no cross-validation"
    began = rundir.read_json(path / SETTINGS)
    if (path / "recipe.toml").read_text(encoding="utf-8") != toml:
        return "is a cross-validation of another recipe"
    same = {name for name, value in json.loads(json.dumps(settings)).items() if began.get(name) == value}
    if not {"folds", "repeats", "seeds"} <= same:
        return f"is a cross-validation of {Plan(began['folds'], began['repeats'], began['seeds']).told}"
    if set(settings) - same - set(HOW):
        what = "rows" if "data_hash" not in same else "folds"
        return f"its {what} are not those of now: restore the files as they were to go on with it"
    if settings["artefacts"] and not began.get("artefacts"):
        return "keeps no artefacts"
    return ""


@contextmanager
def _told_how_to_resume(folder: RunFolder) -> Iterator[None]:
    """Turn any Ctrl-C into the sentence that says how to go on with all of it."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(folder.path, "crossval") from None
