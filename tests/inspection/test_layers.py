"""Shapes, parameters and multiply-adds of every layer, against counts by hand and the papers'."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.inspection.layers import describe
from pellucid.models import build
from pellucid.spec import Field, Spec


def images(channels: int, size: int) -> Spec:
    return Spec(Field("image", (channels, size, size)), Field("category", categories=tuple("0123456789")))


def test_lenet_layer_by_layer() -> None:
    spec = images(1, 28)
    description = describe(build({"name": "lenet5"}, spec, seed=0), spec)
    assert [(layer.name, layer.kind, layer.output_shape, layer.multiply_adds) for layer in description.layers] == [
        ("c1", "Conv2d", (6, 28, 28), 6 * 28 * 28 * 25),
        ("s2.0", "MaxPool2d", (6, 14, 14), 0),
        ("c3", "Conv2d", (16, 10, 10), 16 * 10 * 10 * 25 * 6),
        ("s4.0", "MaxPool2d", (16, 5, 5), 0),
        ("c5", "Linear", (120,), 400 * 120),
        ("f6", "Linear", (84,), 120 * 84),
        ("output", "Linear", (10,), 84 * 10),
    ]
    assert description.parameters == description.trainable == 61_706
    assert description.multiply_adds == 416_520


def test_lenet_of_1998_computes_its_partial_convolution_densely() -> None:
    spec = images(1, 28)
    rows = {
        layer.name: layer for layer in describe(build({"name": "lenet5", "form": "1998"}, spec, seed=0), spec).layers
    }
    assert (rows["c3"].parameters, rows["c3"].multiply_adds) == (1_516, 16 * 10 * 10 * 25 * 6)
    assert (rows["s2.1"].parameters, rows["s2.1"].multiply_adds) == (12, 6 * 14 * 14)


def test_resnet_20_costs_what_is_published() -> None:
    spec = images(3, 32)
    description = describe(build({"name": "resnet"}, spec, seed=0), spec)
    stages = (13_824 * 32**2, 50_688 * 16**2, 202_752 * 8**2)
    assert description.multiply_adds == 432 * 32**2 + sum(stages) + 640 == 40_551_040
    assert description.parameters == sum(layer.parameters for layer in description.layers) == 269_722


@pytest.mark.parametrize(
    ("module", "inputs", "multiply_adds", "output_shape"),
    [
        (nn.Linear(3, 4), (3,), 12, (4,)),
        (nn.Linear(3, 4, bias=False), (5, 3), 60, (5, 4)),
        (nn.Conv1d(3, 4, 3), (3, 9), 7 * 4 * 3 * 3, (4, 7)),
        (nn.Conv2d(4, 8, 3, stride=2, groups=2), (4, 9, 9), 4 * 4 * 8 * 2 * 9, (8, 4, 4)),
        (nn.Conv3d(1, 2, 2), (1, 3, 3, 3), 8 * 2 * 8, (2, 2, 2, 2)),
        (nn.ConvTranspose2d(3, 4, 2, stride=2), (3, 5, 5), 25 * 3 * 4 * 4, (4, 10, 10)),
        (nn.BatchNorm1d(7), (7,), 0, (7,)),
        (nn.Embedding(9, 5), torch.zeros(2, 6, dtype=torch.long), 0, (6, 5)),
        (nn.RNN(3, 4, batch_first=True), (5, 3), 5 * (3 * 4 + 4 * 4), (5, 4)),
        (nn.LSTM(3, 4, batch_first=True, bidirectional=True), (5, 3), 2 * 5 * 4 * (3 * 4 + 4 * 4), (5, 8)),
        (nn.GRU(3, 4, num_layers=2, batch_first=True), (5, 3), 5 * 3 * (3 * 4 + 3 * 4 * 4), (5, 4)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_one_layer_of_each_kind(
    module: nn.Module, inputs: Any, multiply_adds: int, output_shape: tuple[int, ...]
) -> None:
    description = describe(module, inputs)
    assert (description.multiply_adds, description.layers[0].output_shape) == (multiply_adds, output_shape)
    assert description.parameters == sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("recording", [True, False])
def test_a_transformer_layer_with_its_attention(recording: bool) -> None:
    T, D, H = 5, 8, 16
    layer = nn.TransformerEncoderLayer(D, nhead=2, dim_feedforward=H, batch_first=True)
    with torch.set_grad_enabled(recording):
        description = describe(layer, (T, D))
    assert description.multiply_adds == T * (4 * D * D + 2 * D * H) + 2 * T * T * D
    assert description.parameters == sum(row.parameters for row in description.layers)
    assert next(row for row in description.layers if row.name == "self_attn.out_proj").output_shape is None


class ByHand(nn.Module):
    """A user's own module: raw parameters and functions, and one linear layer that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.mixing = nn.Parameter(torch.randn(6, 6))
        self.kernel = nn.Parameter(torch.randn(1, 1, 3))
        self.twice = nn.Linear(6, 6)
        self.tied = nn.Linear(6, 6)
        self.tied.weight = self.twice.weight
        self.frozen = nn.Parameter(torch.zeros(3), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.einsum("bi,ij->bj", x, self.mixing)
        x = F.conv1d(x[:, None], self.kernel, padding=1)[:, 0]
        return self.tied(self.twice(self.twice(x)))


def test_a_module_that_calls_functions_is_counted_too() -> None:
    description = describe(ByHand(), (6,))
    rows = {layer.name: (layer.parameters, layer.multiply_adds) for layer in description.layers}
    assert rows == {"": (36 + 3 + 3, 36 + 6 * 3), "twice": (36 + 6, 2 * 36), "tied": (6, 36)}
    assert (description.parameters, description.trainable) == (90, 87)


def test_the_model_and_the_random_state_stay_as_they_were() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    describe(model, (1, 8, 8))
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_failing_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(RuntimeError):
        describe(model, (5,))
    assert model.training
    assert not model[0]._forward_hooks


def test_json() -> None:
    description = describe(nn.Sequential(nn.Flatten(), nn.Linear(6, 2, dtype=torch.float64)), (2, 3))
    assert json.loads(json.dumps(description.to_dict())) == {
        "parameters": 14,
        "trainable": 14,
        "multiply_adds": 12,
        "input_shape": [2, 3],
        "layers": [
            {"name": "0", "kind": "Flatten", "output_shape": [6], "parameters": 0, "multiply_adds": 0},
            {"name": "1", "kind": "Linear", "output_shape": [2], "parameters": 14, "multiply_adds": 12},
        ],
        "parameter_names": ["1.weight", "1.bias"],
    }


def test_it_prints_as_a_table() -> None:
    lines = str(describe(nn.Sequential(nn.Flatten(), nn.Linear(600, 200)), (2, 300))).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "multiply-adds"]
    assert lines[2].split() == ["1", "Linear", "200", "120,200", "120,000"]
    assert lines[-1].split() == ["total", "120,200", "120,000"]
