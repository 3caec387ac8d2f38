"""Pictures: the pixels that were given, as files that others can read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pellucid.data.pictures import encode, grid, sheet


def test_a_png_holds_the_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, size=(1, 3, 300, 200), dtype=np.uint8)
    opened = Image.open(io.BytesIO(encode(pixels)))
    assert opened.format == "PNG"
    assert np.array_equal(np.asarray(opened), pixels[0].transpose(1, 2, 0))


def test_small_pictures_are_drawn_with_larger_dots() -> None:
    pixels = np.linspace(0, 1, 64).reshape(1, 1, 8, 8)
    opened = np.asarray(Image.open(io.BytesIO(encode(pixels))))
    assert opened.shape == (280, 280)
    assert np.array_equal(opened[::35, ::35], np.round(255 * pixels[0, 0]).astype(np.uint8))


def test_several_frames_are_an_animation() -> None:
    frames = np.zeros((5, 1, 10, 10), np.uint8)
    frames[np.arange(5), 0, np.arange(5), 0] = 255
    opened = Image.open(io.BytesIO(encode(frames)))
    assert (opened.format, getattr(opened, "n_frames", 1)) == ("GIF", 5)


def test_a_grid_has_every_image_in_its_place() -> None:
    images = np.random.default_rng(0).random((2, 3, 1, 4, 5))
    whole = grid(images)
    assert whole.shape == (1, 9, 17)
    for row in range(2):
        for column in range(3):
            part = whole[0, 5 * row : 5 * row + 4, 6 * column : 6 * column + 5]
            assert np.array_equal(part, np.round(255 * images[row, column, 0]).astype(np.uint8))
    assert (whole[0, 4] == 255).all()


@pytest.mark.parametrize("num", [1, 5, 49, 50])
def test_a_sheet_shows_every_image(num: int) -> None:
    images = np.full((num, 1, 2, 3), 0.25, np.float32)
    laid = sheet(images)
    rows, columns = laid.shape[:2]
    assert rows * columns >= num > (rows - 1) * columns
    assert (laid.reshape(-1, 6)[:num] == 0.25).all()
    assert (laid.reshape(-1, 6)[num:] == 1).all()
    assert sheet(images, 2).shape[:2] == (-(-num // 2), 2)
