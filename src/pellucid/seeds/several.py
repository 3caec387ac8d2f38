"""Several runs of one recipe that differ in the seed alone: `OUT/seed-0`, `OUT/seed-1` and so on, then their summary.

Each is a run like any other. Called again, what is finished stays, what was interrupted goes on, and what is missing is
made; so it may be killed at any moment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pellucid import experiment, rundir
from pellucid import recipe as recipes
from pellucid.errors import PellucidError, RunError
from pellucid.experiment import Given
from pellucid.recipe import Recipe
from pellucid.seeds import page, summary

FOLDER = "seed-"
MOST = 2**63
"""Seeds are below this."""


def train(recipe: Recipe, num: int, out: Path | None = None, given: Given | None = None) -> Path:
    """Carry a recipe out with `num` seeds, from its own on, and return the folder of them all.

    Args:
        out: `runs/NAME-seeds` by default.

    Raises:
        PellucidError: `num` is below 2, for which there is no interval, or the seeds are too large.
        RunError: `out` holds something else, or runs of another recipe.
    """
    if num < 2:
        raise PellucidError(f"seeds = {num}: expected 2 or more, for an interval. For one run leave it out.")
    if recipe.seed + num > MOST:
        raise PellucidError(f"seed = {recipe.seed}: the {num} seeds from there on would reach {MOST}. Begin lower.")
    recipe, given = experiment.resolve(recipe), given or Given()
    folder = out if out is not None else Path("runs") / f"{recipe.name}-seeds"
    _check(folder)
    runs = []
    for seed in range(recipe.seed, recipe.seed + num):
        run = folder / f"{FOLDER}{seed}"
        _carry_out(recipe.model_copy(update={"seed": seed}), run, given)
        runs.append(run)
    told = summary.of(folder, runs, recipe)
    rundir.write_atomically(folder / summary.FILE, summary.as_bytes(told))
    if given.report:
        rundir.write_atomically(folder / "report.html", page.page(told, runs).encode())
    return folder


def result(folder: Path) -> dict[str, Any]:
    """Return what several runs came to, as it was kept."""
    told: dict[str, Any] = rundir.read_json(folder / summary.FILE)
    return told


def _check(folder: Path) -> None:
    """Refuse a folder that holds a single run, or something that is none of ours."""
    if not folder.exists():
        return
    others = [] if folder.is_dir() else [folder]
    if folder.is_dir():
        ours = (summary.FILE, "report.html")
        others = [
            path
            for path in folder.iterdir()
            if not (path.name in ours or path.name.startswith(FOLDER) or path.name.endswith(".part"))
        ]
    if others:
        raise RunError(f"{folder} holds other things than runs by seed ({others[0].name}). Choose another --out.")


def _carry_out(recipe: Recipe, run: Path, given: Given) -> None:
    """Make a run, go on with it, or leave it as it is."""
    if not run.exists():
        experiment.train(recipe, run, given)
        return
    rundir.check(run)
    if (run / "recipe.toml").read_text(encoding="utf-8") != recipes.to_toml(recipe):
        raise RunError(
            f"{run} was trained with another recipe. Choose another --out, or remove it; "
            f"{run}/recipe.toml is what it was trained with."
        )
    pages = ("report.html",) if given.report else ()
    if not all((run / name).exists() for name in ("results/validation.json", *pages)):
        experiment.resume(run, given)
