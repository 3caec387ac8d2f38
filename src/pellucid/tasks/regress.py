"""Regression: one or several numbers per row.

The model's outputs are in standardised units where the target was standardised; predictions and scores are in the
user's units. Huber loss: Huber 1964.
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
from pellucid.tasks import baselines, certainty, forecasts, rows
from pellucid.tasks.certainty import Asking, Certainty
from pellucid.tasks.rows import RowsLook
from pellucid.tasks.score import Score, mean_score
from pellucid.tasks.task import Answer, Loss, PerRow


class Config(Base):
    """Settings of regression."""

    loss: Literal["squared", "absolute", "huber"] = "squared"
    """squared predicts the mean, absolute the median; huber is squared near zero and absolute beyond delta."""
    delta: float = Field(1.0, gt=0)
    """Where huber turns from squared to absolute, in standard deviations of the target."""


class Regress:
    """A loss on the difference of outputs and targets, both `[rows, targets]`."""

    primary = "rmse"
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

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        """Return the loss summed over rows and averaged over targets, and the number of rows."""
        outputs, target = model(batch["input"]), batch["target"]
        self._check(outputs, len(target))
        outputs = outputs.float()
        if self._config.loss == "squared":
            total = F.mse_loss(outputs, target, reduction="sum")
        elif self._config.loss == "absolute":
            total = F.l1_loss(outputs, target, reduction="sum")
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
        """Return rmse and mae in the user's units, and r2 (the share of variance explained); means over the targets."""
        truth = self.original(targets)
        error = predictions["number"].astype(np.float64) - truth
        ones = np.ones(len(truth))
        # r2 from sums: 1 - SSE / (sum y^2 - (sum y)^2 / n); y as it is, so that the moments of folds may be pooled
        moments = np.concatenate([ones[:, None], np.square(error), np.square(truth), truth], axis=1)
        return {
            "rmse": Score(np.concatenate([np.square(error), ones[:, None]], axis=1), "root_mean", "min"),
            "mae": mean_score(np.abs(error).mean(axis=1), "min"),
            "r2": Score(moments, "explained_variance", "max"),
        }

    def rank(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """The smaller root mean squared error."""
        return (-values["rmse"],)

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
        """Return a constant, a linear model and nearest neighbours; of a series, what repeats a value of its past."""
        if self.input.clock is not None:
            return forecasts.baselines(self, world, part)
        return baselines.fit_and_judge(self, world, part)

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
