"""How well masks are predicted: intersection over union and what goes with it, from counts of each picture's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.codes import IGNORED
from pellucid.tasks.reductions import mean_iou
from pellucid.tasks.score import Score


@dataclass(frozen=True)
class Counts:
    """What the scores need of some pictures.

    Attributes:
        both, predicted, true: how many pixels of each picture are of each class in truth and prediction, in the
            prediction, in truth, `[rows, classes]`; of those that are not ignored.
        loss: the cross-entropy summed over the pixels of each picture in nats, `[rows]`.
        confusion: pixels by true and by predicted class, `[classes, classes]`.
    """

    both: NDArray[np.float64]
    predicted: NDArray[np.float64]
    true: NDArray[np.float64]
    loss: NDArray[np.float64]
    confusion: NDArray[np.int64]

    @staticmethod
    def joined(parts: Sequence[Counts]) -> Counts:
        """Return the counts of several batches as one's."""
        both, predicted, true, loss = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("both", "predicted", "true", "loss")
        )
        return Counts(both, predicted, true, loss, np.sum([part.confusion for part in parts], axis=0))


def count(
    log_probability: Float[Tensor, "rows classes height width"], target: Int[Tensor, "rows height width"]
) -> Counts:
    """Return what the scores need of a batch's pictures."""
    num_rows, num = log_probability.shape[:2]
    judged = target != IGNORED
    codes = torch.where(judged, target, 0)
    first = torch.arange(num_rows, device=target.device).view(-1, 1, 1) * num
    place = ((first + codes) * num + log_probability.argmax(dim=1))[judged]
    confusion = torch.bincount(place, minlength=num_rows * num * num).view(num_rows, num, num)
    loss = -(log_probability.gather(1, codes[:, None])[:, 0].double() * judged).sum(dim=(1, 2))
    pixels = confusion.cpu().numpy()
    return Counts(
        np.diagonal(pixels, axis1=1, axis2=2).astype(np.float64),
        pixels.sum(axis=1).astype(np.float64),
        pixels.sum(axis=2).astype(np.float64),
        loss.cpu().numpy(),
        pixels.sum(axis=0),
    )


@dataclass(frozen=True)
class SegmentLook:
    """What a model makes of a part, picture by picture."""

    part: str
    rows: NDArray[np.int64]
    counts: Counts
    classes: tuple[str, ...]
    names: Sequence[str] = ()
    unit: str = "picture"
    clusters: NDArray[np.int64] | None = None

    @cached_property
    def scores(self) -> dict[str, Score]:
        """Mean IoU, pixel accuracy, mean Dice overlap, cross-entropy, and the IoU of each class that occurs."""
        counts = self.counts
        both, sizes = counts.both, counts.predicted + counts.true
        pixels = counts.true.sum(axis=1, keepdims=True)
        moments = np.concatenate([both, sizes], axis=1)
        return {
            "mean_iou": Score(moments, "mean_iou", "max"),
            "pixel_accuracy": Score(np.concatenate([both.sum(axis=1, keepdims=True), pixels], axis=1), "ratio", "max"),
            "dice": Score(moments, "mean_dice", "max"),
            "cross_entropy": Score(np.concatenate([counts.loss[:, None], pixels], axis=1), "ratio", "min"),
        } | {
            f"iou_{name}": Score(np.stack([both[:, code], sizes[:, code]], axis=1), "iou", "max")
            for code, name in enumerate(self.classes)
            if sizes[:, code].any()
        }

    @property
    def all_scores(self) -> dict[str, Score]:
        """The same: none takes long."""
        return self.scores

    @property
    def rank(self) -> tuple[float, ...]:
        """The mean IoU; of equals, the one that is less surprised by the truth."""
        return self.scores["mean_iou"].value, -self.scores["cross_entropy"].value

    @property
    def iou_of_rows(self) -> NDArray[np.float64]:
        """The mean IoU of each picture by itself, `[rows]`; 1 where all of it is ignored."""
        both, sizes = self.counts.both, self.counts.predicted + self.counts.true
        return np.where(sizes.any(axis=1), mean_iou(np.concatenate([both, sizes], axis=1)), 1.0)

    def details(self) -> dict[str, Any]:
        """Return the classes, and how many pixels of each are held to be of which (rows: the true class)."""
        return {"classes": list(self.classes), "pixel_confusion": self.counts.confusion.tolist()}

    def table(self) -> dict[str, Sequence[Any]]:
        """Return every picture's row id, its file's name, mean IoU, pixel accuracy and cross-entropy per pixel."""
        pixels = np.maximum(self.counts.true.sum(axis=1), 1)
        return {
            "row": self.rows.tolist(),
            **({"name": self.names} if self.names else {}),
            "mean_iou": self.iou_of_rows.tolist(),
            "pixel_accuracy": (self.counts.both.sum(axis=1) / pixels).tolist(),
            "cross_entropy": (self.counts.loss / pixels).tolist(),
        }

    def worst_inputs(self) -> NDArray[Any] | None:
        """Nothing: the worst are exhibits, beside their masks."""
        return None
