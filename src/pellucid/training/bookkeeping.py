"""The loop's books: where a run stands, its lines, its best weights, its checkpoints."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pellucid import checkpoint
from pellucid.errors import TrainingFailed
from pellucid.inspection.instruments import Instruments
from pellucid.rules.rule import Rule
from pellucid.rundir import RunFolder
from pellucid.sources.source import Source
from pellucid.tasks.task import Look
from pellucid.training.plan import Plan
from pellucid.training.progress import Progress
from pellucid.training.threads import ThreadWatch

RECENT_STEPS = 5
"""Steps whose loss, gradient norm and rate are told when the next one fails."""
CHECKPOINT_SECONDS = 20.0
"""Between checkpoints where the recipe does not say. When one is written changes nothing in what is learned."""

Recent = tuple[int, Mapping[str, Tensor | float], list[float]]
"""A step, its scalars, and the learning rate of each update."""


@dataclass
class State:
    """Where a run stands, beside the weights and the rule: saved in every checkpoint.

    `loss_sum` and `loss_steps` are of the steps since the last line of metrics.jsonl, `lines` counts those written.
    """

    step: int = 0
    rows: int = 0
    seconds: float = 0.0
    lines: int = 0
    loss_sum: float = 0.0
    loss_steps: int = 0
    best_step: int | None = None
    best_rank: list[float] = field(default_factory=list)
    without_better: int = 0
    stopped_early: bool = False


class Bookkeeping:
    """Restores, counts, logs, validates and saves for the loop."""

    def __init__(
        self, rule: Rule, source: Source, plan: Plan, folder: RunFolder, progress: Progress, threads: ThreadWatch
    ) -> None:
        self.rule, self.source, self.plan, self.folder, self.progress = rule, source, plan, folder, progress
        self.threads = threads
        self.instruments = Instruments(rule.updates)
        self.state = State()
        self.best: Mapping[str, Tensor] | None = None
        self.best_look: Look | None = None
        self.last_look: Look | None = None
        self.last_look_step = -1
        self.recent: deque[Recent] = deque(maxlen=RECENT_STEPS)
        self._pending: list[dict[str, Any]] = []
        self._restore()
        self._losses: list[Tensor | float] = []
        self._resumed_rows, self._resumed_seconds = self.state.rows, self.state.seconds
        self._saved_step = self.state.step
        self._saved_at = self._mark = time.perf_counter()
        self.threads.begin(self.state.step, self.state.seconds)

    def _restore(self) -> None:
        found = checkpoint.restore(self.folder / "checkpoints", self._warn)
        if found is not None:
            self.rule.model.load_state_dict(found.state["model"])
            self.rule.load_state_dict(found.state["rule"])
            self.source.load_state_dict(found.state["source"])
            self.state = State(**found.state["fit"])
            self.threads.load_state_dict(found.state["threads"])
            self.best = found.best
            checkpoint.prune(self.folder / "checkpoints")
        self.folder.keep_lines("metrics.jsonl", self.state.lines)

    def _warn(self, message: str) -> None:
        self.progress.say(message)
        self.folder.note("damaged checkpoint", message=message)

    def count(self, scalars: Mapping[str, Tensor | float], rows: int) -> None:
        """Count a step. Its loss is read with those of other steps: nothing waits for the device."""
        self.state.step += 1
        self.state.rows += rows
        self.state.loss_steps += 1
        self._losses.append(scalars["loss"])
        self.recent.append((self.state.step, scalars, [update.last_rate for update in self.rule.updates.values()]))

    def log(self, scalars: Mapping[str, Tensor | float]) -> None:
        """Add a line of the training's scalars: the loss as the mean over the steps since the last line."""
        state = self.state
        self._add_losses()
        line = {
            "kind": "train",
            "step": state.step,
            "epoch": self.plan.epoch(state.step),
            **{name: float(value) for name, value in scalars.items()},
            "loss": state.loss_sum / state.loss_steps,
        }
        for name, update in self.rule.updates.items():
            line["learning_rate" if len(self.rule.updates) == 1 else f"{name}_learning_rate"] = update.last_rate
        self._add(_as_json({**line, **self.instruments.after_step()}))
        state.loss_sum, state.loss_steps = 0.0, 0

    def validate(self, look: Callable[[], Look] | None) -> None:
        """Judge the weights, remember them if they are the best, and tell the rule."""
        if look is None:
            return
        self._pause()
        with self.rule.averaged():
            seen = look()
            values, rank = {name: score.value for name, score in seen.scores.items()}, list(seen.rank)
            if not all(map(math.isfinite, values.values())):
                raise TrainingFailed(f"The validation after step {self.state.step} gave {values}: not finite.")
            better = not self.state.best_rank or rank > self.state.best_rank
            self.last_look, self.last_look_step = seen, self.state.step
            if better:
                self.best_look = seen
                self.best = checkpoint.module_state(self.rule.model)
        if better:
            self.state.best_step, self.state.best_rank, self.state.without_better = self.state.step, rank, 0
        else:
            self.state.without_better += 1
        self.state.stopped_early = self.plan.patience is not None and self.state.without_better >= self.plan.patience
        self._mark = time.perf_counter()  # training goes on from here
        epoch = self.plan.epoch(self.state.step)
        self._add({"kind": "validation", "step": self.state.step, "epoch": epoch, "metrics": values, "best": better})
        self.rule.observe(rank[0])
        self.progress.validated(values, better)

    def save_when_due(self) -> None:
        """Save every so many steps, or when some time has passed."""
        every = self.plan.checkpoint_every
        if every is not None:
            if self.state.step % every == 0:
                self.save()
        elif time.perf_counter() - self._saved_at >= CHECKPOINT_SECONDS:
            self.save()

    def save(self) -> None:
        """Write the pending lines, then the checkpoint that counts them."""
        if self.state.step == self._saved_step and self.state.step > 0:
            return
        self._pause()
        self.write_lines()
        checkpoint.save(self.folder / "checkpoints", self.state.step, self.tree(), self.best, self.state.best_step)
        self._saved_step = self.state.step
        self._saved_at = self._mark = time.perf_counter()

    def watch_threads(self) -> None:
        """Go on with another number of threads where that seems better; a checkpoint tells a resumed run so."""
        told = self.threads.judge(self.state.step, self.state.seconds)
        if told:
            self.progress.say(f"{told}.")
            self.folder.note("threads", step=self.state.step, message=told)
            self.save()

    def write_lines(self) -> None:
        """Write the lines of metrics.jsonl that are still in memory."""
        self.folder.append("metrics.jsonl", self._pending)
        self._pending = []

    def tree(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        self._add_losses()
        return {
            "model": checkpoint.module_state(self.rule.model),
            "rule": self.rule.state_dict(),
            "source": self.source.state_dict(),
            "fit": dict(vars(self.state)),
            "threads": self.threads.state_dict(),
        }

    def _add_losses(self) -> None:
        """Add what was counted, one after another: the same sum wherever a run was resumed."""
        tensors = [loss for loss in self._losses if isinstance(loss, Tensor)]
        values = iter(torch.stack(tensors).tolist() if tensors else [])
        for loss in self._losses:
            self.state.loss_sum += next(values) if isinstance(loss, Tensor) else loss
        self._losses = []

    def weights(self) -> Mapping[str, Tensor]:
        """The weights as they stand, averaged where the rule does."""
        with self.rule.averaged():
            return checkpoint.module_state(self.rule.model)

    def rows_per_second(self) -> float:
        """Rows learned per second of training in this process, validations and saving left out."""
        self._pause()
        seconds = self.state.seconds - self._resumed_seconds
        return (self.state.rows - self._resumed_rows) / seconds if seconds > 0 else 0.0

    def _pause(self) -> None:
        """Count the training time since the last mark."""
        moment = time.perf_counter()
        self.state.seconds += moment - self._mark
        self._mark = moment

    def _add(self, line: dict[str, Any]) -> None:
        self._pause()
        self._pending.append({**line, "seconds": round(self.state.seconds, 3)})
        self.state.lines += 1


def _as_json(value: Any) -> Any:
    """A line with None for what is not finite: JSON has no word for it, and the next check stops the run."""
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
