"""Chance is a function of a seed and a position: nothing to save, nothing disturbed."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.randomness import StepNoise, derive, generator, permutation, undisturbed


def test_seeds_differ_by_seed_purpose_and_position() -> None:
    derived = {derive(seed, purpose, position) for seed in range(20) for purpose in "ab" for position in range(50)}
    assert len(derived) == 20 * 2 * 50
    assert all(0 <= seed < 2**63 for seed in derived)
    assert derive(1, "order", 23) != derive(12, "order", 3)


def test_seeds_are_the_same_on_every_machine_and_version() -> None:
    """Golden numbers: a change here changes every run's data order and initial weights."""
    assert derive(0, "order") == 3471081512423777433
    assert permutation(8, seed=0, epoch=1).tolist() == [1, 3, 5, 4, 2, 0, 6, 7]


@given(st.integers(0, 300), st.integers(0, 100), st.integers(0, 100))
def test_a_permutation_holds_every_row_once(size: int, seed: int, epoch: int) -> None:
    order = permutation(size, seed, epoch)
    assert sorted(order.tolist()) == list(range(size))
    assert torch.equal(order, permutation(size, seed, epoch))


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = {tuple(permutation(30, seed, epoch).tolist()) for seed in range(10) for epoch in range(10)}
    assert len(orders) == 100


def test_every_row_comes_first_about_as_often() -> None:
    first = [permutation(10, seed=0, epoch=epoch)[0].item() for epoch in range(3000)]
    counts = np.bincount(first, minlength=10)
    assert ((counts - 300) ** 2 / 300).sum() < 27.9  # chi-squared, 9 degrees of freedom, p = 0.001


def test_generators_of_two_purposes_are_independent() -> None:
    draws = torch.stack(
        [torch.rand(2000, generator=generator(0, purpose)) for purpose in ("order", "noise", "weights")]
    )
    assert (torch.corrcoef(draws) - torch.eye(3)).abs().max() < 0.08


def test_a_steps_noise_depends_on_nothing_before_it() -> None:
    with undisturbed():
        noise = StepNoise(7)
        noise.at(3)
        expected = torch.rand(5)
        noise.at(2)
        torch.rand(100)
        noise.at(3)
        assert torch.equal(torch.rand(5), expected)
        StepNoise(8).at(3)
        assert not torch.equal(torch.rand(5), expected)


def test_steps_have_noise_of_their_own() -> None:
    with undisturbed():
        noise = StepNoise(0)
        draws = []
        for step in range(2000):
            noise.at(step)
            draws.append(torch.rand(2))
    values = torch.stack(draws)
    assert len(values[:, 0].unique()) > 1990
    assert values.mean(dim=0).sub(0.5).abs().max() < 0.03
    assert torch.corrcoef(torch.stack([values[:-1, 0], values[1:, 0]]))[0, 1].abs() < 0.08  # step against next step


def test_an_undisturbed_block_leaves_torchs_generator_as_it_was() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with undisturbed(seed=9):
        one = torch.rand(4)
    assert torch.equal(torch.rand(4), expected)
    with undisturbed(seed=9):
        assert torch.equal(torch.rand(4), one)
