"""Segmentation: which one of K classes every pixel of a picture shows.

Cross-entropy at every pixel (Long, Shelhamer & Darrell 2014, arXiv:1411.4038), judged by intersection over union: of
the pixels that are of a class or are held to be, the share that are both (Jaccard 1912), counted over all pictures of a
part and averaged over the classes, so that a rare class counts as much as the road (Everingham et al. 2010). Pixels
that the masks ignore are neither learned nor judged. Intervals resample pictures: the pixels of one know one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import Batch, tensor_of
from pellucid.data.codes import IGNORED
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.rows import Rows
from pellucid.data.world import World
from pellucid.errors import DataError, ShapeError
from pellucid.exhibit import Exhibit, Images, Signal
from pellucid.spec import Spec
from pellucid.tasks import rows
from pellucid.tasks.mask_pictures import coloured, colours, legend
from pellucid.tasks.overlap import Counts, SegmentLook, count
from pellucid.tasks.rows import Asking
from pellucid.tasks.score import Score
from pellucid.tasks.task import Answer, Loss

GOLDEN = (8, 8)
"""Fields of a picture over which an artefact's golden probabilities are averaged: those of all would be large."""
SHOWN = 4
ROWS_AT_ONCE = 16


class Config(Base):
    """Settings of segmentation."""

    class_weights: Literal["none", "balanced", "root"] | list[Annotated[float, Field(gt=0)]] = "none"
    """Weight of each class in the training loss. balanced: all classes weigh the same in sum, whatever their pixels,
    so that rare ones are found at the price of false ones; root: its square root, half way there."""


class Segment:
    """Cross-entropy on the outputs `[rows, classes, height, width]`."""

    primary = "mean_iou"
    signals: tuple[Signal, ...] = ()
    asking: type[Base] = Asking

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.target is None or spec.target.kind != "mask":
            raise DataError(f"task.name = 'segment' needs a mask for each picture; {rows.other_target(spec)}.")
        self.input = spec.input
        self.classes = spec.target.categories
        self.shape = spec.target.shape
        self.weights = _weights(config.class_weights, self.classes, spec.target.counts)

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        """Return the summed cross-entropy in nats and the summed weight of the pixels that are not ignored."""
        told, target = self.predict(model, batch["input"]), batch["target"]
        self.weights = self.weights.to(target.device)
        weights = self.weights[target]  # (B, H, W), 0 where ignored
        of_truth = told.gather(1, target.clamp(max=len(self.classes) - 1)[:, None])[:, 0]
        return Loss(-(weights * of_truth).sum(), weights.sum().clamp(min=torch.finfo(weights.dtype).tiny))

    def predict(
        self, model: nn.Module, inputs: Float[Tensor, "rows channels height width"]
    ) -> Float[Tensor, "rows classes height width"]:
        """Return the log-probability of each class at every pixel."""
        return self._logits(model, inputs).log_softmax(dim=1)

    def check(self, model: nn.Module, world: World) -> None:
        """Refuse a part whose every pixel is ignored: it would be judged by nothing."""
        world = rows.of_rows(world)
        masks = world.columns.dense("target")
        for part, chosen in world.split.parts.items():
            if len(chosen) and not any((masks[row] != IGNORED).any() for row in chosen):
                raise DataError(
                    f"Every pixel of the {part} part's {len(chosen)} masks is ignored: nothing is to be learned or "
                    "judged there. Change data.ignore, or draw another split (split.seed)."
                )

    def source(self, model: nn.Module) -> str:
        """Every training row once an epoch."""
        return "shuffled"

    def look(self, model: nn.Module, world: World, part: str) -> SegmentLook:
        """Predict a part some pictures at a time, and keep what its scores need of each."""
        world = rows.of_rows(world)
        counts = [count(self.predict(model, batch["input"]), batch["target"]) for batch in world.batches(part)]
        chosen = world.rows(part).numpy()
        return SegmentLook(
            part, chosen, Counts.joined(counts), self.classes, world.names(chosen), clusters=world.clusters(chosen)
        )

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return the largest class everywhere, and the most frequent class at each place: a mean mask."""
        world = rows.of_rows(world)
        held = torch.zeros(len(self.classes), *self.shape, dtype=torch.float64, device=world.device)
        for batch in world.batches("train"):
            for code in range(len(self.classes)):
                held[code] += (batch["target"] == code).sum(dim=0)
        shares = held.sum(dim=(1, 2), keepdim=True) / held.sum()  # (K, 1, 1)
        at_place = (held + shares) / (held.sum(dim=0) + 1)  # one more picture that knows nothing of places
        found: dict[str, tuple[Mapping[str, Score], int]] = {}
        for name, known in (("majority", shares.expand_as(held)), ("mean_mask", at_place)):
            told = known.clamp_min(torch.finfo(torch.float32).tiny).log().float()
            counts = [count(told.expand(len(batch), *told.shape), batch["target"]) for batch in world.batches(part)]
            look = SegmentLook(part, world.rows(part).numpy(), Counts.joined(counts), self.classes)
            found[name] = look.all_scores, world.size("train")
        return found

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Return pictures beside their masks and what was predicted: some evenly spaced, and the worst."""
        world = rows.of_rows(world)
        part = "validation" if world.size("validation") else "train"
        look = self.look(model, world, part)
        even = look.rows[np.linspace(0, len(look.rows) - 1, min(SHOWN, len(look.rows))).astype(int)]
        worst = look.rows[np.argsort(look.iou_of_rows, kind="stable")[:SHOWN]]
        palette = colours(len(self.classes))
        beside = f"A picture of the {part} part, its mask, and what the net makes of it. White is ignored."
        return [
            Images("legend", "Colours", "What each colour of the masks stands for.", legend(self.classes, palette)),
            Images("masks", "Masks", f"{beside} Evenly spaced, not chosen.", self._beside(model, world, even)),
            Images(
                "worst_masks",
                "The worst",
                f"{beside} Those with the lowest mean IoU.",
                self._beside(model, world, worst),
                tuple(world.names(worst)) or tuple(f"row {row}" for row in worst),
            ),
        ]

    def _beside(self, model: nn.Module, world: Rows, chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures, truth and predictions in colours, `[rows, 3, 3, height, width]`."""
        batch = world.take(torch.from_numpy(chosen))
        said = self.predict(model, batch["input"]).argmax(dim=1)
        palette = colours(len(self.classes))
        raw = np.round(255 * np.clip(world.raw(chosen), 0, 1)).astype(np.uint8)
        pictures = raw if raw.shape[1] == 3 else raw[:, [0, 0, 0]]
        masks = [coloured(codes.cpu().numpy(), palette) for codes in (batch["target"], said)]
        return np.stack([pictures, *masks], axis=1)

    def examples(self, world: World, num: int) -> NDArray[Any]:
        """Return raw rows of the validation part."""
        return rows.examples(world, num)

    def respond(self, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
        """Return the likeliest class of every pixel, and each class's mean probability in 8 x 8 fields."""
        found: dict[str, list[Tensor]] = {"class": [], "probability": []}
        for some in torch.split(raw, ROWS_AT_ONCE):
            said = self.predict(model, preprocessing.apply("input", some))  # (rows, K, H, W)
            found["class"].append(said.argmax(dim=1).to(torch.uint8))
            found["probability"].append(F.adaptive_avg_pool2d(said.exp(), GOLDEN))
        return {name: torch.cat(parts) for name, parts in found.items()}

    def answer(
        self, model: nn.Module, preprocessing: Preprocessing, examples: NDArray[Any], inputs: Any, settings: Base
    ) -> list[Answer]:
        """Tell each class's share of the pixels, and give the mask: its values are the codes, shown in colours."""
        found: list[Answer] = []
        palette = [tuple(int(value) for value in colour) for colour in colours(len(self.classes))]
        for given in rows.read(inputs, self.input, examples):
            if given.values is None:
                found.append(Answer({"input": given.names[0], "error": given.error}))
                continue
            masks = self.respond(model, preprocessing, tensor_of(given.values))["class"].cpu().numpy()
            for name, mask in zip(given.names, masks, strict=True):
                shares = np.bincount(mask.ravel(), minlength=len(self.classes)) / mask.size
                order = np.argsort(-shares, kind="stable")
                told = {self.classes[code]: round(float(shares[code]), 6) for code in order}
                note = {"note": given.note} if given.note else {}
                found.append(Answer({"input": name, "shares": told, **note}, mask[None, None], palette))
        return found

    def _logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        logits = model(inputs)
        expected = (len(inputs), len(self.classes), *self.shape)
        if not isinstance(logits, Tensor) or logits.shape != expected:
            given = f"outputs of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
            raise ShapeError(
                f"The model gave {given} for {len(inputs)} pictures: expected {expected}, one number per class and "
                "pixel. Choose model.name = 'unet', or let your own keep height and width."
            )
        return logits.float().contiguous()  # class after class, over which a softmax is fast


def _weights(wanted: str | list[float], classes: Sequence[str], counts: Sequence[int]) -> Tensor:
    """The weight of every code that a pixel can have, `[256]`: 0 of those that are ignored."""
    num = len(classes)
    if isinstance(wanted, list) and len(wanted) != num:
        raise DataError(
            f"task.class_weights has {len(wanted)} numbers for {num} classes: expected one each for "
            f"{', '.join(classes)}."
        )
    if wanted in ("balanced", "root"):
        even = np.array([sum(counts) / (num * max(each, 1)) for each in counts])
        weights = even if wanted == "balanced" else np.sqrt(even)
    else:
        weights = np.ones(num) if wanted == "none" else np.array(wanted)
    return torch.tensor([*weights.tolist(), *[0.0] * (IGNORED + 1 - num)], dtype=torch.float32)
