"""What a task needs of another run: trained on the same rows where it is not there yet, and kept in the cache.

A classifier whose features judge samples, or the start of a transfer, is the artefact of a recipe. Its place in the
cache is a function of the recipe, the rows and the versions; a file lock lets one process train while others wait, and
what a kill leaves lies beside the place, never in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pellucid import recipe as recipes
from pellucid import rundir
from pellucid.artefacts import artefact as artefacts
from pellucid.catalogue import find
from pellucid.data.world import World
from pellucid.errors import ArtefactError, RunError
from pellucid.recipe import Recipe
from pellucid.recipes import RECIPES
from pellucid.tasks.task import Borrower, Learned, Task

Train = Callable[[Recipe, Path], object]
"""Carries a recipe out in a new run folder."""


def provide(
    task: Task, recipe: Recipe, world: World, resolve: Callable[[Recipe], Recipe], train: Train, quiet: bool = True
) -> None:
    """Give a task what it needs; tasks that need nothing are left as they are.

    Args:
        recipe: of the run that the task belongs to; what is needed learns from the same data and the same split.
        resolve: fills in every field of a recipe, so that a changed default is another place in the cache.

    Raises:
        RecipeError: there is no recipe of that name.
        RunError: the cache cannot be written.
    """
    if not isinstance(task, Borrower):
        return
    needed = resolve(_on_the_same_rows(find(RECIPES, task.needs, "task.features").load()(), recipe))
    place = rundir.cache() / "artefacts" / _key(needed, world)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{place.parent} cannot be made: {error.strerror}. Set PELLUCID_CACHE to another folder."
        ) from None
    with _alone(place):
        try:
            learned = _read(place, task.needs)
        except ArtefactError:  # not there, or damaged: it can be made again
            if not quiet:
                print(f"{task.needs!r}, which this task needs, is trained first and kept in {place}.", file=sys.stderr)
            _make(needed, place, train)
            learned = _read(place, task.needs)
    task.borrow(learned)


def _on_the_same_rows(needed: Recipe, recipe: Recipe) -> Recipe:
    """On one thread of the CPU, whatever the run is computed on, so that its bytes do not depend on that."""
    execution = needed.execution.model_copy(update={"device": "cpu", "threads": 1})
    evaluate = needed.evaluate.model_copy(update={"baselines": False})
    same = {"data": recipe.data, "split": recipe.split, "execution": execution, "evaluate": evaluate}
    return needed.model_copy(update=same)


def _key(needed: Recipe, world: World) -> str:
    environment = rundir.environment()
    versions = [environment[name] for name in ("pellucid", "torch", "numpy")]
    question = json.dumps([recipes.to_toml(needed), dict(world.identity), versions])
    return hashlib.sha256(question.encode()).hexdigest()


def _make(needed: Recipe, place: Path, train: Train) -> None:
    """Train beside the place, then move the artefact alone into it."""
    beside = place.with_name(f".{place.name}.part")
    for left in (beside, place):
        shutil.rmtree(left, ignore_errors=True)
    try:
        train(needed, beside)
        (beside / "artefact").rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _read(place: Path, name: str) -> Learned:
    kept = artefacts.read(place)
    described = rundir.read_json(place / "model.json")
    kept.model.eval()
    return Learned(name, kept.model, kept.preprocessing, described["sha256"]["model.safetensors"])


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Wait until no other process makes what belongs in a place; a lock ends with its process."""
    with place.with_name(f"{place.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
