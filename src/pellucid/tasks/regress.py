"""Regression: one or several numbers per row.

The model's outputs are in standardised units where the target was standardised; predictions and scores are in the
user's units. Huber loss: Huber 1964. Pinball loss, for a quantile: Koenker & Bassett 1978.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import Batch
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.world import World
from pellucid.errors import DataError, ShapeError
from pellucid.exhibit import Exhibit, Signal
from pellucid.spec import Spec
from pellucid.tasks import baselines, certainty, forecasts, number_scores, rows
from pellucid.tasks.certainty import Asking, Certainty
from pellucid.tasks.rows import RowsLook
from pellucid.tasks.score import Score
from pellucid.tasks.task import Answer, Loss, PerRow


class Config(Base):
    """Settings of regression."""

    loss: Literal["squared", "absolute", "huber", "pinball"] = "squared"
    """squared predicts the mean, absolute the median, pinball a quantile; huber is squared near zero and absolute
    beyond delta."""
    delta: float = Field(1.0, gt=0)
    """Where huber turns from squared to absolute, in standard deviations of the target."""
    quantile: float = Field(0.5, gt=0, lt=1)
    """Which quantile pinball predicts and is judged by: of 0.9, nine of ten true values lie below the prediction."""
    metrics: list[str] | None = Field(None, min_length=1)
    """Scores of a result, beside the one that stands first: rmse, mae, r2, pinball, mase (of series). Left out: all but
    pinball, which is shown where it is the loss. What training validates by does not depend on it."""


class Regress:
    """A loss on the difference of outputs and targets, both `[rows, targets]`."""

    signals: tuple[Signal, ...] = ()
    asking: type[Base] = Asking

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.target is None or spec.target.kind != "number":
            raise DataError(f"task.name = 'regress' needs a target of numbers; {rows.other_target(spec)}.")
        self.input = spec.input
        self.num_targets = spec.target.size
        self.names = spec.target.names
        self.mean, self.std = spec.target.mean or (0.0,), spec.target.std or (1.0,)
        self.endings = [""] if self.num_targets == 1 else [f"_{name}" for name in self.names or range(self.num_targets)]
        self._config = config
        self.certainty: Certainty | None = None
        self.primary = "pinball" if config.loss == "pinball" else "rmse"
        first = ["pinball"] if config.loss == "pinball" else []
        wanted = config.metrics or [*first, "rmse", "mae", "r2", *(["mase"] if self.input.clock is not None else [])]
        number_scores.check(wanted, series=self.input.clock is not None)
        self.metrics = tuple(dict.fromkeys([self.primary, *wanted]))

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        """Return the loss summed over rows and averaged over targets, and the number of rows."""
        outputs, target = model(batch["input"]), batch["target"]
        self._check(outputs, len(target))
        outputs = outputs.float()
        if self._config.loss == "squared":
            total = F.mse_loss(outputs, target, reduction="sum")
        elif self._config.loss == "absolute":
            total = F.l1_loss(outputs, target, reduction="sum")
        elif self._config.loss == "pinball":
            short, quantile = target - outputs, self._config.quantile
            total = torch.maximum(quantile * short, (quantile - 1) * short).sum()
        else:
            total = F.huber_loss(outputs, target, reduction="sum", delta=self._config.delta)
        return Loss(total / self.num_targets, float(len(target)))

    def predict(self, model: nn.Module, inputs: Float[Tensor, "rows ..."]) -> dict[str, Float[Tensor, "rows targets"]]:
        """Return the predicted numbers in the user's units."""
        outputs = model(inputs)
        self._check(outputs, len(inputs))
        mean, std = (torch.tensor(numbers, device=outputs.device) for numbers in (self.mean, self.std))
        return {"number": torch.addcmul(mean, outputs.float(), std)}

    def judge(self, predictions: PerRow, targets: NDArray[Any]) -> PerRow:
        """Return each row's squared error, averaged over targets, in the user's units squared."""
        targets = self.original(targets)
        return {"loss": np.square(predictions["number"].astype(np.float64) - targets).mean(axis=1)}

    def original(self, targets: NDArray[Any]) -> NDArray[np.float64]:
        """Return standardised targets in the user's units."""
        original: NDArray[np.float64] = targets.astype(np.float64) * np.array(self.std) + np.array(self.mean)
        return original

    def scores(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Score]:
        """Return rmse, mae and r2 (the share of variance explained), and what is made smallest before them."""
        names = dict.fromkeys([self.primary, "rmse", "mae", "r2"])
        return {name: self._score(name, predictions, targets) for name in names}

    def all_scores(self, look: RowsLook) -> dict[str, Score]:
        """Return what `task.metrics` asks for; no mase where the training part tells of no season."""
        found: dict[str, Score] = {}
        for name in self.metrics:
            if name != "mase":
                found[name] = self._score(name, look.predictions, look.targets)
                continue
            naive = forecasts.naive_errors(look.world, look.rows)
            if naive is not None:
                predicted = look.predictions["number"].astype(np.float64)
                found[name] = number_scores.mase(predicted, self.original(look.targets), naive)
        return found

    def _score(self, name: str, predictions: PerRow, targets: NDArray[Any]) -> Score:
        predicted, truth = predictions["number"].astype(np.float64), self.original(targets)
        if name == "pinball":
            return number_scores.pinball(predicted, truth, self._config.quantile)
        return {"rmse": number_scores.rmse, "mae": number_scores.mae, "r2": number_scores.r2}[name](predicted, truth)

    def rank(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """The smaller root mean squared error; of a quantile, the smaller pinball loss."""
        return (-values[self.primary],)

    def details(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Any]:
        """Nothing beyond scores; the report draws the predictions file."""
        return {"target_names": list(self.names)}

    def table(self, predictions: PerRow, targets: NDArray[Any] | None) -> dict[str, Sequence[Any]]:
        """Return the true numbers where known and the predicted ones, a column per target."""
        columns: dict[str, Sequence[Any]] = {}
        for index, ending in enumerate(self.endings):
            if targets is not None:
                columns[f"target{ending}"] = self.original(targets).astype(np.float32)[:, index].tolist()
            columns[f"prediction{ending}"] = predictions["number"][:, index].tolist()
        return columns

    def check(self, model: nn.Module, world: World) -> None:
        """Nothing: the loss finds out."""

    def source(self, model: nn.Module) -> str:
        """Every training row once an epoch, in batches of about one length where rows are documents."""
        return "bucketed" if self.input.kind == "tokens" else "shuffled"

    def look(self, model: nn.Module, world: World, part: str) -> RowsLook:
        """Predict and judge every row of a part."""
        return rows.look(self, model, world, part)

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return what needs no net; of a series also what repeats a value of its past."""
        quantile = self._config.quantile if self._config.loss == "pinball" else None
        if self.input.clock is not None:
            return forecasts.baselines(self, world, part, quantile)
        return baselines.fit_and_judge(self, world, part, quantile)

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Return the last forecasts of a series; else nothing: the report draws the result and the predictions file."""
        return [*forecasts.pictures(self, model, world)] if self.input.clock is not None else []

    def examples(self, world: World, num: int) -> NDArray[Any]:
        """Return raw rows of the validation part."""
        return rows.examples(world, num)

    def respond(self, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
        """Return the predictions for raw rows."""
        return rows.respond(self, model, preprocessing, raw)

    def answer(
        self, model: nn.Module, preprocessing: Preprocessing, examples: NDArray[Any], inputs: Any, settings: Base
    ) -> list[Answer]:
        """Predict rows of files or of memory; the examples where none are given."""
        amend = certainty.of_numbers(self.certainty, settings, self.endings)
        return rows.answers(self, model, preprocessing, self.input, inputs, examples, amend)

    def _check(self, outputs: Tensor, rows: int) -> None:
        if not isinstance(outputs, Tensor):
            raise ShapeError(f"The model gave {type(outputs).__name__}: expected outputs {(rows, self.num_targets)}.")
        if outputs.shape != (rows, self.num_targets):
            raise ShapeError(
                f"The model gave outputs of shape {tuple(outputs.shape)} for {rows} rows: expected "
                f"{(rows, self.num_targets)}. Broadcasting would compare every row with every other; "
                + (
                    "end the model with .unsqueeze(1)."
                    if outputs.shape == (rows,) and self.num_targets == 1
                    else f"set the last layer's outputs to {self.num_targets}."
                )
            )
