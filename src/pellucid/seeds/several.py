"""Several runs of one recipe that differ in the seed alone: `OUT/seed-0`, `OUT/seed-1` and so on; then their summary.

What is finished stays when it is called again, and what was interrupted goes on (`members`). They may learn in one pass
(`stacking`), with the numbers of one by one but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid import experiment, members, rundir
from pellucid.errors import PellucidError
from pellucid.execution import decide, threads_kept
from pellucid.experiment import Given
from pellucid.randomness import undisturbed
from pellucid.recipe import Recipe
from pellucid.records import EXECUTION
from pellucid.seeds import page, summary
from pellucid.stacking import Job, carry_out
from pellucid.stacking.carrying import DECISION

FOLDER, PASS = "seed-", "pass-"
OURS = (summary.FILE, "report.html", EXECUTION, DECISION, "journal.jsonl", ".lock")
MOST = 2**63
"""Seeds are below this."""


def train(
    recipe: Recipe, num: int, out: Path | None = None, given: Given | None = None, *, stack: bool = False
) -> Path:
    """Carry a recipe out with `num` seeds, from its own on, and return the folder of them all.

    Args:
        out: `runs/NAME-seeds` by default.
        stack: let them learn in one pass where their nets allow it and where it pays.

    Raises:
        PellucidError: `num` is below 2, for which there is no interval, or the seeds are too large.
        RunError: `out` holds something else, or runs of another recipe, or is written by another process.
    """
    if num < 2:
        raise PellucidError(f"seeds = {num}: expected 2 or more, for an interval. For one run leave it out.")
    if recipe.seed + num > MOST:
        raise PellucidError(f"seed = {recipe.seed}: the {num} seeds from there on would reach {MOST}. Begin lower.")
    recipe, given = experiment.resolve(recipe), given or Given()
    folder = out if out is not None else Path("runs") / f"{recipe.name}-seeds"
    members.check(folder, (FOLDER, PASS), OURS, "runs by seed")
    seeds = [recipe.model_copy(update={"seed": seed}) for seed in range(recipe.seed, recipe.seed + num)]
    runs = [folder / f"{FOLDER}{each.seed}" for each in seeds]
    for each, run in zip(seeds, runs, strict=True):
        if run.exists():
            members.check_recipe(run, each)
    if stack or (folder / DECISION).exists():  # what began in one pass goes on in it
        _together(folder, seeds, given, stack)
    else:
        for each, run in zip(seeds, runs, strict=True):
            members.carry_out(each, run, given)
    told = summary.of(folder, runs, recipe)
    rundir.write_atomically(folder / summary.FILE, summary.as_bytes(told))
    if given.report:
        rundir.write_atomically(folder / "report.html", page.page(told, runs).encode())
    return folder


def _together(folder: Path, seeds: Sequence[Recipe], given: Given, stack: bool) -> None:
    """Carry the seeds out, those in one pass for which that pays."""
    with threads_kept():
        first = experiment.assemble(seeds[0], decide(seeds[0].execution), given)
        if given.before is not None:
            given.before(seeds[0], first)
        folder.mkdir(parents=True, exist_ok=True)
        with rundir.hold(folder) as held, undisturbed():
            held.sweep()
            execution = members.settled(held, seeds[0], first, given)
            jobs = [Job(f"{FOLDER}{each.seed}", each, replace(given, before=None)) for each in seeds]
            carry_out(held, jobs, execution, stack=stack)


def result(folder: Path) -> dict[str, Any]:
    """Return what several runs came to, as it was kept."""
    told: dict[str, Any] = rundir.read_json(folder / summary.FILE)
    return told
