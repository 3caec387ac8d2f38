"""Hebb's rule: what is active together is joined.

D. Hebb, "The Organization of Behavior", 1949; as J. Hopfield's net uses it (PNAS 79, 1982): W = (sum over the patterns
s of s s') / N, with nothing on the diagonal. One pass over the patterns stores them. There is no gradient and no rate,
and so no `Update`.

The sums are whole numbers, kept as such until they are divided once: the same patterns give the same weights, bit for
bit, in whatever order and portions they come. A second pass adds every pattern again, which scales all weights alike
and changes no recall.

Patterns that resemble one another (pictures do) pull each other's recall astray. `form = "projection"` stores of each
pattern only what is new in it, so that W projects on the span of all of them: L. Personnaz, I. Guyon, G. Dreyfus,
"Information storage and retrieval in spin-glass like neural networks", Journal de Physique Lettres 46, 1985; without
the diagonal, I. Kanter, H. Sompolinsky, "Associative recall of memory without errors", Physical Review A 35, 1987.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import Batch
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.models.hopfield import Hopfield
from pellucid.nn.attractor import CAPACITY
from pellucid.optim.update import Update
from pellucid.rules.check import try_out
from pellucid.tasks.task import Task


class Config(Base):
    """Settings of Hebb's rule."""

    form: Literal["outer_products", "projection"] = "outer_products"
    """What a pattern adds: the whole of its outer product, as Hebb and Hopfield say, or only that of what no pattern
    before had in it, which keeps patterns apart that resemble one another."""


def projection(rows: Float[Tensor, "batch units"]) -> Float[Tensor, "units units"]:
    """Return the projection on the span of some rows; of a row that the others hold already only rounding is left."""
    _, lengths, directions = torch.linalg.svd(rows, full_matrices=False)
    spanning = directions[lengths > 1e-6 * rows.shape[1] ** 0.5]
    found: Tensor = spanning.T @ spanning  # (N, N)
    return found


class Hebb:
    """Adds the outer products of a batch to the weights."""

    policy = None
    signals: tuple[Signal, ...] = (
        Signal(
            "load",
            "Load",
            f"Patterns stored per unit. Of random ones a net holds about {CAPACITY} per unit; patterns that resemble "
            "one another, such as pictures, get in each other's way far earlier.",
            high=CAPACITY,
            when_high="More than the net can hold: store fewer patterns, or take more units.",
        ),
    )

    def __init__(self, config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int) -> None:
        if not isinstance(model, Hopfield):
            raise PellucidError(
                f"rule.name = 'hebb' stores patterns in a Hopfield net, and the model is {type(model).__name__}. "
                "Choose model.name = 'hopfield'."
            )
        self.model: Hopfield = model
        self.updates: Mapping[str, Update] = {}
        self._projects = config.form == "projection"
        # Whole numbers are exact as such; a projection needs digits that not every accelerator has.
        kind = {"dtype": torch.float64, "device": "cpu"} if self._projects else {"dtype": torch.int32}
        self._sums = torch.zeros_like(model.weights, **kind)
        self._stored: set[int] = set()

    @torch.no_grad()
    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Return the mean energy per unit of the patterns just stored, and the load so far."""
        states = self.model.states(batch["input"])  # (B, N)
        num_units = states.shape[1]
        if self._projects:
            precise = states.cpu().double()
            self._sums += projection(precise - precise @ self._sums)
        else:
            self._sums += (states.T @ states).to(torch.int32)  # whole numbers up to B: exact as floats
        self._stored.update(batch.rows.tolist())
        self.model.weights.copy_(self._sums).div_(1 if self._projects else num_units).fill_diagonal_(0)
        energy = self.model.energy(states).mean() / num_units
        return {"loss": energy, "load": len(self._stored) / num_units}

    def check(self, batch: Batch) -> None:
        """Try a batch."""
        try_out(self.model, lambda: self.model(batch["input"]), len(batch), batch["input"].shape[1:])

    def observe(self, score: float) -> None:
        """Nothing waits for a score."""

    def averaged(self) -> AbstractContextManager[None]:
        """The weights as they are."""
        return nullcontext()

    def state_dict(self) -> dict[str, Any]:
        """The sums, and which rows are in them."""
        return {"sums": self._sums, "stored": sorted(self._stored)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._sums.copy_(state["sums"])
        self._stored = set(state["stored"])
