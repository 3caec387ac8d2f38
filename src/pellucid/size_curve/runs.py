"""The runs of a size curve: `OUT/size-N-draw-R`, each on a subset of the training rows, then their summary.

Every run makes as many steps as the recipe does on all rows, and validates as often. With the recipe's epochs a small
size would make fewer steps and be worse for want of them: the curve would be steeper than the data makes it, and more
data would promise what more steps give. That a small size is then trained for longer than is good for it does no harm,
for the best weights by validation are kept, at every size out of as many. A size below the recipe's batch is one batch.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pellucid import experiment, members, refusals, rundir
from pellucid.data.columns import Columns
from pellucid.data.draws import classes_of
from pellucid.data.rows import Rows
from pellucid.errors import PellucidError
from pellucid.execution import decide, threads_kept
from pellucid.experiment import Given
from pellucid.recipe import Recipe
from pellucid.size_curve import page, subsets, summary
from pellucid.size_curve.subsets import Subset
from pellucid.training.plan import Plan

FOLDER = "size-"
NUM_DRAWS = 3
MOST_SEED = 2**63


@dataclass(frozen=True)
class Planned:
    """What all runs of a curve share.

    Attributes:
        recipe: with the length and the rhythm that all sizes are given; its seed is the first draw's.
        columns: the data.
        split: hash of the recipe's own split.
        subsets: who learns in each run, in the order in which they are made.
    """

    recipe: Recipe
    columns: Columns
    split: str
    subsets: Sequence[Subset]


def train(
    recipe: Recipe,
    sizes: int | Sequence[int] = subsets.NUM_SIZES,
    num_draws: int = NUM_DRAWS,
    out: Path | None = None,
    given: Given | None = None,
    keep: bool = False,
) -> Path:
    """Train a recipe on several sizes of its training part, and return the folder of all runs.

    Args:
        sizes: how many, or how many rows each.
        num_draws: of each size, subsets that are drawn anew, with other seeds; of all rows other seeds alone.
        out: `runs/NAME-curve` by default.
        given: its report is the curve's; runs have none of their own.
        keep: keep the weights of every run too.

    Raises:
        PellucidError: there is nothing to draw subsets of, nothing to judge by, or too few rows.
        RunError: `out` holds something else, or runs of another recipe or of other data.
    """
    recipe, given = experiment.resolve(recipe), given or Given()
    _check(recipe, num_draws)
    folder = out if out is not None else Path("runs") / f"{recipe.name}-curve"
    members.check(folder, (FOLDER,), ("results", "report.html"), "runs by size")
    planned = plan(recipe, sizes, num_draws, given)
    runs = []
    for number, subset in enumerate(planned.subsets):
        run = folder / f"{FOLDER}{subset.size}-draw-{subset.draw + 1}"
        if not given.quiet and not (run / "results/validation.json").exists():
            begins = f"{subset.rows:,} rows, draw {subset.draw + 1} (run {number + 1} of {len(planned.subsets)})"
            print(begins, file=sys.stderr)
        member = member_of(planned.recipe, subset)
        members.carry_out(member, run, replace(given, split=subset.split, report=False, before=None))
        members.check_rows(run, planned.columns.hash, subset.split.hash if subset.split else planned.split)
        if given.execution is None:
            given = replace(given, execution=members.execution_of(run, member))
        if not keep:
            members.slim(run)
        runs.append(run)
    told = summary.of(folder, planned.subsets, runs)
    (folder / "results").mkdir(exist_ok=True)
    rundir.write_atomically(folder / summary.FILE, summary.as_bytes(told))
    if given.report:
        rundir.write_atomically(folder / "report.html", page.page(told).encode())
    return folder


def result(folder: Path) -> dict[str, Any]:
    """Return what a size curve came to, as it was kept."""
    told: dict[str, Any] = rundir.read_json(folder / summary.FILE)
    return told


def plan(recipe: Recipe, sizes: int | Sequence[int], num_draws: int, given: Given) -> Planned:
    """Assemble the recipe once, to see how many rows and steps it has, and draw the subsets."""
    with threads_kept():
        parts = experiment.assemble(recipe, given.execution or decide(recipe.execution), given)
        if given.before is not None:
            given.before(recipe, parts)
    world = parts.world
    refusals.check_alone(recipe, parts.task)  # now, not after the largest size, which is the recipe's own split
    if not isinstance(world, Rows):
        raise PellucidError(f"{recipe.name}: a size curve needs rows of data to take some of, and this has none.")
    if world.size("validation") == 0:
        raise PellucidError("split.validation = 0: a size curve is judged on validation. Give it a share.")
    labels = classes_of(world.columns)
    num_classes = 0 if labels is None else len(world.columns.schema["target"].categories)
    wanted = subsets.sizes_of(sizes, len(world.split.parts["train"]), num_classes)
    drawn = subsets.subsets(world.split, world.columns, wanted, num_draws)
    return Planned(_of_one_length(recipe, parts.plan), world.columns, world.split.hash, drawn)


def member_of(recipe: Recipe, subset: Subset) -> Recipe:
    """Return the recipe of one run: the draw's seed, and batches of no more rows than there are."""
    size = recipe.train.batch_size
    train = recipe.train.model_copy(update={"batch_size": size if size == "all" else min(size, subset.rows)})
    return recipe.model_copy(update={"seed": recipe.seed + subset.draw, "train": train})


def _of_one_length(recipe: Recipe, plan: Plan) -> Recipe:
    """The recipe with the steps, and the steps between validations, that it comes to on all rows."""
    rhythm = {"epochs": None, "steps": plan.total_steps, "evaluate_every": plan.evaluate_every}
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={**rhythm, "log_every": plan.log_every})})


def _check(recipe: Recipe, num_draws: int) -> None:
    if num_draws < 2:
        raise PellucidError(f"draws = {num_draws}: expected 2 or more, for an interval.")
    if recipe.seed + num_draws > MOST_SEED:
        raise PellucidError(f"seed = {recipe.seed}: {num_draws} seeds from there on would reach {MOST_SEED}.")
