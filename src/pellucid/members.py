"""Members: the runs of a folder that holds several. Each is a run like any other.

Called again, what is finished stays, what was interrupted goes on, and what is missing is made; so it may be killed at
any moment.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pellucid import experiment, records, rundir
from pellucid import recipe as recipes
from pellucid.errors import RunError
from pellucid.execution import Execution, decide
from pellucid.experiment import Given, Parts
from pellucid.recipe import Recipe
from pellucid.rundir import RunFolder

HEAVY = ("artefact", "checkpoints")
"""What a member is rid of where its scores alone are asked for."""


def check(folder: Path, prefixes: tuple[str, ...], ours: Sequence[str], what: str) -> None:
    """Refuse a folder that holds a single run, or something that is none of ours.

    Args:
        prefixes: how the members' names begin.
        ours: what may lie beside them.
        what: the members are, in words.
    """
    if not folder.exists():
        return
    others = [folder]
    if folder.is_dir():
        others = [
            path
            for path in folder.iterdir()
            if not (path.name in ours or path.name.startswith(prefixes) or path.name.endswith(".part"))
        ]
    if others:
        raise RunError(f"{folder} holds other things than {what} ({others[0].name}). Choose another --out.")


def is_done(run: Path, given: Given) -> bool:
    """Whether nothing of a run is missing: its result is written after all but the page.

    Of a fold, what all folds are summed up from must be there too: a file that was lost is made anew with its run.
    """
    wanted = ["results/validation.json"]
    if given.judges_fold:
        wanted = ["results/test.json", "predictions/test-scores.safetensors", "predictions/test-scores.json"]
    return all((run / name).exists() for name in [*wanted, *["report.html"] * given.report])


def carry_out(recipe: Recipe, run: Path, given: Given) -> None:
    """Make a run, go on with it, or leave it as it is.

    Raises:
        RunError: what lies there was trained with another recipe, or on other rows than were given.
    """
    if not run.exists():
        experiment.train(recipe, run, given)
        return
    check_recipe(run, recipe)
    if not is_done(run, given):
        experiment.resume(run, given)


def check_recipe(run: Path, recipe: Recipe) -> None:
    """Refuse a run of another recipe."""
    rundir.check(run)
    if (run / "recipe.toml").read_text(encoding="utf-8") != recipes.to_toml(recipe):
        raise RunError(
            f"{run} was trained with another recipe. Choose another --out, or remove it; "
            f"{run}/recipe.toml is what it was trained with."
        )


def check_rows(run: Path, data_hash: str, split_hash: str) -> None:
    """Refuse a run that learned from other rows than it would now."""
    began = rundir.read_json(run / "split.json", "data_hash", "hash")
    if (began["data_hash"], began["hash"]) != (data_hash, split_hash):
        what = "data" if began["data_hash"] != data_hash else "split"
        raise RunError(
            f"The {what} is not what {run} learned from. Restore the files as they were, or choose another --out."
        )


def execution_of(run: Path, recipe: Recipe) -> Execution:
    """Return what was settled for a run, so that the others replay it."""
    with rundir.lock(run) as folder:
        return records.recorded_execution(folder, recipe)


def settled(folder: RunFolder, recipe: Recipe, parts: Parts, given: Given) -> Execution:
    """Settle by the first member's parts, once, how all of a folder are computed, and keep it there."""
    if (folder / records.EXECUTION).exists():
        return records.recorded_execution(folder, recipe)
    return experiment.settled(folder, recipe, decide(recipe.execution), parts, given).execution


def slim(run: Path) -> None:
    """Remove a finished run's weights; its scores, predictions and curves stay."""
    for name in HEAVY:
        shutil.rmtree(run / name, ignore_errors=True)
