"""The partition function: enumeration beside brute force over both kinds of units, annealing beside enumeration."""

from __future__ import annotations

import math

import pytest
import torch

from pellucid.nn.partition import annealed, enumerable, exact
from tests.nn.machines import machine, states


@pytest.mark.parametrize(("visible", "hidden"), [(5, 3), (3, 5), (4, 4)])
def test_enumeration_is_the_sum_over_all_pairs_of_states(visible: int, hidden: int) -> None:
    rbm = machine(visible, hidden)
    v, h = states(visible), states(hidden)
    pairs = -rbm.energy(v.repeat_interleave(len(h), 0), h.repeat(len(v), 1)).detach().double()
    assert exact(rbm) == pytest.approx(float(pairs.logsumexp(0)), abs=1e-5)


def test_enumeration_goes_on_over_chunks() -> None:
    rbm = machine(30, 17, size=0.0)
    assert exact(rbm) == pytest.approx(47 * math.log(2), abs=1e-9)


def test_only_small_sides_are_enumerated() -> None:
    assert enumerable(machine(784, 20))
    assert enumerable(machine(9, 500))
    assert not enumerable(machine(21, 21))


@pytest.mark.parametrize("seed", range(4))
def test_annealing_meets_enumeration_within_its_error(seed: int) -> None:
    rbm = machine(20, 12, size=0.7, seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = annealed(rbm, torch.full((20,), 0.4), chains=200, temperatures=500)
    assert 0 < found.standard_error < 0.2
    assert abs(found.log_z - exact(rbm)) < 4 * found.standard_error


def test_more_temperatures_agree_more() -> None:
    rbm = machine(20, 12)
    errors = []
    for temperatures in (10, 100, 1000):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            errors.append(annealed(rbm, torch.full((20,), 0.5), chains=200, temperatures=temperatures).standard_error)
    assert errors[0] > errors[1] > errors[2]


def test_annealing_to_a_machine_without_weights_is_exact() -> None:
    rbm = machine(20, 12, size=0.0)
    rates = torch.full((20,), 0.3)
    rbm.visible_bias.data = rates.logit()
    found = annealed(rbm, rates, chains=4, temperatures=3)
    assert found.log_z == pytest.approx(exact(rbm), abs=1e-5)
    assert found.standard_error == pytest.approx(0, abs=1e-6)
