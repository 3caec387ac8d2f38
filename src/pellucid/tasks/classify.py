"""Classification: which one of K classes a row belongs to.

Softmax over the model's K outputs and cross-entropy, the negative log-likelihood of the true class in nats
(Bridle 1990). Label smoothing: Szegedy et al. 2016, arXiv:1512.00567.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.augmentations.augmentation import PARTNER, SHARE
from pellucid.data.batch import Batch
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.world import World
from pellucid.errors import DataError, ShapeError
from pellucid.exhibit import Exhibit, Signal
from pellucid.spec import Spec
from pellucid.tasks import baselines, certainty, class_scores, rows
from pellucid.tasks.certainty import Asking, Certainty
from pellucid.tasks.class_scores import Judged
from pellucid.tasks.rows import RowsLook
from pellucid.tasks.score import Score
from pellucid.tasks.task import Answer, Loss, PerRow

UNEQUAL = 1.5
"""Classes count as imbalanced when the largest has more than this many times the rows of the smallest."""


class Config(Base):
    """Settings of classification."""

    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of the target spread over all classes: keeps the net from growing ever surer. Training loss only."""
    class_weights: Literal["none", "balanced"] | list[Annotated[float, Field(gt=0)]] = "none"
    """Weight of each class in the training loss. balanced: all classes weigh the same in sum, whatever their rows."""
    positive: str | int | float | None = None
    """The class that is sought, if one is: f1, auc and average_precision are of it against the others. Left out, they
    are means over the classes, unless the classes are 0 and 1 or False and True, which say it themselves."""
    metrics: list[str] | None = Field(None, min_length=1)
    """Scores of a result, beside the one that stands first: accuracy, balanced_accuracy, log_loss, brier, f1, auc,
    average_precision, mcc, kappa, top_K (top_3: right among the 3 likeliest), recall (of every class). Left out: the
    first five; auc up to 25 classes; average_precision where a class is sought or classes are unequal, recall where
    they are unequal; top_5 above 10 classes. What training validates by does not depend on it."""


class Classify:
    """Cross-entropy on the outputs `[rows, classes]`."""

    signals: tuple[Signal, ...] = ()
    asking: type[Base] = Asking

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.target is None or spec.target.kind != "category":
            raise DataError(f"task.name = 'classify' needs a target of classes; {rows.other_target(spec)}.")
        self.input = spec.input
        self.classes = spec.target.categories
        self.labels = spec.target.classes()
        self.smoothing = config.label_smoothing
        self.weights = _weights(config.class_weights, spec.target.categories, spec.target.counts)
        counts = [count for count in spec.target.counts if count]
        self.imbalanced = bool(counts) and max(counts) > UNEQUAL * min(counts)
        self.primary = "balanced_accuracy" if self.imbalanced else "accuracy"
        self.certainty: Certainty | None = None
        self.positive = class_scores.positive_of(spec.target, config.positive)
        wanted = config.metrics or class_scores.default_metrics(
            len(self.classes), imbalanced=self.imbalanced, positive=self.positive is not None
        )
        class_scores.check(wanted, len(self.classes))
        self.metrics = tuple(dict.fromkeys([self.primary, *wanted]))

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        """Return the summed cross-entropy in nats and the summed weight of the rows.

        Rows that were mixed in pairs have two classes, and the loss is the mean over both by their shares.
        """
        logits, target = model(batch["input"]), batch["target"]
        self._check(logits, len(target))
        if self.weights is not None:
            self.weights = self.weights.to(target.device)
        if SHARE in batch.columns:
            return self._of_mixed(logits, batch)
        total = F.cross_entropy(logits.float(), target, self.weights, reduction="sum", label_smoothing=self.smoothing)
        return Loss(total, float(len(target)) if self.weights is None else self.weights[target].sum())

    def _of_mixed(self, logits: Tensor, batch: Batch) -> Loss:
        """Return the loss of rows of which `share` is of the class `target` and the rest of the class `partner`."""
        total, count = logits.new_zeros(()), float(len(logits)) if self.weights is None else logits.new_zeros(())
        for target, share in ((batch["target"], batch[SHARE]), (batch[PARTNER], 1 - batch[SHARE])):
            losses = F.cross_entropy(
                logits.float(), target, self.weights, reduction="none", label_smoothing=self.smoothing
            )
            total = total + (share * losses).sum()
            if self.weights is not None:
                count = count + (share * self.weights[target]).sum()
        return Loss(total, count)

    def predict(
        self, model: nn.Module, inputs: Float[Tensor, "rows ..."]
    ) -> dict[str, Float[Tensor, "rows classes"] | Int[Tensor, " rows"]]:
        """Return the log-probability of each class and the most probable one."""
        logits = model(inputs)
        self._check(logits, len(inputs))
        log_probabilities = logits.float().log_softmax(dim=1)  # (rows, classes)
        return {"log_probability": log_probabilities, "class": log_probabilities.argmax(dim=1)}

    def judge(self, predictions: PerRow, targets: NDArray[Any]) -> PerRow:
        """Return each row's cross-entropy and whether it was right."""
        loss = -np.take_along_axis(predictions["log_probability"], targets[:, None], axis=1)[:, 0]
        return {"loss": loss, "correct": predictions["class"] == targets}

    def scores(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Score]:
        """Return accuracy and log loss; where classes are unequal, balanced accuracy and every class's recall too."""
        names = ("balanced_accuracy", "accuracy", "log_loss", "recall") if self.imbalanced else ("accuracy", "log_loss")
        return class_scores.scores(names, self.judged(predictions, targets))

    def all_scores(self, look: RowsLook) -> dict[str, Score]:
        """Return what `task.metrics` asks for."""
        return class_scores.scores(self.metrics, self.judged(look.predictions, look.targets))

    def judged(self, predictions: PerRow, targets: NDArray[Any]) -> Judged:
        """Return what scores are made of."""
        return Judged(predictions["log_probability"], predictions["class"], targets, self.positive, self.classes)

    def rank(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """The share that is right; of equals, the one that is less surprised by the truth."""
        return values[self.primary], -values["log_loss"]

    def details(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Any]:
        """Return the confusion matrix (rows: the true class), the class names, and which class is sought if one is."""
        num = len(self.classes)
        confusion = np.bincount(targets * num + predictions["class"], minlength=num * num).reshape(num, num)
        told = {} if self.positive is None else {"positive": self.classes[self.positive]}
        return {"class_names": list(self.classes), "confusion": confusion.tolist(), **told}

    def table(self, predictions: PerRow, targets: NDArray[Any] | None) -> dict[str, Sequence[Any]]:
        """Return the true class where known, the predicted one, and the probability of each."""
        columns: dict[str, Sequence[Any]] = {}
        if targets is not None:
            columns["target"] = [self.labels[code] for code in targets]
        columns["prediction"] = [self.labels[code] for code in predictions["class"]]
        probabilities = np.exp(predictions["log_probability"])
        return columns | {f"p_{name}": probabilities[:, code].tolist() for code, name in enumerate(self.classes)}

    def check(self, model: nn.Module, world: World) -> None:
        """Nothing: the loss finds out."""

    def source(self, model: nn.Module) -> str:
        """Every training row once an epoch, in batches of about one length where rows are documents."""
        return "bucketed" if self.input.kind == "tokens" else "shuffled"

    def look(self, model: nn.Module, world: World, part: str) -> RowsLook:
        """Predict and judge every row of a part."""
        return rows.look(self, model, world, part)

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return a constant, a linear model and nearest neighbours; of a table boosted trees too."""
        return baselines.fit_and_judge(self, world, part)

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Nothing: the report draws the result and the predictions file."""
        return []

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
        amend = certainty.of_classes(self.certainty, settings, self.labels)
        return rows.answers(self, model, preprocessing, self.input, inputs, examples, amend)

    def _check(self, logits: Tensor, rows: int) -> None:
        if not isinstance(logits, Tensor) or logits.shape != (rows, len(self.classes)):
            given = f"outputs of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
            raise ShapeError(
                f"The model gave {given} for {rows} rows: expected "
                f"{(rows, len(self.classes))}, one number per class. "
                f"Set the last layer's outputs to {len(self.classes)}."
            )


def _weights(wanted: str | list[float], classes: Sequence[str], counts: Sequence[int]) -> Tensor | None:
    if wanted == "none":
        return None
    if wanted == "balanced":
        return torch.tensor([sum(counts) / (len(counts) * max(count, 1)) for count in counts])
    if len(wanted) != len(classes):
        raise DataError(
            f"task.class_weights has {len(wanted)} numbers for {len(classes)} classes: "
            f"expected one each for {', '.join(classes)}."
        )
    return torch.tensor([float(weight) for weight in wanted])
