"""Chance as a function of (seed, row): evenly spread, unrelated from row to row, and the same in whatever batch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from pellucid.data.augmentations.draw import Draw, mix

MASK = (1 << 64) - 1
ROWS = torch.arange(20_000)
SURE = 1e-4
"""Of a right generator, one test in ten thousand would come out below; the draws are fixed, so none does by chance."""


def splitmix(state: int) -> int:
    """SplitMix64's finaliser as it was published, with whole numbers of any size."""
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


@given(st.lists(st.integers(0, MASK), min_size=1, max_size=20))
def test_the_hash_is_that_of_splitmix(values: list[int]) -> None:
    signed = torch.from_numpy(np.array(values, dtype=np.uint64).view(np.int64))
    assert mix(signed).numpy().view(np.uint64).tolist() == [splitmix(value) for value in values]


def test_the_first_numbers_are_those_of_the_published_generator() -> None:
    """SplitMix64 from 1234567: the numbers that its reference program prints."""
    golden = 0x9E3779B97F4A7C15
    states = [(1234567 + count * golden) & MASK for count in (1, 2, 3)]
    signed = torch.from_numpy(np.array(states, dtype=np.uint64).view(np.int64))
    found = mix(signed).numpy().view(np.uint64).tolist()
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("seed", [0, 1, (1 << 62) + 3])
def test_numbers_are_evenly_spread_over_rows_and_over_elements(seed: int) -> None:
    draw = Draw(seed, ROWS)
    one, many = draw.uniform(), Draw(seed, ROWS[:20]).uniform(0.0, 1.0, 10, 100)
    for values in (one, many.reshape(-1)):
        assert stats.kstest(values.double().numpy(), "uniform").pvalue > SURE
        assert values.min() >= 0
        assert values.max() < 1
    places = draw.integers(-3, 4)
    assert stats.chisquare(torch.bincount(places + 3, minlength=7).numpy()).pvalue > SURE
    assert places.min() == -3
    assert places.max() == 3
    noise = Draw(seed, ROWS[:200]).noise(torch.zeros(200, 3, 33))
    assert noise.shape == (200, 3, 33)
    assert stats.kstest(noise.reshape(-1).double().numpy(), "norm").pvalue > SURE
    assert draw.chance(0.3).float().mean() == pytest.approx(0.3, abs=0.015)
    assert not draw.chance(0.0).any()
    assert draw.chance(1.0).all()


def test_rows_epochs_places_calls_and_elements_are_unrelated() -> None:
    first = Draw(5, ROWS)
    values = first.uniform()
    others: list[Tensor] = [
        first.uniform(),  # the next call
        values.roll(1),  # the next row
        Draw(6, ROWS).uniform(),  # another epoch
        Draw(5, ROWS, place=1).uniform(),
        *Draw(5, ROWS).uniform(0.0, 1.0, 2).unbind(1),
    ]
    for one, other in pairwise([values, *others]):
        assert not torch.equal(one, other)
        assert stats.pearsonr(one.numpy(), other.numpy()).pvalue > SURE
        table = torch.bincount((one * 8).long() * 8 + (other * 8).long(), minlength=64).view(8, 8)
        assert stats.chi2_contingency(table.numpy()).pvalue > SURE


@given(st.permutations(range(12)), st.integers(1, 11), st.integers(0, 1 << 62))
def test_a_row_draws_the_same_in_any_batch(order: list[int], cut: int, seed: int) -> None:
    def everything(rows: Tensor) -> list[Tensor]:
        draw = Draw(seed, rows, place=2)
        return [draw.uniform(-2.0, 3.0), draw.integers(0, 9), draw.noise(torch.zeros(len(rows), 5)), draw.chance(0.5)]

    rows = torch.tensor(order)
    together = everything(torch.arange(12))
    parts = zip(everything(rows[:cut]), everything(rows[cut:]), strict=True)
    for whole, (left, right) in zip(together, parts, strict=True):
        assert torch.equal(whole[rows], torch.cat([left, right]))


def test_threads_change_nothing() -> None:
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(Draw(1, ROWS).noise(torch.zeros(len(ROWS), 8)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 1 << 62))
def test_partners_are_others_of_the_same_batch_each_taken_once(sizes: list[int], seed: int) -> None:
    rows = torch.randperm(sum(sizes), generator=torch.Generator().manual_seed(seed)) + 100
    partners = Draw(seed, rows, sizes=sizes).partner()
    begin = 0
    for size in sizes:
        mine = partners[begin : begin + size]
        assert sorted(mine.tolist()) == list(range(begin, begin + size))
        assert size == 1 or (mine != torch.arange(begin, begin + size)).all()
        # However batches are gathered, a batch's own rows decide.
        alone = Draw(seed, rows[begin : begin + size]).partner()
        assert torch.equal(alone + begin, mine)
        begin += size


def test_every_other_row_is_a_partner_equally_often() -> None:
    counts = torch.zeros(5, 5, dtype=torch.int64)
    for seed in range(3000):
        counts[torch.arange(5), Draw(seed, torch.arange(5)).partner()] += 1
    assert (counts.diagonal() == 0).all()
    for row in counts:
        assert stats.chisquare(row[row > 0].numpy()).pvalue > SURE
