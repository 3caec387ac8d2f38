"""DCGAN: sides from the data, weights as published, and the cost of both nets told."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pellucid.errors import ShapeError
from pellucid.inspection.layers import describe
from pellucid.models import build
from pellucid.nn.generative import Generative
from pellucid.spec import Field, Spec


def pair(shape: tuple[int, int, int], **section: object) -> nn.Module:
    return build({"name": "dcgan", "width": 4, "latent": 6, **section}, Spec(Field("image", shape)), seed=0)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 30, 45), (2, 9, 13)])
@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_images_have_the_sides_of_the_data(shape: tuple[int, int, int], norm: str) -> None:
    model = pair(shape, norm=norm, discriminator_norm=norm)
    assert isinstance(model, Generative)
    images = model.generate(torch.randn(5, model.latent_size))
    assert images.shape == (5, *shape)
    assert 0 <= images.min() <= images.max() <= 1
    assert model(images).shape == (5, 2)
    scores = model(images).sum()
    assert all(g.isfinite().all() for g in torch.autograd.grad(scores, list(model.parameters())))


def test_the_papers_size_has_the_papers_stages() -> None:
    """64 x 64: projected to 4 x 4 and doubled four times, 1024 maps for the paper's width of 128."""
    model = build({"name": "dcgan", "width": 128, "latent": 100}, Spec(Field("image", (3, 64, 64))), seed=0)
    assert model.generator.start == (1024, 4, 4)
    assert [stage.convolution.out_channels for stage in model.generator.stages] == [512, 256, 128]
    assert [stage.convolution.out_channels for stage in model.discriminator.stages] == [128, 256, 512, 1024]


def test_weights_start_as_published() -> None:
    model = pair((1, 28, 28), width=32)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and module.weight.numel() > 1000:
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert abs(module.weight.mean().item()) < 2e-3
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight.mean().item() == pytest.approx(1.0, abs=0.02)


def test_every_layer_is_described_once() -> None:
    model = pair((1, 28, 28))
    described = describe(model, torch.rand(1, 1, 28, 28))
    names = [layer.name for layer in described.layers]
    assert {"generator.projection", "generator.image", "discriminator.score"} <= set(names)
    assert len(names) == len(set(names))
    generator = 6 * 8 * 49 + 8 * 49 * 4 * 16 + 4 * 196 * 16  # projection, 7 -> 14, 14 -> 28
    discriminator = 196 * 4 * 16 + 49 * 8 * 4 * 16 + 8 * 49  # the same, mirrored
    assert described.multiply_adds == generator + 2 * discriminator  # of an image and of a sample


def test_small_images_are_refused() -> None:
    with pytest.raises(ShapeError, match="at least 8 x 8 pixels"):
        pair((1, 6, 6))
