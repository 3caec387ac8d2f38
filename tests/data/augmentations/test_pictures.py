"""Augmentations of pictures against references that take one picture at a time: Pillow, NumPy, colorsys."""

from __future__ import annotations

import colorsys
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from torch import Tensor

from pellucid.catalogue import configure
from pellucid.data.augmentations import AUGMENTATIONS
from pellucid.data.augmentations.augmentation import Augmentation
from pellucid.data.augmentations.colour import with_hue_turned
from pellucid.data.augmentations.crop import moved
from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.pictures import resample
from pellucid.errors import DataError
from pellucid.spec import Field, Spec

HEIGHT, WIDTH = 20, 28
CLASSES = Field("category", categories=("a", "b"))
MASKS = Field("mask", (HEIGHT, WIDTH), categories=("dark", "light"))
IN_PLANE: dict[str, dict[str, Any]] = {
    "flip": {"vertical": 0.5},
    "crop": {"pad": 5},
    "resize_crop": {},
    "affine": {"degrees": 40, "scale": 1.3, "shear": 10, "shift": 0.2},
}


def spec(channels: int = 3, target: Field = CLASSES, **more: Any) -> Spec:
    return Spec(Field("image", (channels, HEIGHT, WIDTH), unit=more.get("unit", "byte")), target)


def made(name: str, given: Spec, **fields: Any) -> Any:
    return AUGMENTATIONS[name].load()(configure(AUGMENTATIONS, {"name": name, **fields}, "augment.0"), given)


def pictures(rows: int = 16, channels: int = 3, seed: int = 0) -> Tensor:
    """Smooth pictures, so that what is between pixels means something."""
    small = np.random.default_rng(seed).integers(0, 256, size=(rows, channels, 5, 7), dtype=np.uint8)
    large = [[Image.fromarray(part).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC) for part in row] for row in small]
    return torch.from_numpy(np.array([[np.asarray(part) for part in row] for row in large]))


def pillow(picture: Tensor) -> Image.Image:
    return Image.fromarray(picture.permute(1, 2, 0).numpy())


def tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def applied(step: Augmentation, columns: dict[str, Tensor], seed: int = 1) -> dict[str, Tensor]:
    return step.apply(columns, Draw(seed, torch.arange(len(columns["input"]))))


def test_flip_is_pillows() -> None:
    inputs = pictures(60)
    found = applied(made("flip", spec(), horizontal=0.5, vertical=0.5), {"input": inputs})["input"]
    draw, seen = Draw(1, torch.arange(60)), set()
    for row, (across, down) in enumerate(zip(draw.chance(0.5).tolist(), draw.chance(0.5).tolist(), strict=True)):
        expected = pillow(inputs[row])
        expected = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if across else expected
        expected = expected.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if down else expected
        assert torch.equal(found[row], tensor(expected))
        seen.add((across, down))
    assert len(seen) == 4


@given(
    st.integers(1, 4), st.integers(0, 9), st.integers(1, 2), st.sampled_from(["zeros", "reflect"]), st.integers(0, 99)
)
@settings(max_examples=30)
def test_crop_is_numpys_pad_and_slice(rows: int, pad: int, channels: int, outside: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    inputs = random.integers(0, 256, size=(rows, channels, 10, 13), dtype=np.uint8)
    by = random.integers(-pad, pad + 1, size=(2, rows))
    down, across = torch.from_numpy(by)
    found = moved(torch.from_numpy(inputs), down, across, pad, 0 if outside == "zeros" else None)
    mode: Any = {"zeros": "constant", "reflect": "reflect"}[outside]
    for row in range(rows):
        framed = np.pad(inputs[row], ((0, 0), (pad, pad), (pad, pad)), mode=mode)
        top, left = pad + by[:, row]
        assert np.array_equal(found[row].numpy(), framed[:, top : top + 10, left : left + 13])


def test_crop_moves_by_every_distance_up_to_its_pad() -> None:
    inputs = torch.zeros(400, 1, HEIGHT, WIDTH, dtype=torch.uint8)
    inputs[:, :, 10, 14] = 255
    found = applied(made("crop", spec(1), pad=3), {"input": inputs})["input"]
    places = found[:, 0].nonzero()[:, 1:] - torch.tensor([10, 14])
    assert len(places) == 400
    assert sorted(set(map(tuple, places.tolist()))) == [(y, x) for y in range(-3, 4) for x in range(-3, 4)]


def test_a_pad_as_large_as_the_picture_is_refused() -> None:
    with pytest.raises(DataError, match="pad = 20: expected less than the picture's 20 pixels"):
        made("crop", spec(), pad=20)


def test_affine_is_pillows_rotation() -> None:
    inputs = pictures().clamp(min=1)
    step = made("affine", spec(), degrees=60, scale=1)
    found = applied(step, {"input": inputs})["input"]
    turned = Draw(1, torch.arange(16)).uniform(-1.0, 1.0) * 60
    assert turned.min() < -20
    assert turned.max() > 20
    for row, degrees in enumerate(turned.tolist()):
        expected = tensor(pillow(inputs[row]).rotate(degrees, Image.Resampling.BILINEAR))
        whole = tensor(pillow(torch.full_like(inputs[row], 255)).rotate(degrees, Image.Resampling.BILINEAR))
        away = _eroded(whole[0] == 255)
        assert away.sum() > 200
        assert (found[row].int() - expected.int()).abs()[:, away].max() <= 2


def _eroded(inside: Tensor) -> Tensor:
    """The pixels whose eight neighbours are inside too: at the edge, Pillow and torch fill in differently."""
    framed = torch.nn.functional.pad(-inside.float()[None, None], (1, 1, 1, 1))
    return torch.nn.functional.max_pool2d(framed, 3, 1)[0, 0] == -1


def test_affine_scales_leans_and_moves_as_said() -> None:
    """The way back from a pixel, against the four maps multiplied one by one in NumPy."""
    step = made("affine", spec(), degrees=30, scale=1.5, shear=20, shift=0.25)
    draw, again = Draw(3, torch.arange(50)), Draw(3, torch.arange(50))
    places = step.places(draw).double().numpy()
    drawn = [again.uniform(-1.0, 1.0).double().numpy() for _ in range(5)]
    for row, (turn, enlarge, lean, right, down) in enumerate(zip(*drawn, strict=True)):
        angle, factor, slope = math.radians(30) * turn, 1.5**enlarge, math.tan(math.radians(20) * lean)
        rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])  # y downwards
        forward = rotation @ np.diag([factor, factor]) @ np.array([[1, slope], [0, 1]])
        there = np.array([[2.0, -7.0], [5.0, 3.0]])
        back = places[row][:, :2] @ (forward @ there + (0.25 * np.array([right * WIDTH, down * HEIGHT]))[:, None])
        assert back + places[row][:, 2:] == pytest.approx(there, abs=1e-4)


def test_resampling_is_pillows_affine_transform() -> None:
    inputs = pictures(8)
    random = np.random.default_rng(0)
    places = np.tile(np.eye(2, 3), (8, 1, 1)) + random.normal(size=(8, 2, 3)) * [0.15, 0.15, 1.5]
    found = resample({"input": inputs}, ("input",), torch.from_numpy(places).float(), "zeros")["input"]
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    for row in range(8):
        linear, moved_by = places[row][:, :2], places[row][:, 2]
        offset = middle + moved_by - linear @ middle
        data = tuple(np.concatenate([linear, offset[:, None]], axis=1).reshape(-1))
        how: Any = (Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
        expected = tensor(pillow(inputs[row]).transform((WIDTH, HEIGHT), *how))
        whole = tensor(pillow(torch.full_like(inputs[row], 255)).transform((WIDTH, HEIGHT), *how))
        away = _eroded(whole[0] == 255)
        assert away.sum() > 100
        assert (found[row].int() - expected.int()).abs()[:, away].max() <= 2


def test_resize_crop_is_pillows_resize_of_a_box() -> None:
    inputs = pictures()
    step = made("resize_crop", spec(), smallest=0.2, ratio=1.5)
    found = applied(step, {"input": inputs})["input"]
    top, left, tall, wide = (each.tolist() for each in step.parts(Draw(1, torch.arange(16))))
    assert min(h * w for h, w in zip(tall, wide, strict=True)) < 0.5 * HEIGHT * WIDTH
    for row in range(16):
        box = (left[row], top[row], left[row] + wide[row], top[row] + tall[row])
        assert min(box) >= 0
        assert box[2] <= WIDTH + 1e-4
        assert box[3] <= HEIGHT + 1e-4
        box = (*box[:2], min(box[2], WIDTH), min(box[3], HEIGHT))
        expected = tensor(pillow(inputs[row]).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=box))
        assert (found[row].int() - expected.int()).abs().max() <= 2


def test_parts_have_the_area_and_the_shape_that_were_asked_for() -> None:
    _, _, tall, wide = made("resize_crop", spec(), smallest=0.3, ratio=1.1).parts(Draw(0, torch.arange(5000)))
    area, wider = tall * wide / (HEIGHT * WIDTH), (wide / WIDTH) / (tall / HEIGHT)
    assert 0.29 < area.min() < 0.31
    assert 0.9 < area.max() <= 1
    assert 1 / 1.101 < wider.min() < 0.92
    assert 1.08 < wider.max() < 1.101


@pytest.mark.parametrize("name", IN_PLANE)
def test_a_mask_moves_with_its_picture(name: str) -> None:
    """A mask that says where the picture is light does so afterwards, but for pixels between the two."""
    inputs = pictures(40, 1)
    inputs = torch.where(inputs > 128, 250, 10).to(torch.uint8)
    masks = (inputs[:, 0] > 128).to(torch.uint8)
    changed = applied(made(name, spec(1, MASKS), **IN_PLANE[name]), {"input": inputs, "target": masks})
    found, mask = changed["input"][:, 0], changed["target"]
    assert mask.dtype == torch.uint8
    assert set(mask.flatten().tolist()) <= {0, 1, 255}
    sure = (mask != 255) & ((found == 250) | (found == 10))
    assert ((found > 128) == (mask == 1))[sure].all()
    assert sure.float().mean() > 0.5
    assert (mask != masks).any()


@pytest.mark.parametrize("name", ["crop", "affine"])
def test_nothing_is_asked_outside_of_a_picture(name: str) -> None:
    ones = torch.full((30, 1, HEIGHT, WIDTH), 200, dtype=torch.uint8)
    masks = torch.ones(30, HEIGHT, WIDTH, dtype=torch.uint8)
    changed = applied(made(name, spec(1, MASKS), **IN_PLANE[name]), {"input": ones, "target": masks})
    outside = changed["target"] == 255
    assert outside.any()
    assert (changed["target"][~outside] == 1).all()
    black = changed["input"][:, 0] == 0
    assert (outside | ~black).all()
    if name == "crop":
        assert torch.equal(outside, black)


def test_brightness_contrast_and_saturation_are_pillows() -> None:
    inputs = pictures()
    for name, kind in (
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ):
        fields = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, name: 0.6}
        found = applied(made("colour", spec(), **fields), {"input": inputs})["input"]
        draw = Draw(1, torch.arange(16))
        drawn = [draw.uniform(-1.0, 1.0) for _ in range(3)][["brightness", "contrast", "saturation"].index(name)]
        for row, factor in enumerate((1 + 0.6 * drawn).tolist()):
            expected = tensor(kind(pillow(inputs[row])).enhance(factor))
            assert (found[row].int() - expected.int()).abs().max() <= 2, name


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=30), st.floats(-0.5, 0.5))
def test_hue_turns_as_in_colorsys(colours: list[tuple[int, ...]], share: float) -> None:
    pixels = torch.tensor(colours).T.reshape(1, 3, 1, -1) / 255
    found = with_hue_turned(pixels, torch.tensor([share]))
    for place, colour in enumerate(colours):
        hue, saturation, value = colorsys.rgb_to_hsv(*(each / 255 for each in colour))
        expected = colorsys.hsv_to_rgb((hue + share) % 1, saturation, value)
        assert found[0, :, 0, place].tolist() == pytest.approx(expected, abs=1e-4)


def test_grey_pictures_change_their_light_alone() -> None:
    inputs = pictures(4, 1)
    found = applied(made("colour", spec(1), hue=0.5, brightness=0, contrast=0, saturation=1), {"input": inputs})
    assert torch.equal(found["input"], inputs)


def test_colours_of_measurements_are_refused() -> None:
    with pytest.raises(DataError, match=r"measurements: expected 1 or 3 channels .* \(here 5 channels\)"):
        made("colour", spec(5))


@pytest.mark.parametrize("fill", ["noise", "mean"])
def test_erase_covers_one_rectangle_and_nothing_else(fill: str) -> None:
    inputs = pictures(300).float() / 255
    step = made("erase", spec(), probability=0.7, smallest=0.1, largest=0.3, ratio=2, fill=fill)
    found = applied(step, {"input": inputs})["input"]
    changed = (found != inputs).any(dim=1)
    covered, areas = 0, []
    for row in range(300):
        if not changed[row].any():
            continue
        rows, columns = changed[row].any(dim=1).nonzero(), changed[row].any(dim=0).nonzero()
        box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        areas.append(found[row][0][box].numel() / (HEIGHT * WIDTH))
        covered += 1
        if fill == "mean":
            means = inputs[row].mean(dim=(1, 2))
            assert torch.allclose(found[row][:, *box], means[:, None, None].expand_as(found[row][:, *box]))
    assert covered / 300 == pytest.approx(0.7, abs=0.1)
    assert 0.06 < min(areas) < 0.14
    assert 0.26 < max(areas) < 0.35


def test_floats_stay_floats_and_what_is_given_is_not_written() -> None:
    for name in AUGMENTATIONS:
        if "pictures" not in AUGMENTATIONS[name].family:
            continue
        step = made(name, spec(unit="share"))
        columns = {"input": pictures().float() / 255, "target": torch.arange(16) % 2}
        before = {key: values.clone() for key, values in columns.items()}
        found = applied(step, columns)
        assert found["input"].dtype == torch.float32
        assert found["input"].shape == before["input"].shape
        assert all(torch.equal(columns[key], before[key]) for key in before)
        assert not torch.equal(found["input"], before["input"])
        assert not torch.equal(applied(step, columns, seed=2)["input"], found["input"])
        # The same row of the same epoch in another batch; who its partner is depends on that.
        if not step.mixes:
            alone = step.apply({key: each[5:9] for key, each in columns.items()}, Draw(1, torch.arange(5, 9)))
            assert torch.allclose(alone["input"], found["input"][5:9], atol=1e-6)


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if AUGMENTATIONS[name].family == "pictures"])
def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="the input is number"):
        made(name, Spec(Field("number", (4,)), CLASSES))


def test_a_smallest_area_above_the_largest_is_refused() -> None:
    with pytest.raises(DataError, match=r"smallest = 0\.5 is more than largest = 0\.33"):
        made("erase", spec(), smallest=0.5)
