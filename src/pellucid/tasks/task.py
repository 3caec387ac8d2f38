"""What every task offers, and what a look at a part of the world gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pellucid.catalogue import Config
from pellucid.data.batch import Batch
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.world import World
from pellucid.exhibit import Exhibit, Signal
from pellucid.tasks.score import Score

PerRow = dict[str, NDArray[Any]]


class Loss(NamedTuple):
    """A loss that adds up exactly over batches, micro-batches and processes: never a mean.

    `carry` is the state that a recurrent model hands to the next batch of the same streams; None elsewhere.
    """

    total: Tensor
    rows: Tensor | float
    carry: Any = None


class Look(Protocol):
    """What a model makes of a part of the world."""

    @property
    def part(self) -> str:
        """Which part."""

    @property
    def unit(self) -> str:
        """What the intervals resample: "row", "window", "episode"."""

    @property
    def scores(self) -> Mapping[str, Score]:
        """The scores by which training validates, the primary one first: nothing that takes long."""

    @property
    def all_scores(self) -> Mapping[str, Score]:
        """The scores of a result, the primary one first."""

    @property
    def rows(self) -> NDArray[np.int64] | None:
        """Row ids, `[units]`, where the units are rows."""

    @property
    def clusters(self) -> NDArray[np.int64] | None:
        """Codes of which units belong together, `[units]`, and are resampled together; None where each is alone."""

    @property
    def rank(self) -> tuple[float, ...]:
        """What the best weights are chosen by: larger is better, later entries break ties."""

    def details(self) -> dict[str, Any]:
        """Return what a result holds beyond scores (a confusion matrix, the worst mistakes), as JSON types."""

    def table(self) -> dict[str, Sequence[Any]]:
        """Return the columns of a predictions file, in the user's words; empty where there is none to keep."""

    def worst_inputs(self) -> NDArray[Any] | None:
        """Return the inputs of the worst mistakes in the order of `details()["worst"]`, for the report."""


@dataclass(frozen=True)
class Scored:
    """A look that leaves scores, and no prediction per row."""

    part: str
    unit: str
    scores: Mapping[str, Score]
    rank: tuple[float, ...]
    told: Mapping[str, Any] = field(default_factory=dict)
    rows: NDArray[np.int64] | None = None
    clusters: NDArray[np.int64] | None = None

    @property
    def all_scores(self) -> Mapping[str, Score]:
        """The same: none takes long."""
        return self.scores

    def details(self) -> dict[str, Any]:
        """Return what was told beside the scores."""
        return dict(self.told)

    def table(self) -> dict[str, Sequence[Any]]:
        """Nothing per row."""
        return {}

    def worst_inputs(self) -> NDArray[Any] | None:
        """Nothing per row."""
        return None


@dataclass(frozen=True)
class Answer:
    """What `predict` says to one question: JSON types, and a picture `[frames, channels, height, width]` if any.

    One frame becomes a PNG, several a GIF. With a palette, RGB in 0 to 255, the one frame holds places in it.
    """

    values: Mapping[str, Any]
    picture: NDArray[Any] | None = None
    palette: Sequence[Sequence[int]] | None = None


class Task(Protocol):
    """What is asked of a model, and how well it is done."""

    primary: str
    """The score that stands first."""
    signals: tuple[Signal, ...]
    """What to watch among the scores of validation."""
    asking: type[Config]
    """The settings that `predict` takes."""

    def check(self, model: nn.Module, world: World) -> None:
        """Raise `PellucidError` where the model or the world does not suit; what a loss finds out need not be here."""

    def source(self, model: nn.Module) -> str:
        """Return the row of the sources that gives what this task learns from."""

    def look(self, model: nn.Module, world: World, part: str) -> Look:
        """Judge a model on a part of the world. Called in evaluation mode; what is drawn here disturbs nobody."""

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return what needs no deep learning: by name its scores of a result, and on how many rows it was fitted."""

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Return what the report shows of the kept weights, beyond scores."""

    def examples(self, world: World, num: int) -> NDArray[Any]:
        """Return a few raw inputs, not trained on where possible, by which an artefact checks itself."""

    def respond(self, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
        """Return a model's outputs for raw inputs `[rows, ...]`, each `[rows, ...]`; it draws nothing."""

    def answer(
        self, model: nn.Module, preprocessing: Preprocessing, examples: NDArray[Any], inputs: Any, settings: Config
    ) -> list[Answer]:
        """Answer `predict`.

        Args:
            examples: the artefact's own, for a question without inputs.
            inputs: what the user gave: a list of words of the command line, or an array; None for nothing.
            settings: an `asking`.
        """


@runtime_checkable
class Differentiable(Protocol):
    """A task whose loss can be differentiated; backpropagation needs one."""

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        """Return the summed loss of a batch and what to divide it by."""


@dataclass(frozen=True)
class Learned:
    """What another run learned, as a task borrows it.

    Attributes:
        recipe: the name of that run's recipe.
        model: in evaluation mode.
        preprocessing: from raw inputs to what the model takes.
        sha256: of the weights' file.
    """

    recipe: str
    model: nn.Module
    preprocessing: Preprocessing
    sha256: str


@runtime_checkable
class Borrower(Protocol):
    """A task that judges by what another run has learned, and is given it before its first look."""

    needs: str
    """The recipe to borrow from, carried out on the same data and split."""

    @property
    def borrowed(self) -> Mapping[str, str]:
        """Hashes of what was borrowed: scores are a function of it too."""

    def borrow(self, learned: Learned) -> None:
        """Take what is needed."""
