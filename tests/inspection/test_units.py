"""Dead units are those that no row makes active."""

from __future__ import annotations

import torch
from torch import nn

from pellucid.inspection.units import watched


def test_units_that_no_row_makes_active_are_counted() -> None:
    layer = nn.Linear(2, 4)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, 0.0]]))
        layer.bias.copy_(torch.tensor([0.0, -5.0, 0.0, 0.0]))
    model = nn.Sequential(layer, nn.ReLU(), nn.Linear(4, 3))
    with watched(model) as activity:
        model(torch.tensor([[1.0, 1.0]]))
        model(torch.tensor([[2.0, 4.0], [3.0, 0.0]]))
        model(torch.tensor([[-1.0, 5.5]]))  # wakes the second and the third
    assert activity.counts() == {"1": {"units": 4, "dead": 1}}
    model(torch.zeros(1, 2))  # nobody watches any more
    assert not model[1]._forward_hooks


def test_a_channel_is_dead_only_if_it_is_at_every_place() -> None:
    convolution = nn.Conv2d(1, 3, 1)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([1.0, -1.0, 0.0]).reshape(3, 1, 1, 1))
        convolution.bias.copy_(torch.tensor([-8.0, 0.0, -1.0]))
    model = nn.Sequential(convolution, nn.ReLU())
    pictures = torch.zeros(2, 1, 3, 3)
    with watched(model) as activity:
        model(pictures)
    assert activity.counts() == {"1": {"units": 3, "dead": 3}}
    pictures[1, 0, 2, 2] = 9.0
    with watched(model) as activity:
        model(pictures)
    assert activity.counts()["1"]["dead"] == 2


def test_other_activations_and_empty_batches_are_not_followed() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.GELU(), nn.Linear(2, 2), nn.ReLU())
    with watched(model) as activity:
        model(torch.zeros(0, 2))
    assert activity.counts() == {}
