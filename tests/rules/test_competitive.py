"""Competitive learning: the closed form beside a loop over rows, and MiniSom row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.data.batch import Batch
from pellucid.execution import Execution
from pellucid.models.som import Config as MapConfig
from pellucid.models.som import SelfOrganizingMap
from pellucid.optim.update import NonFinite
from pellucid.rules.competitive import Competitive, Config, falling, moved
from pellucid.spec import Field, Spec
from pellucid.tasks.map import Config as TaskConfig
from pellucid.tasks.map import Map

EXECUTION = Execution("cpu", precision="fp32", threads=1, layout="channels_last", variant="eager")
SPEC = Spec(Field("number", (6,)))


def made(total_steps: int) -> tuple[SelfOrganizingMap, Competitive]:
    torch.manual_seed(0)
    sheet = SelfOrganizingMap(MapConfig(lines=4, columns=5), SPEC)
    return sheet, Competitive(Config(), sheet, Map(TaskConfig(), SPEC), EXECUTION, total_steps)


def rows(num: int) -> torch.Tensor:
    return torch.randn(num, 6, generator=torch.Generator().manual_seed(1))


def test_a_batch_is_a_loop_over_its_rows() -> None:
    random = torch.Generator().manual_seed(0)
    codebook, given = torch.randn(7, 6, generator=random), rows(9)
    shares = torch.rand(9, 7, generator=random)
    shares[4, 2] = 1.0
    by_hand = codebook.clone()
    for row, share in zip(given, shares, strict=True):
        for unit in range(7):
            by_hand[unit] += share[unit] * (row - by_hand[unit])
    torch.testing.assert_close(moved(codebook, given, shares), by_hand)


def test_row_by_row_it_is_minisom() -> None:
    from minisom import MiniSom

    sheet, rule = made(200)
    other = MiniSom(
        4,
        5,
        6,
        sigma=2.5,
        learning_rate=0.5,
        decay_function=lambda rate, step, total: falling(rate, 0.01, step, total),
    )
    other._sigma_decay_function = lambda radius, step, total: falling(radius, 0.5, step, total)  # takes names only
    other._weights = sheet.codebook.numpy().reshape(4, 5, 6).astype(np.float64)
    for step, row in enumerate(rows(200)):
        other.update(row.numpy().astype(np.float64), other.winner(row.numpy()), step, 200)
        rule.step(Batch({"input": row[None]}, torch.tensor([step])))
    np.testing.assert_allclose(sheet.codebook.numpy().reshape(4, 5, 6), other._weights, atol=1e-4)


def test_a_step_that_fails_leaves_the_sheet() -> None:
    sheet, rule = made(10)
    before = sheet.codebook.clone()
    broken = rows(4)
    broken[1, 2] = torch.nan
    with pytest.raises(NonFinite):
        rule.step(Batch({"input": broken}, torch.arange(4)))
    assert torch.equal(sheet.codebook, before)
    assert rule.state_dict() == {"steps": 0}
