"""Multi-label classification: which of L labels a row has; it may have none, one or several of them.

A sigmoid over each of the model's L outputs and binary cross-entropy, so that labels do not compete as classes do: the
one-against-the-rest decomposition with a shared body (Zhang & Zhou 2006, "Multilabel Neural Networks with Applications
to Functional Genomics and Text Categorization", doi:10.1109/TKDE.2006.162; the loss is cross-entropy, which Nam et al.
2014, arXiv:1312.5419, found to do better than the paper's ranking loss).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import Batch
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.world import World
from pellucid.errors import DataError, ShapeError
from pellucid.exhibit import Exhibit, Signal
from pellucid.spec import JOINED_BY, Spec
from pellucid.tasks import label_baselines, rows
from pellucid.tasks.class_scores import MOST_RANKED
from pellucid.tasks.rows import Asking, RowsLook
from pellucid.tasks.score import Score, mean_score
from pellucid.tasks.task import Answer, Loss, PerRow

NO_LABEL = "(none)"
"""What a row without labels is said to have, where a table needs a word."""


class Config(Base):
    """Settings of multi-label classification."""

    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share by which every target is moved from 0 or 1 towards 1/2: keeps the net from growing ever surer. Training
    loss only."""
    positive_weights: Literal["none", "balanced"] | list[Annotated[float, Field(gt=0)]] = "none"
    """Weight of the rows that have a label, in the training loss, against those that lack it. balanced: both weigh the
    same in sum, label by label; rare labels are found more often, and probabilities come out too high."""
    threshold: float = Field(0.5, gt=0, lt=1)
    """Probability from which a row is said to have a label. A lower one finds more and is wrong more often."""


class MultiLabel:
    """Binary cross-entropy on the outputs `[rows, labels]`."""

    primary = "macro_f1"
    signals: tuple[Signal, ...] = ()
    asking: type[Base] = Asking

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.target is None or spec.target.kind != "labels":
            raise DataError(f"task.name = 'multi_label' needs a target of labels; {rows.other_target(spec)}.")
        self.input = spec.input
        self.labels = spec.target.categories
        self.smoothing = config.label_smoothing
        self.threshold = config.threshold
        self.weights = _weights(config.positive_weights, self.labels, spec.target.mean)

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        """Return the binary cross-entropy in nats, summed over rows and averaged over labels, and the rows."""
        logits, target = model(batch["input"]), batch["target"]
        self._check(logits, len(target))
        if self.weights is not None:
            self.weights = self.weights.to(target.device)
        if self.smoothing:
            target = torch.lerp(target, torch.full_like(target, 0.5), self.smoothing)
        total = F.binary_cross_entropy_with_logits(logits.float(), target, pos_weight=self.weights, reduction="sum")
        return Loss(total / len(self.labels), float(len(target)))

    def predict(
        self, model: nn.Module, inputs: Float[Tensor, "rows ..."]
    ) -> dict[str, Float[Tensor, "rows labels"] | Bool[Tensor, "rows labels"]]:
        """Return the log-odds of each label, and which are as probable as the threshold at least."""
        logits = model(inputs)
        self._check(logits, len(inputs))
        log_odds = logits.float()
        return {"log_odds": log_odds, "has": log_odds.sigmoid() >= self.threshold}

    def judge(self, predictions: PerRow, targets: NDArray[Any]) -> PerRow:
        """Return each row's binary cross-entropy, averaged over labels, and whether all its labels were right."""
        log_odds, truth = predictions["log_odds"].astype(np.float64), targets > 0.5
        loss = np.logaddexp(0, np.where(truth, -log_odds, log_odds)).mean(axis=1)
        return {"loss": loss, "correct": (predictions["has"] == truth).all(axis=1)}

    def scores(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Score]:
        """Return F1 over labels (macro) and over all pairs of row and label (micro), exact match, and the errors.

        F1 is Dice's overlap, 2 * both / (have it + said to have it): macro is its mean over the labels that occur in
        truth or prediction. Exact match is the share of rows whose labels are all right, and none besides; hamming_loss
        the share of pairs that are wrong; log_loss the mean over pairs, in nats. F1 of each label comes last.
        """
        judged = self.judge(predictions, targets)
        truth, said = targets > 0.5, predictions["has"]
        both, sizes = 2.0 * (truth & said), 1.0 * truth + said  # (rows, labels)
        micro = np.stack([both.sum(axis=1), sizes.sum(axis=1)], axis=1)
        of_each = {
            f"f1_{name}": Score(np.stack([both[:, place], sizes[:, place]], axis=1), "ratio", "max")
            for place, name in enumerate(self.labels)
        }
        return {
            "macro_f1": Score(np.concatenate([both / 2, sizes], axis=1), "mean_dice", "max"),
            "micro_f1": Score(micro, "ratio", "max"),
            "exact_match": mean_score(judged["correct"], "max", "wilson"),
            "hamming_loss": mean_score((truth != said).mean(axis=1), "min"),
            "log_loss": mean_score(judged["loss"], "min"),
            **of_each,
        }

    def all_scores(self, look: RowsLook) -> dict[str, Score]:
        """Return these and, up to 25 labels, how well each ranks the rows: auc and average_precision, means over the
        labels that some rows of the part have and some lack.
        """
        scores, truth = self.scores(look.predictions, look.targets), look.targets > 0.5
        if not (truth.any(axis=0) & ~truth.all(axis=0)).any() or len(self.labels) > MOST_RANKED:
            return scores
        ranked = np.concatenate([look.predictions["log_odds"], truth], axis=1).astype(np.float64)
        of_each = {name: score for name, score in scores.items() if name.startswith("f1_")}
        return {
            **{name: score for name, score in scores.items() if name not in of_each},
            "auc": Score(ranked, "area_under_roc", "max"),
            "average_precision": Score(ranked, "average_precision", "max"),
            **of_each,
        }

    def rank(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """The larger macro F1; of equals, the one that is less surprised by the truth."""
        return values[self.primary], -values["log_loss"]

    def details(self, predictions: PerRow, targets: NDArray[Any]) -> dict[str, Any]:
        """Return the labels' names, and of each how many rows have it, are said to have it, and are so rightly."""
        truth, said = targets > 0.5, predictions["has"]
        counts = np.stack([truth.sum(axis=0), said.sum(axis=0), (truth & said).sum(axis=0)], axis=1)
        return {"label_names": list(self.labels), "label_counts": counts.tolist()}

    def table(self, predictions: PerRow, targets: NDArray[Any] | None) -> dict[str, Sequence[Any]]:
        """Return the true labels where known, the predicted ones (joined by a bar), and the probability of each."""
        columns: dict[str, Sequence[Any]] = {}
        if targets is not None:
            columns["target"] = [self._joined(row) for row in targets > 0.5]
        columns["prediction"] = [self._joined(row) for row in predictions["has"]]
        probabilities = 1 / (1 + np.exp(-np.clip(predictions["log_odds"].astype(np.float64), -700, 700)))
        return columns | {f"p_{name}": probabilities[:, place].tolist() for place, name in enumerate(self.labels)}

    def _joined(self, has: NDArray[np.bool_]) -> str:
        return JOINED_BY.join(self.labels[place] for place in np.flatnonzero(has)) or NO_LABEL

    def check(self, model: nn.Module, world: World) -> None:
        """Nothing: the loss finds out."""

    def source(self, model: nn.Module) -> str:
        """Every training row once an epoch, in batches of about one length where rows are documents."""
        return "bucketed" if self.input.kind == "tokens" else "shuffled"

    def look(self, model: nn.Module, world: World, part: str) -> RowsLook:
        """Predict and judge every row of a part."""
        return rows.look(self, model, world, part)

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return each label's share, a linear model per label, and nearest neighbours."""
        return label_baselines.fit_and_judge(self, self.threshold, world, part)

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
        """Predict rows of files or of memory, the examples where none are given: the labels of each as a list."""
        found = rows.answers(self, model, preprocessing, self.input, inputs, examples)
        return [replace(each, values={**each.values, **_listed(each.values)}) for each in found]

    def _check(self, logits: Tensor, rows: int) -> None:
        if not isinstance(logits, Tensor) or logits.shape != (rows, len(self.labels)):
            given = f"outputs of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
            raise ShapeError(
                f"The model gave {given} for {rows} rows: expected {(rows, len(self.labels))}, one number per label. "
                f"Set the last layer's outputs to {len(self.labels)}, and leave the sigmoid to the task."
            )


def _listed(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """The predicted labels one by one; nothing where a file could not be read."""
    if "prediction" not in values:
        return {}
    return {"prediction": [] if values["prediction"] == NO_LABEL else values["prediction"].split(JOINED_BY)}


def _weights(wanted: str | list[float], labels: Sequence[str], shares: Sequence[float]) -> Tensor | None:
    if wanted == "none":
        return None
    if wanted == "balanced":  # a label that every row has, or none, has nothing to be weighed against
        return torch.tensor([(1 - share) / share if 0 < share < 1 else 1.0 for share in shares])
    if len(wanted) != len(labels):
        raise DataError(
            f"task.positive_weights has {len(wanted)} numbers for {len(labels)} labels: "
            f"expected one each for {', '.join(labels)}."
        )
    return torch.tensor([float(weight) for weight in wanted])
