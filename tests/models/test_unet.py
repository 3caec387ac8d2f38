"""The U-Net: a number per class and pixel at any size, every parameter learns, and skips carry what halving loses."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.errors import ShapeError
from pellucid.models import build
from pellucid.spec import Field, Spec


def unet(size: tuple[int, int] = (16, 16), channels: int = 3, num: int = 5, **fields: object) -> nn.Module:
    target = Field("mask", size, categories=tuple(map(str, range(num))))
    return build({"name": "unet", **fields}, Spec(Field("image", (channels, *size)), target), seed=0)


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (8, 9), (180, 31)])
def test_outputs_are_as_large_as_the_picture(size: tuple[int, int], stride: int) -> None:
    outputs = unet(size, stride=stride).eval()(torch.randn(2, 3, *size))
    assert outputs.shape == (2, 5, *size)
    assert outputs.isfinite().all()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_a_gradient_reaches_every_parameter(norm: str, stride: int) -> None:
    model = unet(widths=(8, 16, 24), norm=norm, stride=stride)
    names, parameters = zip(*model.named_parameters(), strict=True)
    target = torch.arange(2 * 16 * 16).view(2, 16, 16) % 5
    found = torch.autograd.grad(F.cross_entropy(model(torch.randn(2, 3, 16, 16)), target), parameters)
    assert [name for name, gradient in zip(names, found, strict=True) if not gradient.any()] == []


def test_parameters_at_the_papers_widths() -> None:
    """Convolutions of section 2 of the paper: 64 to 1024 maps, one grey channel, two classes; no batch norm."""
    widths = (64, 128, 256, 512, 1024)
    pairs = list(pairwise(widths))
    down = 9 * (64 + 64 * 64) + sum(9 * (a * b + b * b) for a, b in pairs)
    up = sum(4 * a * b + 9 * (2 * a * a + a * a) for a, b in pairs)
    biases = 2 * sum(widths) + 3 * sum(widths[:-1])
    expected = down + up + biases + 64 * 2 + 2
    model = unet(channels=1, num=2, widths=widths, norm="none", size=(64, 64))
    assert sum(parameter.numel() for parameter in model.parameters()) == expected == 31_030_658


def test_rows_do_not_meet_in_evaluation() -> None:
    model, inputs = unet().eval(), torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(model(inputs)[1:3], model(inputs[1:3]), rtol=1e-4, atol=1e-5)


def test_skips_carry_single_pixels_past_the_halvings() -> None:
    model = unet(widths=(4, 8)).eval()
    inputs = torch.randn(1, 3, 16, 16)

    def constant(module: nn.Module, given: object, out: Tensor) -> Tensor:
        return torch.zeros_like(out)

    moved = inputs.clone()
    moved[0, :, 5, 5] += 3
    with torch.no_grad():
        model.get_submodule("contracting.0").register_forward_hook(constant)  # nothing comes from below
        change = (model(moved) - model(inputs)).abs().sum(dim=1)[0]
    assert change[5, 5] > 0
    assert not change[:1].any()  # four 3 x 3 convolutions see four pixels far
    assert not change[10:].any()


def test_a_mask_can_be_learned_by_heart() -> None:
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, 3, 16, 16, generator=draw)
    target = torch.randint(5, (2, 16, 16), generator=draw)
    model = unet(widths=(16, 32))
    velocity = [torch.zeros_like(parameter) for parameter in model.parameters()]
    for _ in range(100):
        loss = F.cross_entropy(model(inputs), target)
        with torch.no_grad():
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            for parameter, gradient, speed in zip(model.parameters(), gradients, velocity, strict=True):
                parameter.sub_(0.05 * speed.mul_(0.9).add_(gradient))
    assert float(loss.detach()) < 0.2


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ShapeError, match="unet needs images of at least 8 x 8 pixels; these are 7 x 9"):
        unet((7, 9))
    with pytest.raises(ShapeError, match="unet reads images of shape"):
        build({"name": "unet"}, Spec(Field("number", (3,))), seed=0)
