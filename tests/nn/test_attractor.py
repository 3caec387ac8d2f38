"""Nets that settle: Hebb's sum by hand, falling energy, and the load that random patterns can bear."""

from __future__ import annotations

import pytest
import torch

from pellucid.nn.attractor import CAPACITY, energy, hebbian, settle, sweep
from pellucid.tasks.capacity import overlaps


def patterns(num: int, units: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 2, (num, units), generator=torch.Generator().manual_seed(seed)).float() * 2 - 1


def test_hebbian_weights_are_the_sum_of_outer_products() -> None:
    stored = patterns(5, 7)
    by_hand = torch.zeros(7, 7)
    for pattern in stored:
        for i in range(7):
            for j in range(7):
                by_hand[i, j] += pattern[i] * pattern[j] / 7 if i != j else 0.0
    torch.testing.assert_close(hebbian(stored), by_hand)


def test_energy_is_the_sum_over_pairs() -> None:
    weights, states = hebbian(patterns(3, 6)), patterns(4, 6, seed=1)
    by_hand = [-sum(weights[i, j] * s[i] * s[j] for i in range(6) for j in range(i)) for s in states]
    torch.testing.assert_close(energy(weights, states), torch.stack(by_hand))


def test_energy_never_rises_one_unit_at_a_time() -> None:
    weights, states = hebbian(patterns(30, 100)), patterns(20, 100, seed=1)
    before = energy(weights, states)
    for _ in range(8):
        sweep(weights, states)
        after = energy(weights, states)
        assert (after <= before + 1e-4).all()
        before = after
    at_rest = settle(weights, states, asynchronous=True, sweeps=100)
    sums = at_rest @ weights
    assert ((sums * at_rest) >= 0).all()


def test_a_few_patterns_come_back_from_corrupted_ones() -> None:
    stored = patterns(10, 200)
    corrupted = stored.clone()
    corrupted[:, ::10] *= -1
    for asynchronous in (True, False):
        found = settle(hebbian(stored), corrupted, asynchronous=asynchronous, sweeps=50)
        assert (found == stored).double().mean() > 0.995


def test_recall_breaks_down_near_the_capacity() -> None:
    below, at, far_beyond = (both[0] for both in overlaps(600, (0.1, CAPACITY, 0.25)))
    assert below > 0.99
    assert at == pytest.approx(0.967, abs=0.03)  # Amit, Gutfreund & Sompolinsky's overlap just before it
    assert far_beyond < 0.5
