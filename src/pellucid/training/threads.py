"""Threads that wait for each other: noticed while a run goes on, and given up for one.

Beside a busy process the threads of one product do not get their processors at the same time, and those that have
theirs wait: two may then need several times as long as one. Whether they do is known only while it happens, so the
steps are timed; one thread is tried, and kept unless it is slower still. A number of threads rounds like no other, so
each change is a checkpoint's, and a resumed run makes it at the same step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

WINDOW = 0.3
"""Seconds of training, at least, by which the steps are judged."""
MARGIN = 2.0
"""Several threads are suspected where a step takes this many times as long as its gradient on one: the update and the
books are the rest of a step."""


class ThreadWatch:
    """Judges windows of steps.

    Attributes:
        number: the threads that the run has gone over to; None while it has those that it began with.
    """

    def __init__(self, watched: bool, alone: float | None = None) -> None:
        """Begin.

        Args:
            watched: whether anything may be changed: not where the recipe gives the number of threads.
            alone: seconds that a gradient takes on one thread; without, as many times the best window's step as there
                are threads, since more than that they cannot have gained.
        """
        self.number: int | None = None
        self._undecided = watched
        self._alone = alone
        self._several = torch.get_num_threads()
        self._best: float | None = None
        self._on_trial: float | None = None  # what a step took on several threads
        self._mark = 0, 0.0

    def judge(self, step: int, seconds: float) -> str:
        """Change the number of threads where the steps since the last window say so; return what to tell, or nothing.

        Args:
            step, seconds: made, and spent on them, since the run began.
        """
        steps, spent = step - self._mark[0], seconds - self._mark[1]
        if not self._undecided or self._several == 1 or spent < WINDOW or steps < 1:
            return ""
        self._mark = step, seconds
        each = spent / steps
        if self._on_trial is not None:
            self._undecided = False
            if each <= self._on_trial:
                return ""
            self._go_over_to(self._several)
            return f"One thread is slower still: the run goes on with {self._several}"
        self._best = each if self._best is None else min(self._best, each)
        alone = self._best * self._several if self._alone is None else self._alone
        if each <= MARGIN * alone:
            return ""
        self._on_trial = each
        self._go_over_to(1)
        return (
            f"{self._several} threads seem to wait for each other, as beside a busy process: a step takes "
            f"{1000 * each:.3g} ms, and one thread should need about {1000 * alone:.3g}. The run goes on with one"
        )

    def _go_over_to(self, number: int) -> None:
        self.number = number
        torch.set_num_threads(number)

    def state_dict(self) -> dict[str, Any]:
        """The number of threads, and whether it is final."""
        return {"number": self.number, "undecided": self._undecided, "on_trial": self._on_trial, "alone": self._alone}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._undecided, self._on_trial, self._alone = state["undecided"], state["on_trial"], state["alone"]
        if state["number"] is not None:
            self._go_over_to(state["number"])

    def begin(self, step: int, seconds: float) -> None:
        """Time from here on."""
        self._mark = step, seconds
