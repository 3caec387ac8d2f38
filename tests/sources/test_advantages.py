"""Generalised advantages are the sums that they are defined as."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pellucid.sources.advantages import gae


def direct(
    rewards: Tensor, values: Tensor, following: Tensor, terminated: Tensor, ended: Tensor, discount: float, keep: float
) -> Tensor:
    """Equation 16 of the paper, term by term: the sum of discounted deltas until the episode ends."""
    steps, environments = rewards.shape
    advantages = torch.zeros(steps, environments, dtype=torch.float64)
    for environment in range(environments):
        for start in range(steps):
            for step in range(start, steps):
                beyond = 0.0 if terminated[step, environment] else discount * following[step, environment]
                delta = rewards[step, environment] + beyond - values[step, environment]
                advantages[start, environment] += (discount * keep) ** (step - start) * delta
                if ended[step, environment]:
                    break
    return advantages


def experience() -> tuple[Tensor, ...]:
    random = torch.Generator().manual_seed(0)
    rewards, values, following = (torch.randn(12, 3, generator=random, dtype=torch.float64) for _ in range(3))
    ended = torch.rand(12, 3, generator=random) < 0.25
    terminated = ended & (torch.rand(12, 3, generator=random) < 0.5)
    assert terminated.any()
    assert (ended & ~terminated).any()
    return rewards, values, following, terminated, ended


@pytest.mark.parametrize("keep", [0.0, 0.9, 1.0])
def test_equals_the_direct_sum(keep: float) -> None:
    given = experience()
    torch.testing.assert_close(gae(*given, discount=0.97, gae_lambda=keep), direct(*given, 0.97, keep))


def test_lambda_one_is_the_discounted_return_minus_the_value() -> None:
    rewards, values = torch.ones(4, 1), torch.tensor([[5.0], [6.0], [7.0], [8.0]])
    following = torch.cat([values[1:], torch.zeros(1, 1)])
    ends = torch.tensor([[False], [False], [False], [True]])
    advantages = gae(rewards, values, following, ends, ends, discount=0.5, gae_lambda=1.0)
    returns = torch.tensor([[1.875], [1.75], [1.5], [1.0]])
    torch.testing.assert_close(advantages, returns - values)


def test_truncation_counts_on_what_lies_beyond_and_termination_does_not() -> None:
    rewards, values, following = torch.ones(1, 2), torch.zeros(1, 2), torch.full((1, 2), 10.0)
    terminated, ended = torch.tensor([[True, False]]), torch.tensor([[True, True]])
    found = gae(rewards, values, following, terminated, ended, discount=0.9, gae_lambda=0.95)
    torch.testing.assert_close(found, torch.tensor([[1.0, 10.0]]))
