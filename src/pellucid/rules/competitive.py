"""Competitive learning on a sheet: the nearest unit wins, and it and its neighbours move towards the row.

T. Kohonen, "Self-organized formation of topologically correct feature maps", Biological Cybernetics 43, 1982,
doi:10.1007/BF00337288. For a row x with the winner c: w_i += rate * exp(-|r_i - r_c|^2 / (2 radius^2)) * (x - w_i),
where r are places on the sheet. Rate and radius shrink over the run by the same factor at each step: first the sheet is
ordered as a whole, then each unit finds its own rows.

The rows of a batch are taken one after the other, as in the paper, except that all winners of a batch are found before
its first row moves anything; with `train.batch_size=1` it is the paper's rule exactly. The chain of moves is solved in
closed form, so that a batch is two matrix products: after rows 1 to B, each with the share a_b,

    w' = w * product(1 - a_b) + sum over b of a_b * product over later rows (1 - a) * x_b.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import Batch
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.models.som import SelfOrganizingMap
from pellucid.nn.grid import positions
from pellucid.optim.update import NonFinite, Update
from pellucid.rules.check import try_out
from pellucid.tasks.task import Task


class Config(Base):
    """How fast, and how far over the sheet; each from a first value to a last one."""

    rate: float = Field(0.5, gt=0, le=1)
    """Share of the way to a row that its winner goes, at first."""
    last_rate: float = Field(0.01, gt=0, le=1)
    """The same at the end: small, so that a unit rests at the mean of its rows."""
    radius: float | None = Field(None, gt=0)
    """How far a winner's neighbours move with it, in units of the sheet (one standard deviation), at first. Left out:
    half of the sheet's longer side, so that all of it is ordered."""
    last_radius: float = Field(0.5, gt=0)
    """The same at the end: below one, so that a unit is nearly on its own. Larger ones keep the sheet smoother, at the
    price of a larger quantisation error."""


def falling(first: float, last: float, step: int, total_steps: int) -> float:
    """Return the value at a step: `first` at the first, nearing `last` at the end, by the same factor at each step.

    Example:
        >>> [round(falling(8.0, 0.5, step, 4), 3) for step in range(5)]
        [8.0, 4.0, 2.0, 1.0, 0.5]
    """
    return first * math.pow(last / first, min(1.0, step / max(1, total_steps)))


def moved(
    codebook: Float[Tensor, "units inputs"],
    rows: Float[Tensor, "batch inputs"],
    shares: Float[Tensor, "batch units"],
) -> Float[Tensor, "units inputs"]:
    """Return the units after each row in turn has drawn every unit towards itself by its share of the way."""
    kept = (1 - shares).flip(0).cumprod(dim=0).flip(0)  # (B, U): what is left of a place before row b, at the end
    later = torch.cat([kept[1:], torch.ones_like(kept[:1])])  # (B, U): of what row b itself has drawn
    return torch.addmm(codebook * kept[0][:, None], (shares * later).T, rows)  # (U, I)


class Competitive:
    """Winners and their neighbours; no gradient, and so no `Update`."""

    policy = None
    signals: tuple[Signal, ...] = (
        Signal(
            "radius",
            "Radius of the neighbourhood",
            "Units on the sheet within which a winner takes others along. It falls from the whole sheet to less than "
            "one unit; the sheet is ordered while it is large.",
        ),
    )

    def __init__(self, config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int) -> None:
        if not isinstance(model, SelfOrganizingMap):
            raise PellucidError(
                f"rule.name = 'competitive' moves the units of a self-organizing map, and the model is "
                f"{type(model).__name__}. Choose model.name = 'som'."
            )
        self.model: SelfOrganizingMap = model
        self.updates: Mapping[str, Update] = {}
        self._config = config
        self._first_radius = config.radius or max(model.lines, model.columns) / 2
        self._total_steps = total_steps
        self._steps = 0
        places = positions(model.lines, model.columns, model.codebook.device)
        self._apart = (places[:, None] - places).square().sum(dim=2)  # (U, U): squared distances on the sheet

    @torch.no_grad()
    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Return the quantisation error of the batch before the step, the rate and the radius."""
        rows = batch["input"].flatten(1)  # (B, I)
        distances, winners = self.model(batch["input"]).min(dim=1)  # (B,)
        rate = falling(self._config.rate, self._config.last_rate, self._steps, self._total_steps)
        radius = falling(self._first_radius, self._config.last_radius, self._steps, self._total_steps)
        shares = self._apart[winners].mul_(-0.5 / radius**2).exp_().mul_(rate)  # (B, U)
        error = distances.sqrt().mean()
        if not math.isfinite(float(error)):
            raise NonFinite(self._steps, float(error), math.nan, rate)
        self.model.codebook.copy_(moved(self.model.codebook, rows, shares))
        self._steps += 1
        return {"loss": error, "rate": rate, "radius": radius}

    def check(self, batch: Batch) -> None:
        """Try a batch."""
        try_out(self.model, lambda: self.model(batch["input"]), len(batch), batch["input"].shape[1:])

    def observe(self, score: float) -> None:
        """Nothing waits for a score."""

    def averaged(self) -> AbstractContextManager[None]:
        """The units as they are."""
        return nullcontext()

    def state_dict(self) -> dict[str, Any]:
        """The count of steps, on which rate and radius depend."""
        return {"steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._steps = int(state["steps"])
