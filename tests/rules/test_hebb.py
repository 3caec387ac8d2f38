"""Hebb's rule: exactly the sum of outer products, however the patterns come; projections hold what resembles."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pellucid.data.batch import Batch
from pellucid.execution import Execution
from pellucid.models.hopfield import Config as NetConfig
from pellucid.models.hopfield import Hopfield
from pellucid.nn.attractor import hebbian
from pellucid.rules.hebb import Config, Hebb
from pellucid.spec import Field, Spec
from pellucid.tasks.recall import Config as TaskConfig
from pellucid.tasks.recall import Recall

EXECUTION = Execution("cpu", precision="fp32", threads=1, layout="channels_last", variant="eager")


def stored(patterns: Tensor, batch_size: int, **settings: str) -> Tensor:
    spec = Spec(Field("number", (patterns.shape[1],)))
    net = Hopfield(NetConfig(), spec)
    rule = Hebb(Config.model_validate(settings), net, Recall(TaskConfig(), spec), EXECUTION, 1)
    for places in torch.arange(len(patterns)).split(batch_size):
        told = rule.step(Batch({"input": patterns[places]}, places))
    assert told["load"] == pytest.approx(len(patterns) / patterns.shape[1])
    return net.weights


def binary(num: int, units: int) -> Tensor:
    return torch.rand(num, units, generator=torch.Generator().manual_seed(0)).round()


def test_portions_and_order_change_no_bit() -> None:
    patterns = binary(23, 30)
    whole = stored(patterns, 23)
    torch.testing.assert_close(whole, hebbian(patterns * 2 - 1))
    assert torch.equal(stored(patterns, 1), whole)
    assert torch.equal(stored(patterns.flip(0), 4), whole)
    assert not whole.diagonal().any()
    assert torch.equal(whole, whole.T)


def test_a_projection_is_the_pseudo_inverse() -> None:
    patterns = binary(12, 30)
    states = (patterns * 2 - 1).double()
    expected = (torch.linalg.pinv(states) @ states).fill_diagonal_(0).float()
    for batch_size in (1, 5, 12):
        torch.testing.assert_close(stored(patterns, batch_size, form="projection"), expected, rtol=1e-4, atol=1e-6)
    twice = stored(patterns.repeat(2, 1), 24, form="projection")
    torch.testing.assert_close(twice, expected, rtol=1e-4, atol=1e-6)
