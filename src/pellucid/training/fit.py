"""The loop. It knows `rule.step(source.next())` and nothing of what is learned, from what, or how.

Everything that the next step depends on is in the checkpoint or is a function of (seed, step). So a run that was
killed and resumed ends with the same bytes as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from pellucid.optim.update import NonFinite
from pellucid.randomness import StepNoise
from pellucid.rules.rule import Rule
from pellucid.rundir import RunFolder
from pellucid.sources.source import Source
from pellucid.tasks.task import Look
from pellucid.training import failure
from pellucid.training.bookkeeping import Bookkeeping, State
from pellucid.training.interrupt import Interrupted, deferred
from pellucid.training.plan import Plan
from pellucid.training.progress import Progress
from pellucid.training.threads import ThreadWatch


@dataclass(frozen=True)
class Outcome:
    """What training leaves: where it ended, and the weights to keep (the best by validation, else the last)."""

    state: State
    weights: Mapping[str, Tensor]
    look: Look | None
    """The validation of these weights, where it happened in this process."""


def fit(
    rule: Rule,
    source: Source,
    look: Callable[[], Look] | None,
    plan: Plan,
    folder: RunFolder,
    progress: Progress,
    seed: int,
    threads: ThreadWatch,
    save_start: bool = False,
) -> Outcome:
    """Train until the plan's end, from wherever the folder's last checkpoint stands.

    Args:
        rule, source: what learns, from what.
        look: judges the current weights; None where nothing is validated.
        folder: locked by this process.
        seed: of the noise inside steps.
        threads: notices where several of them wait for each other.
        save_start: write a checkpoint of the untouched model first, where its weights do not follow from the recipe.

    Raises:
        Interrupted: Ctrl-C or SIGTERM, after a checkpoint.
        TrainingFailed: a loss or gradient is not finite; the failure is recorded in the folder.
    """
    run = Bookkeeping(rule, source, plan, folder, progress, threads)
    state = run.state
    noise = StepNoise(seed)
    if save_start and state.step == 0:
        run.save()
    progress.begin(state.step)
    with deferred() as interrupt:
        while state.step < plan.total_steps and not state.stopped_early:
            logs = (state.step + 1) % plan.log_every == 0
            if logs:
                run.instruments.before_step()
            noise.at(state.step)
            batch = source.next(rule.policy)
            try:
                scalars = rule.step(batch)
            except NonFinite as error:
                run.write_lines()
                raise failure.record(folder, rule, batch, noise, state.step, run.tree(), error, run.recent) from None
            run.count(scalars, len(batch))
            if logs:
                run.log(scalars)
            if state.step % plan.evaluate_every == 0 or (state.step == plan.total_steps and look is not None):
                run.validate(look)
            if logs:
                run.watch_threads()  # first: the checkpoint of this step tells of it
            run.save_when_due()
            if progress.due():
                progress.tell(state.step, run.rows_per_second(), plan.epoch(state.step))
            if interrupt.raised and state.step < plan.total_steps:
                run.save()
                folder.note("interrupted", step=state.step)
                progress.end()
                raise Interrupted(folder.path)
    run.save()
    progress.tell(state.step, run.rows_per_second(), plan.epoch(state.step))
    progress.end()
    if run.best is not None and plan.keep == "best":
        return Outcome(state, run.best, run.best_look)
    return Outcome(state, run.weights(), run.last_look if run.last_look_step == state.step else None)
