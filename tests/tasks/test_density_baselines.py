"""Distributions that need no deep learning: probabilities that sum to one, and a mixture that finds its parts."""

from __future__ import annotations

import pytest
import torch

from pellucid.tasks.density_baselines import independent, mixture
from tests.nn.machines import states


def two_kinds(num: int) -> torch.Tensor:
    """Rows near 11110000 or near 00001111, a tenth of the units flipped."""
    random = torch.Generator().manual_seed(0)
    kind = torch.rand(num, 1, generator=random) < 0.5
    rows = torch.where(kind, torch.arange(8) < 4, torch.arange(8) >= 4)
    return (rows ^ (torch.rand(num, 8, generator=random) < 0.1)).float()


def test_probabilities_sum_to_one() -> None:
    rows = two_kinds(50)
    for distribution in (independent(rows), mixture(rows, components=3)):
        assert float(distribution.log_likelihood(states(8)).exp().sum()) == pytest.approx(1, abs=1e-4)


def test_independent_units_are_as_often_on_as_in_the_rows() -> None:
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    found = independent(rows)
    torch.testing.assert_close(found.rates, torch.tensor([[0.8, 0.4]]))
    expected = torch.tensor([0.8, 0.4]).log().sum()
    torch.testing.assert_close(found.log_likelihood(torch.tensor([[1.0, 1.0]]))[0], expected)


def test_a_mixture_finds_the_kinds() -> None:
    rows = two_kinds(2000)
    found = mixture(rows, components=2)
    noise = 8 * -(0.9 * torch.tensor(0.9).log() + 0.1 * torch.tensor(0.1).log())
    entropy = float(noise + torch.tensor(2.0).log())  # of what the rows were drawn from
    assert -float(found.log_likelihood(rows).mean()) == pytest.approx(entropy, abs=0.1)
    assert -float(independent(rows).log_likelihood(rows).mean()) > entropy + 1
    near = found.reconstruct(torch.tensor([[1.0, 1, 1, 0, 0, 0, 0, 0]]))[0].round()
    assert near.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
