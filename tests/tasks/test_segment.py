"""Segmentation: torch's loss, scikit-learn's overlaps, exact however the pictures were batched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from torch import Tensor, nn

from pellucid.data.batch import Batch
from pellucid.data.columns import Columns
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.rows import Rows
from pellucid.data.rows import open as open_rows
from pellucid.errors import DataError, ShapeError
from pellucid.recipe import Recipe
from pellucid.spec import Field, Spec
from pellucid.tasks import build
from pellucid.tasks.mask_pictures import coloured, colours, legend
from pellucid.tasks.overlap import Counts, SegmentLook, count
from pellucid.tasks.segment import Segment

NAMES = ("ground", "road", "car", "pole")
HEIGHT, WIDTH = 5, 7


class Fixed(nn.Module):
    """A model whose outputs are its inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def task(counts: tuple[int, ...] = (10, 10, 10, 10), **fields: Any) -> Segment:
    target = Field("mask", (HEIGHT, WIDTH), categories=NAMES, counts=counts)
    built = build({"name": "segment", **fields}, Spec(Field("image", (4, HEIGHT, WIDTH)), target))
    assert isinstance(built, Segment)
    return built


def drawn(num: int, seed: int = 0, highest: int = 4) -> tuple[Tensor, Tensor]:
    """Outputs, and masks of which about a fifth is ignored."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(num, 4, HEIGHT, WIDTH, generator=generator) * 2
    codes = torch.randint(highest, (num, HEIGHT, WIDTH), generator=generator)
    return logits, torch.where(torch.rand(codes.shape, generator=generator) < 0.2, 255, codes)


def batch(logits: Tensor, target: Tensor) -> Batch:
    return Batch({"input": logits, "target": target}, torch.arange(len(target)))


def look(logits: Tensor, target: Tensor, at_once: int = 100) -> SegmentLook:
    judge, pieces = task(), zip(torch.split(logits, at_once), torch.split(target, at_once), strict=True)
    counts = [count(judge.predict(Fixed(), some), codes) for some, codes in pieces]
    return SegmentLook("validation", np.arange(len(target)), Counts.joined(counts), NAMES)


@pytest.mark.parametrize("weights", ["none", "balanced", "root", [0.5, 1.0, 3.0, 2.0]])
def test_the_loss_over_its_count_is_torchs_mean(weights: Any) -> None:
    pixels = np.array([5, 10, 30, 15])
    even = pixels.sum() / (4 * pixels)
    by_hand = {"none": np.ones(4), "balanced": even, "root": np.sqrt(even)}.get(str(weights), weights)
    logits, target = drawn(6)
    judge = task(tuple(pixels.tolist()), class_weights=weights)
    loss = judge.loss(Fixed(), batch(logits, target))
    expected = F.cross_entropy(logits, target, torch.tensor(np.array(by_hand), dtype=torch.float32), ignore_index=255)
    torch.testing.assert_close(loss.total / loss.rows, expected)
    parts = [judge.loss(Fixed(), part) for part in batch(logits, target).split(4)]
    torch.testing.assert_close(sum(part.total for part in parts), loss.total)
    torch.testing.assert_close(sum(part.rows for part in parts), loss.rows)


def test_pictures_of_which_all_is_ignored_teach_nothing() -> None:
    logits = torch.randn(2, 4, HEIGHT, WIDTH, requires_grad=True)
    loss = task().loss(Fixed(), batch(logits, torch.full((2, HEIGHT, WIDTH), 255)))
    (gradient,) = torch.autograd.grad(loss.total * (1 / loss.rows), logits)
    assert float(loss.total.detach()) == 0
    assert not gradient.any()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(0, 1000), st.integers(2, 4))
def test_overlaps_are_scikit_learns(num: int, seed: int, highest: int) -> None:
    logits, target = drawn(num, seed, highest)
    logits[:, 3] -= 100 * (highest < 4)  # then the last class is in neither, and does not count
    seen = look(logits, target)
    judged = (target != 255).numpy()
    truth, said = target.numpy()[judged], logits.argmax(1).numpy()[judged]
    present = sorted({*truth.tolist(), *said.tolist()})
    jaccard = metrics.jaccard_score(truth, said, labels=present, average=None)
    values = {name: score.value for name, score in seen.scores.items()}
    assert values == pytest.approx(
        {
            "mean_iou": jaccard.mean(),
            "pixel_accuracy": metrics.accuracy_score(truth, said),
            "dice": metrics.f1_score(truth, said, labels=present, average="macro"),
            "cross_entropy": float(F.cross_entropy(logits, target, ignore_index=255)),
            **{f"iou_{NAMES[code]}": overlap for code, overlap in zip(present, jaccard, strict=True)},
        },
        rel=1e-5,
    )
    confusion = metrics.confusion_matrix(truth, said, labels=range(4))
    assert seen.details() == {"classes": list(NAMES), "pixel_confusion": confusion.tolist()}
    assert seen.rank == (values["mean_iou"], -values["cross_entropy"])


def test_scores_do_not_depend_on_how_pictures_were_batched() -> None:
    logits, target = drawn(23)
    one, other = look(logits, target), look(logits, target, at_once=5)
    assert {name: score.value for name, score in one.scores.items()} == {
        name: score.value for name, score in other.scores.items()
    }
    assert one.table() == other.table()


def test_a_picture_by_itself_is_judged_as_a_set_of_one() -> None:
    logits, target = drawn(4)
    table = look(logits, target).table()
    for row in range(4):
        alone = look(logits[row : row + 1], target[row : row + 1])
        for name in ("mean_iou", "pixel_accuracy", "cross_entropy"):
            assert table[name][row] == pytest.approx(alone.scores[name].value)


def world() -> Rows:
    draw = np.random.default_rng(0)
    masks = draw.integers(0, 4, (30, HEIGHT, WIDTH), dtype=np.uint8)
    masks[:, 0] = 2  # always there
    masks[:, 1, 1] = 255
    fields = {
        "input": Field("image", (3, HEIGHT, WIDTH), unit="byte"),
        "target": Field("mask", (HEIGHT, WIDTH), categories=NAMES),
    }
    pixels = draw.integers(0, 256, (30, 3, HEIGHT, WIDTH), dtype=np.uint8)
    recipe = Recipe.model_validate(
        {
            "name": "masks",
            "data": {"source": "arrays"},
            "split": {"kind": "random"},
            "model": {"name": "unet"},
            "task": {"name": "segment"},
            "train": {"epochs": 1, "batch_size": 4},
        }
    )
    return open_rows(recipe, Columns({"input": pixels, "target": masks}, fields))


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_part_that_is_ignored_altogether_is_refused(part: str) -> None:
    rows = world()
    task(counts=(1, 1, 1, 1)).check(Fixed(), rows)
    rows.columns.dense("target")[rows.split.parts[part]] = 255
    with pytest.raises(DataError, match=f"Every pixel of the {part} part's"):
        task(counts=(1, 1, 1, 1)).check(Fixed(), rows)


def test_the_spec_counts_the_training_pixels_and_codes_keep_255() -> None:
    rows = world()
    train = rows.columns.dense("target")[rows.split.parts["train"]]
    assert rows.spec.target is not None
    assert rows.spec.target.counts == tuple((train == code).sum() for code in range(4))
    assert rows.spec.num_outputs == 4
    taken = rows.take(torch.tensor([3, 0]))["target"]
    assert taken.dtype == torch.int64
    assert np.array_equal(taken.numpy(), rows.columns.dense("target")[[3, 0]])
    kept = Preprocessing.from_dict(rows.preprocessing.to_dict())
    assert torch.equal(kept.apply("target", torch.tensor([[0, 255]], dtype=torch.uint8)), torch.tensor([[0, 255]]))


def test_baselines_are_the_largest_class_and_the_mean_mask() -> None:
    rows = world()
    found = build({"name": "segment"}, rows.spec).baselines(rows, "validation")
    train, truth = (rows.columns.dense("target")[rows.split.parts[part]] for part in ("train", "validation"))
    held = np.stack([(train == code).sum(axis=0) for code in range(4)])
    for name, said in (("majority", np.full((HEIGHT, WIDTH), 2)), ("mean_mask", None)):
        scores, fitted_on = found[name]
        assert fitted_on == len(train)
        if said is not None:
            judged = truth != 255
            wanted = metrics.accuracy_score(truth[judged], np.broadcast_to(said, truth.shape)[judged])
            assert scores["pixel_accuracy"].value == pytest.approx(wanted)
    right = sum(int((truth[:, y, x] == 2).sum()) for y, x in np.argwhere(held.argmax(axis=0) == 2).tolist() if y == 0)
    assert right == len(truth) * WIDTH  # the row that is always the same is always right
    assert found["mean_mask"][0]["iou_car"].value > found["majority"][0]["iou_car"].value
    assert found["mean_mask"][0]["cross_entropy"].value < found["majority"][0]["cross_entropy"].value


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, HEIGHT, WIDTH - 1), (2, 3, HEIGHT, WIDTH)])
def test_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"expected \(2, 4, 5, 7\), one number per class and pixel\. Choose"):
        task().loss(Fixed(), batch(torch.zeros(shape), drawn(2)[1]))


def test_what_does_not_suit_is_refused() -> None:
    with pytest.raises(
        DataError, match="class_weights has 2 numbers for 4 classes: expected one each for ground, road"
    ):
        task(class_weights=[1, 2])
    images = Field("image", (3, 8, 8))
    with pytest.raises(DataError, match=r"needs a mask for each picture; here it is classes. Choose 'classify'"):
        build({"name": "segment"}, Spec(images, Field("category", categories=("a", "b"))))
    with pytest.raises(DataError, match=r"needs a target of classes; here it is masks. Choose 'segment'"):
        build({"name": "classify"}, Spec(images, Field("mask", (8, 8), categories=("a", "b"))))


def test_colours_differ_and_what_is_ignored_is_white() -> None:
    palette = colours(40)
    assert len(np.unique(palette, axis=0)) == 40
    picture = coloured(np.array([[[0, 1, 255]]], np.uint8), palette)
    assert picture.shape == (1, 3, 1, 3)
    assert picture[0, :, 0].T.tolist() == [palette[0].tolist(), palette[1].tolist(), [255, 255, 255]]
    lines = legend(NAMES, palette[:4])
    assert lines.shape[:3] == (1, 4, 3)
    assert all((lines[0, code, :, 9, 3] == palette[code]).all() for code in range(4))
