"""An architecture that cannot read the input says what it was given and what to do."""

from __future__ import annotations

import pytest

from pellucid.errors import ShapeError
from pellucid.nn.inputs import flat_size, image_shape
from pellucid.spec import Field, Spec


def test_sizes_of_what_fits() -> None:
    assert flat_size(Spec(Field("image", (3, 4, 5))), "mlp") == 60
    assert image_shape(Spec(Field("image", (3, 4, 5))), "convnet", smallest=4) == (3, 4, 5)


def test_a_table_is_no_image() -> None:
    with pytest.raises(
        ShapeError, match=r"resnet reads images .* kind 'number' with shape \(13,\)\. Choose mlp or linear"
    ):
        image_shape(Spec(Field("number", (13,))), "resnet", smallest=8)


def test_an_image_can_be_too_small() -> None:
    with pytest.raises(ShapeError, match=r"lenet5 needs images of at least 12 x 12 pixels; these are 8 x 30"):
        image_shape(Spec(Field("image", (1, 8, 30))), "lenet5", smallest=12)


def test_a_category_is_no_number() -> None:
    with pytest.raises(ShapeError, match=r"mlp reads numbers, but the input is a category with 2 values"):
        flat_size(Spec(Field("category", categories=("no", "yes"))), "mlp")
