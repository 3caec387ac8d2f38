"""Several runs of one recipe that differ in the seed alone: `OUT/seed-0`, `OUT/seed-1` and so on; then their summary.

What is finished stays when it is called again, and what was interrupted goes on (`members`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pellucid import experiment, members, rundir
from pellucid.errors import PellucidError
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
    members.check(folder, FOLDER, (summary.FILE, "report.html"), "runs by seed")
    runs = []
    for seed in range(recipe.seed, recipe.seed + num):
        run = folder / f"{FOLDER}{seed}"
        members.carry_out(recipe.model_copy(update={"seed": seed}), run, given)
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
