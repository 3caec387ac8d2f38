"""The first weights have the statistics that their papers promise, and keep a signal alive at depth (or do not)."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pellucid.errors import PellucidError
from pellucid.nn.activations import activation
from pellucid.nn.initialisers import initialise, layer_sequential


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.default_generator.manual_seed(0)


def deep_net(activation_name: str, *, depth: int = 20, width: int = 128) -> nn.Sequential:
    layers = [module for _ in range(depth) for module in (nn.Linear(width, width), activation(activation_name))]
    return nn.Sequential(*layers)


def mean_square_per_layer(net: nn.Sequential, x: torch.Tensor) -> list[float]:
    sizes = []
    with torch.no_grad():
        for module in net:
            x = module(x)
            if isinstance(module, nn.Linear):
                sizes.append(x.square().mean().item())
    return sizes


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("small_random", 0.01),
        ("xavier", math.sqrt(2 / (300 + 200))),
        ("he", math.sqrt(2 / 300)),
        ("default", math.sqrt(1 / (3 * 300))),
    ],
)
def test_standard_deviation(name: str, deviation: float) -> None:
    layer = nn.Linear(300, 200)
    initialise(layer, name)
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert abs(layer.weight.mean().item()) < 4 * deviation / math.sqrt(layer.weight.numel())
    assert name == "default" or layer.bias.eq(0).all()


def test_fan_in_of_a_convolution_is_its_window() -> None:
    layer = nn.Conv2d(32, 64, kernel_size=5)
    initialise(layer, "he")
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (32 * 25)), rel=0.02)


@pytest.mark.parametrize("shape", [(30, 50), (50, 30)])
def test_orthogonal_weights_have_orthonormal_rows_or_columns(shape: tuple[int, int]) -> None:
    layer = nn.Linear(*shape)
    initialise(layer, "orthogonal")
    weight = layer.weight if shape[0] > shape[1] else layer.weight.T
    torch.testing.assert_close(weight @ weight.T, torch.eye(30), rtol=0, atol=1e-5)


def test_constant_weights_never_tell_units_apart() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    initialise(net, "constant")
    gradient, *_ = torch.autograd.grad(net(torch.randn(8, 4)).square().sum(), list(net.parameters()))
    assert gradient.abs().sum() > 0
    torch.testing.assert_close(gradient, gradient[:1].expand(3, 4))


def test_he_keeps_the_signal_of_relu_at_depth_twenty() -> None:
    net = deep_net("relu", width=512)
    initialise(net, "he")
    sizes = mean_square_per_layer(net, torch.randn(256, 512))
    assert 0.4 < sizes[-1] / sizes[0] < 2.5


def test_orthogonal_keeps_the_signal_of_a_linear_net_exactly() -> None:
    net = deep_net("identity")
    initialise(net, "orthogonal")
    sizes = mean_square_per_layer(net, torch.randn(256, 128))
    assert sizes[-1] == pytest.approx(sizes[0], rel=1e-4)


@pytest.mark.parametrize("name", ["small_random", "xavier"])
def test_smaller_weights_lose_it(name: str) -> None:
    net = deep_net("relu")
    initialise(net, name)
    sizes = mean_square_per_layer(net, torch.randn(256, 128))
    assert sizes[-1] / sizes[0] < 1e-3


@pytest.mark.parametrize("activation_name", ["relu", "sigmoid", "gelu"])
def test_layer_sequential_gives_every_layer_unit_variance(activation_name: str) -> None:
    net, sample = deep_net(activation_name), 7 + 3 * torch.randn(256, 128)
    layer_sequential(net, sample)
    x = sample
    with torch.no_grad():
        for module in net:
            x = module(x)
            if isinstance(module, nn.Linear):
                assert x.var(correction=0).item() == pytest.approx(1, abs=1e-3)


def test_layer_sequential_leaves_modes_and_hooks_as_they_were() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(64, 2))
    net[1].eval()
    layer_sequential(net, torch.randn(16, 1, 6, 6))
    assert [module.training for module in net] == [True, False, True, True, True]
    assert net[1].num_batches_tracked == 0
    assert not any(module._forward_hooks for module in net.modules())


def test_layer_sequential_scales_a_shared_layer_once() -> None:
    shared = nn.Linear(8, 8)
    layer_sequential(nn.Sequential(shared, shared), 5 * torch.randn(64, 8))
    torch.testing.assert_close(shared.weight @ shared.weight.T, torch.eye(8) * shared.weight[0].square().sum())


def test_layer_sequential_refuses_a_sample_without_variation() -> None:
    with pytest.raises(PellucidError, match=r"standard deviation of 0 on the sample of 4 rows"):
        layer_sequential(nn.Sequential(nn.Linear(3, 2)), torch.zeros(4, 3))


def test_an_unknown_name_answers_with_the_closest() -> None:
    with pytest.raises(PellucidError, match=r"initialiser: there is no 'xaver'\. Did you mean 'xavier'\?"):
        initialise(nn.Linear(1, 1), "xaver")
