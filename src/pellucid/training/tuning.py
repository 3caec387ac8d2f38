"""How a step is carried out fastest here: measured before step 1, for what it costs is known only on the machine.

Threads: two of them halve a large product, and wait for each other in a small one; beside a busy process they wait for
that as well. Capture: a recording of a gradient's operations spares the bookkeeping, which is most of a small step and
nothing of a large one. Both are measured on the gradient of one batch; nothing of it stays in the model.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pellucid.data.batch import Batch
from pellucid.execution import Execution
from pellucid.recipe import ExecutionSection
from pellucid.rules.gradient import Gradient
from pellucid.rules.rule import Rule, Tunable

ROUNDS = 7
SHARE, LONGEST = 0.05, 0.2
"""Of the run's time, and seconds: how long it is measured at most, where the rounds take less."""
LARGE = 0.05
"""Seconds: where every gradient takes longer, the bookkeeping is nothing, and only the threads are compared."""
FEWEST_TO_MEASURE, FEWEST_TO_RECORD = 20, 200
"""Steps of a run from which its threads are compared, and a recording is tried: below, either costs what it brings."""
WORTH = 0.87
"""A variant is taken where it needs at most this share of the time of a simpler one."""


@dataclass(frozen=True)
class Tuned:
    """The decision, and by what it was made.

    Attributes:
        seconds: the mean of a gradient's in each variant: none where nothing was measured.
        spent: seconds, on measuring and recording.
        alone: the fewest seconds of a gradient on one thread, computed as decided; None where that was not measured.
        reason: why the gradient is not recorded, where that was tried.
    """

    execution: Execution
    seconds: Mapping[Execution, float]
    spent: float = 0.0
    alone: float | None = None
    reason: str = ""

    def __str__(self) -> str:
        """In a line: what was chosen, how much faster it is than torch as it comes, and when that has paid."""
        told = _label(self.execution)
        if self.reason:
            told += f" (not recorded: {self.reason})"
        if not self.seconds:
            return told
        as_it_comes = max(self.seconds, key=lambda candidate: (candidate.variant == "eager", candidate.threads))
        saved = self.seconds[as_it_comes] - self.seconds[self.execution]
        if saved <= 0:
            return f"{told}, measured in {self.spent:.2f} s"
        ratio = self.seconds[as_it_comes] / self.seconds[self.execution]
        return f"{told}: {ratio:.1f}x as fast as {_label(as_it_comes)}, pays after {self.spent / saved:,.0f} steps"


def tune(execution: Execution, section: ExecutionSection, rule: Rule, batch: Batch, steps: int) -> Tuned:
    """Settle what the recipe leaves open: the threads, and how the gradient is computed.

    Args:
        execution: the decision so far, with torch's own number of threads where the recipe gives none.
        batch: an example; what is computed of it leaves no trace in the model.
        steps: of the run: the longer it is, the longer may be measured.
    """
    begin = time.perf_counter()
    plain = replace(execution, variant="eager")
    if execution.device != "cpu" or not isinstance(rule, Tunable):
        return Tuned(plain, {})
    gradient, part = rule.gradient, next(batch.split(rule.accumulate))
    threads = list(dict.fromkeys([1, execution.threads])) if section.threads is None else [execution.threads]
    wanted = section.variant == "captured" or (section.variant == "auto" and steps >= FEWEST_TO_RECORD)
    if not wanted and (len(threads) == 1 or steps < FEWEST_TO_MEASURE):
        return Tuned(plain, {})
    first = {
        candidate: [_seconds(candidate, gradient, part) for _ in range(2)]
        for candidate in (replace(plain, threads=number) for number in threads)
    }
    fewest = min(map(min, first.values()))
    if section.variant == "auto" and (not wanted or fewest > LARGE):
        return _decided({candidate: [min(of)] for candidate, of in first.items()}, begin)
    reason = _cannot_record(gradient, part) if wanted else ""
    if rule.accumulate > 1 and wanted:
        reason = "its gradient is added up in parts"
    variants = {"auto": ["eager", "captured"]}.get(section.variant, [section.variant])
    variants = ["eager"] if reason else variants
    candidates = [replace(execution, threads=number, variant=variant) for number in threads for variant in variants]
    if len(candidates) == 1:
        return Tuned(candidates[0], {}, reason=reason)
    for candidate in candidates:
        _seconds(candidate, gradient, part)
    budget = min(LONGEST, SHARE * steps * fewest)
    taken: dict[Execution, list[float]] = {candidate: [] for candidate in candidates}
    measured_from, rounds = time.perf_counter(), 0
    while rounds < ROUNDS or time.perf_counter() - measured_from < budget:
        for candidate in candidates:
            taken[candidate].append(_seconds(candidate, gradient, part))
        rounds += 1
    return replace(_decided(taken, begin), reason=reason)


def _cannot_record(gradient: Gradient, batch: Batch) -> str:
    """Why the gradient cannot be recorded; nothing where it can."""
    gradient.begin(captured=True)
    for _ in range(3):  # it is recorded, and compared twice
        with gradient.rehearsal(batch):
            gradient.fill(batch)
    return gradient.reason


def _decided(taken: Mapping[Execution, list[float]], begin: float) -> Tuned:
    # Means: threads that wait for a neighbour do so now and then, and a median would not see it
    means = {candidate: statistics.fmean(of) for candidate, of in taken.items()}
    best = _simplest_of_the_fastest(means)
    alone = min(taken.get(replace(best, threads=1), []), default=None)
    return Tuned(best, means, time.perf_counter() - begin, alone)


def _simplest_of_the_fastest(seconds: Mapping[Execution, float]) -> Execution:
    """Of candidates in the order of simplicity, each that is worth it takes the place of the one before."""
    best, *others = seconds
    for candidate in others:
        if seconds[candidate] <= WORTH * seconds[best]:
            best = candidate
    return best


def _seconds(execution: Execution, gradient: Gradient, batch: Batch) -> float:
    """How long one gradient takes."""
    execution.begin()
    gradient.captured = execution.variant == "captured" and not gradient.reason
    with gradient.rehearsal(batch):
        begin = time.perf_counter()
        gradient.fill(batch)
        return time.perf_counter() - begin


def _label(execution: Execution) -> str:
    return f"{execution.variant} step, {execution.threads} {'thread' if execution.threads == 1 else 'threads'}"
