"""Whether stacking pays: steps of both kinds, on copies, taken in turn and timed.

One thread is timed by the processor's clock, which a busy neighbour does not move; several by the one on the wall.

A step of a tiny net is mostly bookkeeping, which the stack does once for all; a step of a large one is its products,
which are no fewer in a stack, and do not stay in the processor's cache.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pellucid import rules
from pellucid.data.stacked import stack
from pellucid.execution import Execution, threads_kept
from pellucid.randomness import undisturbed
from pellucid.rules.rule import Tunable
from pellucid.sources.stacked import Stacked as StackedSource
from pellucid.stacking.fitting import assemble
from pellucid.stacking.groups import Group, sources_of

WARM = 9
"""Steps before those that are timed: a recording is made in the first, and compared in the 2nd, 3rd, 5th and 9th."""
ROUNDS, IN_A_ROW = 7, 5
"""Blocks of steps of either kind in turn, and steps in a block, the first of which finds the cache as the other kind
left it and is not timed."""
LARGE = 0.05
"""Seconds: where a step of one member takes longer, its products are all of it, and nothing is measured further."""
FEWEST = 200
"""Steps of a run below which it is over before the measurement has paid."""
WORTH = 0.67
"""Stacking is chosen where it needs at most this share of the time: members that stop early are computed on, and all of
them are in memory at once."""


@dataclass(frozen=True)
class Measured:
    """A decision, and by what it was made.

    Attributes:
        stacked, alone: seconds of a step of all members, stacked and one after another; None where nothing was
            measured.
        reason: the decision in a sentence.
        spent: seconds, on measuring.
    """

    pays: bool
    reason: str
    stacked: float | None = None
    alone: float | None = None
    spent: float = 0.0

    def __bool__(self) -> bool:
        return self.pays


def pays(group: Group, execution: Execution) -> Measured:
    """Measure a group's steps both ways, on copies: nothing that learns is changed, and no batch is used up."""
    begin = time.perf_counter()
    num = len(group.members)
    if num == 1:
        return Measured(False, group.reason)
    steps = group.members[0].parts.plan.total_steps
    if steps < FEWEST:
        return Measured(False, f"One after another: {steps} steps are over before a measurement pays ({FEWEST}).")
    with threads_kept(), undisturbed():
        alone, stacked = _one(group, execution), _all(group, execution)
        clock = time.thread_time if execution.threads == 1 else time.perf_counter
        if min(_seconds(alone, clock) for _ in range(2)) > LARGE:
            spent = time.perf_counter() - begin
            return Measured(False, f"One after another: a step of one net takes over {LARGE:g} s.", spent=spent)
        for step in (alone, stacked):
            for _ in range(WARM):
                step()
        taken: dict[Callable[[], object], list[float]] = {alone: [], stacked: []}
        for _ in range(ROUNDS):
            for step, seconds in taken.items():
                step()
                seconds += [_seconds(step, clock) for _ in range(IN_A_ROW - 1)]
    each, together = num * statistics.median(taken[alone]), statistics.median(taken[stacked])
    share = together / each
    told = f"a step of {num} nets takes {1000 * together:.3g} ms stacked, {1000 * each:.3g} ms one after another"
    chosen = share <= WORTH
    reason = (
        f"Stacked: {told}."
        if chosen
        else f"One after another: {told}, and {100 * WORTH:.0f} % of that are wanted at most."
    )
    return Measured(chosen, reason, together, each, time.perf_counter() - begin)


def _one(group: Group, execution: Execution) -> Callable[[], object]:
    """A step of the first member's copy."""
    member = group.members[0]
    parts = member.parts
    rule = rules.build(
        member.recipe.rule, copy.deepcopy(parts.model), copy.copy(parts.task), execution, parts.plan.total_steps
    )
    assert isinstance(rule, Tunable)
    rule.gradient.begin(captured=_is_captured(execution))
    batch = parts.source.example()
    return lambda: rule.step(batch)


def _all(group: Group, execution: Execution) -> Callable[[], object]:
    """A step of all members' copies, the stacking of their batches included."""
    stacked = assemble(group, replace(execution, variant="eager"))
    stacked.rule.gradient.begin(captured=_is_captured(execution))
    batches = StackedSource(sources_of(group.members), execution.device).examples()
    return lambda: stacked.rule.step(stack(batches, execution.device))


def _is_captured(execution: Execution) -> bool:
    return execution.variant != "eager"


def _seconds(step: Callable[[], object], clock: Callable[[], float]) -> float:
    begin = clock()
    step()
    return clock() - begin
