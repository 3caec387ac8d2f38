"""The convolutional networks against their papers' numbers."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pellucid.errors import RecipeError, ShapeError
from pellucid.models import build
from pellucid.models.lenet5 import TABLE_I, PartialConvolution, ScaledTanh, Subsampling, halving
from pellucid.models.resnet import Block, ZeroPaddedShortcut
from pellucid.spec import Field, Spec


def images(channels: int, height: int, width: int | None = None) -> Spec:
    return Spec(Field("image", (channels, height, width or height)), Field("category", categories=tuple("0123456789")))


def num_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


# ResNet, arXiv:1512.03385, Table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million parameters.


@pytest.mark.parametrize(
    ("depth", "published", "exact"),
    [(20, 0.27, 269_722), (32, 0.46, 464_154), (44, 0.66, 658_586), (56, 0.85, 853_018), (110, 1.7, 1_727_962)],
)
def test_resnet_parameters(depth: int, published: float, exact: int) -> None:
    n = (depth - 2) // 6
    convolutions = 9 * (3 * 16 + 2 * n * 16**2 + 16 * 32 + (2 * n - 1) * 32**2 + 32 * 64 + (2 * n - 1) * 64**2)
    norms = 2 * (16 + 2 * n * (16 + 32 + 64))
    assert convolutions + norms + 64 * 10 + 10 == exact
    assert num_parameters(build({"name": "resnet", "depth": depth}, images(3, 32), seed=0)) == exact
    assert round(exact / 1e6, 2 if depth < 110 else 1) == published


def test_resnet_shortcuts_differ_by_their_projections() -> None:
    a, b, none = (
        num_parameters(build({"name": "resnet", "shortcut": shortcut}, images(3, 32), seed=0))
        for shortcut in ("A", "B", "none")
    )
    assert none == a
    assert b - a == (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)


def test_option_a_takes_every_second_pixel_and_adds_empty_maps() -> None:
    x = torch.randn(2, 3, 7, 8)
    given = ZeroPaddedShortcut(5)(x)
    assert given.shape == (2, 8, 4, 4)
    assert torch.equal(given[:, :3], x[:, :, ::2, ::2])
    assert not given[:, 3:].any()


def test_a_residual_block_that_adds_nothing_is_the_identity() -> None:
    block = Block(4, 4, stride=1, shortcut="A")
    nn.init.zeros_(block.norm2.weight)
    x = torch.rand(2, 4, 6, 6)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (17, 31)])
def test_resnet_takes_any_size(size: tuple[int, int]) -> None:
    model = build({"name": "resnet", "depth": 8}, images(2, *size), seed=0)
    assert model(torch.zeros(2, 2, *size)).shape == (2, 10)


def test_resnet_depth_is_6n_plus_2() -> None:
    with pytest.raises(
        RecipeError, match=r"model\.depth = 18: expected 6n \+ 2 layers .*; the nearest are 14 and 20\."
    ):
        build({"name": "resnet", "depth": 18}, images(3, 32), seed=0)


# LeNet-5, doi:10.1109/5.726791, section II.B.


def test_modern_lenet_parameters() -> None:
    c1, c3, c5, f6, output = 6 * 25 + 6, 16 * 6 * 25 + 16, 400 * 120 + 120, 120 * 84 + 84, 84 * 10 + 10
    assert c1 + c3 + c5 + f6 + output == 61_706
    assert num_parameters(build({"name": "lenet5"}, images(1, 28), seed=0)) == 61_706
    assert num_parameters(build({"name": "lenet5"}, images(1, 32), seed=0)) == 61_706


def test_lenet_of_1998_has_the_papers_parameters_layer_by_layer() -> None:
    model = build({"name": "lenet5", "form": "1998"}, images(1, 28), seed=0)
    layers = {name: num_parameters(layer) for name, layer in model.named_children()}
    output = layers.pop("output")
    assert {name: count for name, count in layers.items() if count} == {
        "c1": 156,
        "s2": 12,
        "c3": 1_516,
        "s4": 32,
        "c5": 48_120,
        "f6": 10_164,
    }
    assert sum(layers.values()) == 60_000
    assert output == 850  # in place of the paper's fixed RBF units


def test_table_one() -> None:
    assert [len(seen) for seen in TABLE_I] == [3] * 6 + [4] * 9 + [6]
    assert len(set(TABLE_I)) == 16
    assert [sum(column in seen for seen in TABLE_I) for column in range(6)] == [10] * 6  # each map of S2 is seen by ten


def test_partial_convolution_equals_one_convolution_per_map() -> None:
    layer, x = PartialConvolution(TABLE_I, num_inputs=6), torch.randn(2, 6, 14, 14)
    nn.init.normal_(layer.bias)
    kernels, maps = iter(layer.kernels), []
    for seen, bias in zip(TABLE_I, layer.bias, strict=True):
        weight = torch.stack([next(kernels) for _ in seen])[None]
        maps.append(F.conv2d(x[:, list(seen)], weight, bias[None]))
    torch.testing.assert_close(layer(x), torch.cat(maps, dim=1))


def test_subsampling_is_the_papers() -> None:
    layer, x = Subsampling(2), torch.randn(1, 2, 4, 4)
    nn.init.normal_(layer[1].bias)
    coefficient, bias = layer[1].weight.view(2), layer[1].bias
    window_sum = x[0, 1, 2:, 2:].sum()
    expected = 1.7159 * torch.tanh(2 / 3 * (coefficient[1] / 4 * window_sum + bias[1]))
    torch.testing.assert_close(layer(x)[0, 1, 1, 1], expected)


def test_the_scaled_tanh_maps_one_to_one() -> None:
    squashed = ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0, 100.0]))
    torch.testing.assert_close(squashed, torch.tensor([-1.0, 0.0, 1.0, 1.7159]), rtol=0, atol=1e-4)


def test_pooling_before_relu_equals_relu_before_pooling() -> None:
    x = torch.randn(3, 6, 28, 28)
    assert torch.equal(halving()(x), F.max_pool2d(F.relu(x), 2))


@pytest.mark.parametrize("form", ["modern", "1998"])
@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 32, 32), (2, 50, 37)])
def test_lenet_takes_any_size_from_twelve_on(form: str, shape: tuple[int, int, int]) -> None:
    model = build({"name": "lenet5", "form": form}, images(*shape), seed=0)
    assert model(torch.zeros(2, *shape)).shape == (2, 10)


# The small convolutional network.


@pytest.mark.parametrize("shape", [(1, 4, 4), (5, 6, 9), (3, 32, 32)])
def test_convnet_takes_any_size_from_four_on(shape: tuple[int, int, int]) -> None:
    model = build({"name": "convnet"}, images(*shape), seed=0)
    assert model(torch.zeros(2, *shape)).shape == (2, 10)


def test_convnet_parameters() -> None:
    convolutions, norms, output = 9 * (1 * 32 + 32 * 64), 2 * (32 + 64), 64 * 2 * 2 * 10 + 10
    assert num_parameters(build({"name": "convnet"}, images(1, 8), seed=0)) == convolutions + norms + output == 21_482


@pytest.mark.parametrize(
    ("section", "spec", "message"),
    [
        ({"name": "convnet"}, images(1, 3), r"convnet needs images of at least 4 x 4 pixels; these are 3 x 3"),
        ({"name": "convnet", "widths": [8, 8, 8]}, images(1, 7), r"at least 8 x 8 pixels; these are 7 x 7"),
        ({"name": "lenet5"}, images(1, 8), r"lenet5 needs images of at least 12 x 12 pixels; these are 8 x 8"),
        ({"name": "resnet"}, images(3, 32, 6), r"resnet needs images of at least 8 x 8 pixels; these are 32 x 6"),
        ({"name": "resnet"}, Spec(Field("number", (13,))), r"but the input is of kind 'number' with shape \(13,\)"),
    ],
)
def test_what_does_not_fit_is_refused(section: dict[str, object], spec: Spec, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        build(section, spec, seed=0)


def test_convnet_reads_the_digits() -> None:
    """Plain momentum, ten epochs, a fifth held out: at least 0.98, in two seconds or so."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pictures = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(digits.target)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(labels), generator=generator)
    held_out, train = order[:360], order[360:]
    model = build({"name": "convnet"}, images(1, 8), seed=0)
    parameters = list(model.parameters())
    velocities = [torch.zeros_like(parameter) for parameter in parameters]
    num_steps, step = 10 * math.ceil(len(train) / 64), 0
    for _ in range(10):
        for rows in train[torch.randperm(len(train), generator=generator)].split(64):
            gradients = torch.autograd.grad(F.cross_entropy(model(pictures[rows]), labels[rows]), parameters)
            rate = 0.05 * (1 - step / num_steps)
            step += 1
            with torch.no_grad():
                for parameter, velocity, gradient in zip(parameters, velocities, gradients, strict=True):
                    velocity.mul_(0.9).add_(gradient)
                    parameter -= rate * velocity
    model.eval()
    assert model(pictures[held_out]).argmax(1).eq(labels[held_out]).double().mean().item() >= 0.98
