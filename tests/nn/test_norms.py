"""Each norm leaves mean zero and variance one where it says it does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pellucid.errors import PellucidError
from pellucid.nn.norms import image_norm, vector_norm

AXES = {"batch": (0, 2, 3), "layer": (1, 2, 3)}


@pytest.mark.parametrize("name", AXES)
def test_images_are_normalised_over_its_axes(name: str) -> None:
    images = 5 + 3 * torch.randn(6, 8, 7, 7, dtype=torch.float64)
    given = image_norm(name, 8).double()(images)
    torch.testing.assert_close(given.mean(AXES[name]), torch.zeros_like(given.mean(AXES[name])))
    torch.testing.assert_close(
        given.var(AXES[name], correction=0), torch.ones_like(given.mean(AXES[name])), rtol=1e-4, atol=0
    )


def test_group_norm_normalises_each_group() -> None:
    images = 5 + 3 * torch.randn(6, 8, 7, 7, dtype=torch.float64)
    groups = image_norm("group", 8, num_groups=4).double()(images).unflatten(1, (4, 2))
    torch.testing.assert_close(groups.mean((2, 3, 4)), torch.zeros(6, 4, dtype=torch.float64))
    torch.testing.assert_close(
        groups.var((2, 3, 4), correction=0), torch.ones(6, 4, dtype=torch.float64), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize(("name", "axis"), [("batch", 0), ("layer", 1)])
def test_vectors_are_normalised_over_its_axis(name: str, axis: int) -> None:
    given = vector_norm(name, 16).double()(5 + 3 * torch.randn(32, 16, dtype=torch.float64))
    torch.testing.assert_close(given.mean(axis), torch.zeros_like(given.mean(axis)))
    torch.testing.assert_close(given.var(axis, correction=0), torch.ones_like(given.mean(axis)), rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", ["layer", "group"])
def test_layer_and_group_norm_treat_each_row_alone(name: str) -> None:
    norm, images = image_norm(name, 8), torch.randn(4, 8, 5, 5)
    torch.testing.assert_close(norm(images)[:1], norm(images[:1]))


def test_none_changes_nothing() -> None:
    assert isinstance(vector_norm("none", 3), nn.Identity)
    assert isinstance(image_norm("none", 3), nn.Identity)


def test_errors_say_what_to_do() -> None:
    with pytest.raises(PellucidError, match=r"norm: there is no 'bacth'\. Did you mean 'batch'\?"):
        image_norm("bacth", 8)
    with pytest.raises(PellucidError, match=r"num_groups=8 does not divide 12 channels.* 1, 2, 3, 4, 6, 12 groups"):
        vector_norm("group", 12)
    with pytest.raises(PellucidError, match=r"leaves one number in each group"):
        vector_norm("group", 8)
