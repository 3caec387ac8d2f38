"""Rollouts: seeds, noise and minibatches are functions of the seed; what was cut is not what ended."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.environments.episodes import Episodes
from pellucid.environments.policy import Choice, Wanted
from pellucid.errors import PellucidError
from pellucid.recipe import SplitSection
from pellucid.sources.rollouts import Rollouts
from tests.tenants.worlds import BANDIT, CLOCK


class Even:
    """Takes each of two actions half of the time, and expects ten times what it sees first."""

    def __init__(self, **wanted: Any) -> None:
        self.wanted = Wanted(**wanted)
        self.absorbed: list[Tensor] = []
        self.notes: list[tuple[float | None, float | None, int]] = []

    def act(self, observations: Tensor, uniforms: Tensor) -> Choice:
        return Choice((uniforms > 0.5).long(), torch.full_like(uniforms, -0.7), self.values(observations))

    def values(self, observations: Tensor) -> Tensor:
        return observations[:, 0] * 10

    def absorb(self, observations: Tensor) -> None:
        self.absorbed.append(observations)

    def note(self, mean_return: float | None, mean_length: float | None, steps: int) -> None:
        self.notes.append((mean_return, mean_length, steps))


def source(identifier: str = "CartPole-v1", seed: int = 0) -> Rollouts:
    return Rollouts(Episodes(identifier, SplitSection()), batch_size=64, seed=seed)


PASSES: dict[str, Any] = {"num_environments": 3, "length": 8, "epochs": 2, "minibatches": 4}


def test_every_pass_gives_every_step_once() -> None:
    rollouts, policy = source(), Even(**PASSES)
    given = [rollouts.next(policy).rows.tolist() for _ in range(16)]
    for number in range(4):
        rows = sorted(row for ids in given[4 * number : 4 * number + 4] for row in ids)
        start = 24 * (number // 2)
        assert rows == list(range(start, start + 24))
    assert given[0] != given[4]


def test_a_cut_episode_counts_on_the_value_of_the_last_observation() -> None:
    """The clock is cut after 5 steps, when it shows 5: what would have come is worth 50 there."""
    wanted = {"num_environments": 1, "length": 7, "discount": 1.0, "gae_lambda": 1.0}
    batch = source(CLOCK).next(Even(**wanted))
    assert batch["input"][:, 0].tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert batch["return"].tolist() == [55, 54, 53, 52, 51, 22, 21]
    torch.testing.assert_close(batch["advantage"], batch["return"] - batch["value"])


def test_without_bootstrap_a_cut_is_an_end() -> None:
    batch = source(CLOCK).next(Even(num_environments=2, length=None, discount=1.0, bootstrap=False))
    assert batch["return"].reshape(5, 2)[:, 0].tolist() == [5, 4, 3, 2, 1]


def test_whole_episodes_are_one_of_each_environment() -> None:
    rollouts, policy = source(), Even(num_environments=4, length=None)
    first, second = rollouts.next(policy), rollouts.next(policy)
    (mean_return, mean_length, steps), (*_, both) = policy.notes
    assert len(first) == steps == 4 * mean_length == 4 * mean_return  # type: ignore[operator]
    assert len(first) + len(second) == both


def test_the_normaliser_sees_a_rollout_when_the_next_begins() -> None:
    rollouts, policy = source(), Even(**PASSES)
    for _ in range(8):
        rollouts.next(policy)
    assert policy.absorbed == []
    rollouts.next(policy)
    assert [len(seen) for seen in policy.absorbed] == [24]


def test_rewards_are_divided_by_the_deviation_of_discounted_returns() -> None:
    wanted: dict[str, Any] = {"num_environments": 1, "length": 5, "discount": 0.5, "gae_lambda": 0.0}
    plain = source(CLOCK).next(Even(**wanted))
    scaled = source(CLOCK).next(Even(**wanted, scale_rewards=True))
    returns = torch.tensor([1, 1.5, 1.75, 1.875, 1.9375], dtype=torch.float64)
    rewards = [batch["advantage"] + batch["value"] - 5 * (batch["input"][:, 0] + 1) for batch in (plain, scaled)]
    torch.testing.assert_close(rewards[0], torch.ones(5))
    torch.testing.assert_close(rewards[1], (1 / returns.std(correction=0)).float().expand(5))


@pytest.mark.parametrize("stop", [0, 1, 5, 8, 13])
@pytest.mark.parametrize("length", [8, None])
def test_goes_on_where_it_stood(stop: int, length: int | None) -> None:
    """Also in the middle of a pass, and of episodes that are open."""
    wanted = {**PASSES, "length": length, "scale_rewards": True}
    whole, policy = source(), Even(**wanted)
    expected = [whole.next(policy) for _ in range(30)][stop:]
    first, second = source(), source()
    for _ in range(stop):
        first.next(policy)
    second.load_state_dict(first.state_dict())
    for batch in expected:
        found = second.next(policy)
        assert torch.equal(found.rows, batch.rows)
        assert all(torch.equal(found[name], column) for name, column in batch.columns.items())


def test_another_seed_is_another_course() -> None:
    first, second = (source(seed=seed).next(Even(**PASSES)) for seed in (0, 1))
    assert not torch.equal(first["input"], second["input"])


def test_a_rule_without_a_policy_is_told_what_to_choose() -> None:
    with pytest.raises(PellucidError, match=r"this rule chooses no actions\. Choose reinforce, a2c or ppo"):
        source(BANDIT).next(None)
