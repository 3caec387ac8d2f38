"""Carrying out members of one recipe in a folder, each in a run folder of its own: in one pass where that pays.

Who learns with whom is decided once, written to `stacking.json` and replayed on resume: a stacked step rounds otherwise
than one alone, so a member must not change sides. It may be killed at any moment; called again, members that are judged
stay, and a pass, or a run, goes on from its last checkpoint.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pellucid import experiment, members, records, rundir
from pellucid import recipe as recipes
from pellucid.errors import RunError
from pellucid.execution import Execution
from pellucid.experiment import Given
from pellucid.recipe import Recipe
from pellucid.rundir import RunFolder
from pellucid.stacking.fitting import fit
from pellucid.stacking.groups import LARGEST, Group, Member, group
from pellucid.stacking.measuring import pays

DECISION = "stacking.json"


@dataclass(frozen=True)
class Job:
    """A run to be made.

    Attributes:
        name: of its folder.
        recipe: with its seed.
        given: with its split.
    """

    name: str
    recipe: Recipe
    given: Given


@dataclass(frozen=True)
class Together:
    """A decision: which members learn together, or one alone, and why; whether they draw random numbers as they do."""

    names: tuple[str, ...]
    stacked: bool
    reason: str
    draws: bool = False


def carry_out(
    folder: RunFolder,
    jobs: Sequence[Job],
    execution: Execution,
    *,
    stack: bool = True,
    after: Callable[[Path], None] = lambda run: None,
) -> list[Together]:
    """Make every run, or go on with it, or leave it as it is; return who learned with whom.

    Args:
        folder: that holds them, locked by this process.
        jobs: as they were before, or more of them.
        stack: let them learn together where that pays.
        after: called with each run's folder when it is done.

    Raises:
        RunError: a run that is there is of another recipe, or began in one pass with others that are no longer wanted.
    """
    decided = _decided(folder, jobs, execution, stack)
    by_name = {job.name: job for job in jobs}
    quiet = jobs[0].given.quiet
    for number, each in enumerate(decided):
        wanted = [by_name[name] for name in each.names if name in by_name]
        left = [job for job in wanted if not members.is_done(folder / job.name, job.given)]
        if each.stacked and left:
            if len(wanted) < len(each.names):
                raise RunError(
                    f"{folder.path} began with {', '.join(each.names)} in one pass, which needs all of them. Ask for "
                    "as many, or choose another --out."
                )
            _tell(quiet, f"{', '.join(each.names)} in one pass. {each.reason}")
            _stacked(folder, wanted, execution, each.draws, f"pass-{number + 1}")
        elif left:
            _tell(quiet, f"{left[0].name} ({jobs.index(left[0]) + 1} of {len(jobs)})")
            members.carry_out(left[0].recipe, folder / left[0].name, replace(left[0].given, execution=execution))
        for job in wanted:
            after(folder / job.name)
    return decided


def _decided(folder: RunFolder, jobs: Sequence[Job], execution: Execution, stack: bool) -> list[Together]:
    """Who learns with whom: as it was decided, and of those that are new by trying and measuring."""
    decided: list[Together] = []
    if (folder / DECISION).exists():
        told = rundir.read_json(folder / DECISION, "groups")["groups"]
        decided = [
            Together(tuple(each["names"]), each["stacked"], each["reason"], each.get("draws", True)) for each in told
        ]
    known = {name for each in decided for name in each.names}
    new = [job for job in jobs if job.name not in known]
    if new:
        begun = [job.name for job in new if (folder / job.name).exists()]
        decided += [Together((name,), False, "It was begun alone.") for name in begun]
        decided += _decide([job for job in new if job.name not in begun], execution, stack)
        folder.write_json(DECISION, {"groups": [asdict(each) for each in decided]})
    return decided


def _decide(jobs: Sequence[Job], execution: Execution, stack: bool) -> list[Together]:
    """Who learns with whom, by trying and measuring."""
    if not jobs:
        return []
    groups = _groups(jobs, execution) if stack and len(jobs) > 1 else []
    decided: list[Together] = []
    for each in groups:
        names = tuple(member.name for member in each.members)
        measured = pays(each, execution)
        if measured.pays:
            decided.append(Together(names, True, measured.reason, each.draws))
        else:
            decided += [Together((name,), False, measured.reason) for name in names]
    if not groups:
        reason = "" if stack else "Stacking was not asked for."
        decided = [Together((job.name,), False, reason) for job in jobs]
    for reason in sorted({each.reason for each in decided if not each.stacked and each.reason}):
        _tell(jobs[0].given.quiet, f"One after another: {reason.removeprefix('One after another: ')}")
    return decided


def _groups(jobs: Sequence[Job], execution: Execution) -> list[Group]:
    """The members by who could learn together; of large nets only the first is assembled."""
    first = _member(jobs[0], execution)
    if sum(parameter.numel() for parameter in first.parts.model.parameters()) > LARGEST:
        (alone,) = group([first], execution)
        return [Group((replace(first, name=job.name),), alone.reason) for job in jobs]
    return group([first, *(_member(job, execution) for job in jobs[1:])], execution)


def _member(job: Job, execution: Execution) -> Member:
    return Member(job.name, job.recipe, experiment.assemble(job.recipe, execution, job.given))


def _stacked(folder: RunFolder, jobs: Sequence[Job], execution: Execution, draws: bool, name: str) -> None:
    """Train a group in one pass, then make the folder of each as if it had been alone, and remove the pass's own."""
    grouped = tuple(_member(job, execution) for job in jobs)
    path = folder / name
    new = not (path / "recipe.toml").exists()
    own = rundir.create(name, recipes.to_toml(jobs[0].recipe), path) if new else rundir.lock(path)
    with own as place:
        place.sweep()
        trained = fit(Group(grouped, "", draws), execution, place, quiet=jobs[0].given.quiet, settled=True)
        settled = records.recorded_execution(place, jobs[0].recipe)
    for job, member, found in zip(jobs, grouped, trained, strict=True):
        run = folder / job.name
        if not members.is_done(run, job.given):
            shutil.rmtree(run, ignore_errors=True)  # a kill came while it was made
            experiment.adopt(
                job.recipe, run, settled, member.parts, job.given, found.weights, found.account, found.lines
            )
    shutil.rmtree(path, ignore_errors=True)


def _tell(quiet: bool, message: str) -> None:
    if not quiet:
        print(message, file=sys.stderr)
