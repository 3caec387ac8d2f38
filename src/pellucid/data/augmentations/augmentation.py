"""What every augmentation offers, and a recipe's list of them, applied in its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from torch import Tensor

from pellucid.data.augmentations.draw import Draw

Stage = Literal["raw", "prepared"]
PARTNER, SHARE = "partner", "share"
"""Columns of a batch whose rows were mixed in pairs: the class of a row's partner, int64 `[rows]`, and how much of the
row is its own, float32 `[rows]`; the rest is its partner's."""


class Augmentation(Protocol):
    """A change of training rows that keeps what they mean. Built as `Class(config, spec)`.

    `spec` says what the columns hold at the stage at which it works: as they were read, or as a model meets them. Its
    constructor raises `DataError` where it has no meaning for such columns.
    """

    stage: ClassVar[Stage]
    """raw: on rows as they lie at rest (pictures and masks in uint8, sounds in int16), before the fitted steps.
    prepared: after them."""
    mixes: ClassVar[bool]
    """Whether rows are mixed in pairs, so that a batch has the columns `partner` and `share` too."""

    def apply(self, columns: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Return the changed columns, each `[rows, ...]`; it may not write into those that it is given."""


@dataclass(frozen=True)
class Augmentations:
    """A recipe's augmentations, in order."""

    steps: Sequence[Augmentation] = ()

    def drawn(self, seed: int, rows: Tensor, sizes: Sequence[int] = ()) -> Drawn:
        """Return them as they fall out for these rows; see `Draw`."""
        return Drawn(self.steps, seed, rows, sizes)


@dataclass(frozen=True)
class Drawn:
    """Augmentations as they fall out for some rows of one epoch."""

    steps: Sequence[Augmentation]
    seed: int
    rows: Tensor
    sizes: Sequence[int] = ()

    def apply(self, stage: Stage, columns: dict[str, Tensor]) -> dict[str, Tensor]:
        """Apply those of one stage."""
        for place, step in enumerate(self.steps):
            if step.stage == stage:
                some = next(iter(columns.values()))
                columns = step.apply(columns, Draw(self.seed, self.rows.to(some.device), place, self.sizes))
        return columns
