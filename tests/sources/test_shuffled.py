"""Shuffled: every row once an epoch, in an order that is a function of (seed, epoch), resumable anywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data.batch import Batch
from pellucid.data.rows import Rows
from pellucid.recipe import parse
from pellucid.sources import build, order, shuffled
from pellucid.sources.shuffled import Shuffled
from tests.data.worlds import numbers, open_world


def world_of(num_rows: int) -> Rows:
    """All rows train; the input is the row's number, so that rows and values can be told to belong together."""
    columns = numbers(np.zeros((num_rows, 1)), np.arange(num_rows)[:, None])
    return open_world(
        columns,
        split={"kind": "random", "validation": 0, "test": 0},
        prepare={"standardize": False},
        task={"name": "regress"},
    )


def take(source: Shuffled, num: int) -> list[Batch]:
    return [source.next() for _ in range(num)]


def ids(batches: list[Batch]) -> list[list[int]]:
    return [batch.rows.tolist() for batch in batches]


SIZES = st.tuples(st.integers(3, 90), st.integers(1, 90)).filter(lambda pair: pair[1] <= pair[0])


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 5), st.integers(1, 40))
def test_every_row_once_an_epoch_in_even_batches(sizes: tuple[int, int], seed: int, gathered: int) -> None:
    num_rows, batch_size = sizes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffled, "GATHER_BYTES", gathered * 16)  # a few batches at a time, as on large data
        source = Shuffled(world_of(num_rows), batch_size=batch_size, seed=seed)
        assert source.steps_per_epoch == -(-num_rows // batch_size)
        for _ in range(3):
            epoch = take(source, source.steps_per_epoch)
            lengths = [len(batch) for batch in epoch]
            assert sorted(sum(ids(epoch), [])) == list(range(num_rows))  # noqa: RUF017
            assert max(lengths) - min(lengths) <= 1
            assert max(lengths) <= batch_size
            for batch in epoch:
                assert batch["input"][:, 0].long().tolist() == batch.rows.tolist()


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 60), st.integers(1, 40))
def test_resumed_anywhere_it_gives_the_batches_that_would_have_come(
    sizes: tuple[int, int], before: int, gathered: int
) -> None:
    num_rows, batch_size = sizes
    world = world_of(num_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffled, "GATHER_BYTES", gathered * 16)
        source = Shuffled(world, batch_size=batch_size, seed=1)
        take(source, before)
        state = source.state_dict()
        expected = take(source, 7)
        for fresh in (Shuffled(world, batch_size=batch_size, seed=1), source):  # also one that has gone on
            fresh.load_state_dict(state)
            assert ids(take(fresh, 7)) == ids(expected)


def test_the_order_is_a_function_of_seed_and_epoch_alone() -> None:
    first, again, other = (Shuffled(world_of(40), batch_size=8, seed=seed) for seed in (3, 3, 4))
    torch.manual_seed(1)
    epochs = [ids(take(first, 5)) for _ in range(3)]
    torch.manual_seed(2)
    assert [ids(take(again, 5)) for _ in range(3)] == epochs
    assert ids(take(other, 5)) != epochs[0]
    assert epochs[0] != epochs[1] != epochs[2]


def test_how_much_is_gathered_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = []
    for gathered in (1, 100, 1 << 30):
        monkeypatch.setattr(shuffled, "GATHER_BYTES", gathered)
        orders.append(ids(take(Shuffled(world_of(50), batch_size=7, seed=0), 20)))
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize("batch_size", ["all", 30])
def test_the_full_batch_is_every_row_in_the_datas_order(batch_size: int | str) -> None:
    source = Shuffled(world_of(30), batch_size=batch_size, seed=0)  # type: ignore[arg-type]
    assert source.steps_per_epoch == 1
    assert ids(take(source, 3)) == [list(range(30))] * 3
    source.load_state_dict({"step": 2})
    assert ids(take(source, 1)) == [list(range(30))]


def test_a_recipe_chooses_batch_size_and_seed() -> None:
    world = world_of(40)
    recipe = parse(
        {
            "name": "test",
            "seed": 4,
            "data": {"source": "arrays"},
            "model": {"name": "linear"},
            "task": {"name": "regress"},
            "train": {"epochs": 1, "batch_size": 8},
        }
    )
    assert ids([build("shuffled", recipe, world).next()]) == ids(take(Shuffled(world, batch_size=8, seed=4), 1))


def test_the_one_batch_of_an_epoch_is_given_as_it_was_read() -> None:
    """A model that works in place on its input must not change the data."""
    source = Shuffled(world_of(10), batch_size="all", seed=0)
    first = source.next()
    before = first["input"].clone()
    assert source.next() is first
    first["input"].mul_(2)
    assert torch.equal(source.next()["input"], before)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 8 rows and pools of 4 blocks, as for data that may not fit into memory."""
    for name, value in (("LARGE", 0), ("BLOCK", 32), ("POOL", 4)):
        monkeypatch.setattr(order, name, value)
    monkeypatch.setattr(shuffled, "GATHER_BYTES", 40)


@pytest.mark.usefixtures("large")
def test_large_data_is_resumed_in_the_middle_of_a_pool() -> None:
    world = world_of(200)
    whole = Shuffled(world, batch_size=7, seed=3)
    expected = ids(take(whole, 70))
    for done in (1, 13, 29, 44):
        resumed = Shuffled(world, batch_size=7, seed=3)
        resumed.load_state_dict({"step": done})
        assert ids(take(resumed, 70 - done)) == expected[done:]


@pytest.mark.usefixtures("large")
def test_a_pool_is_read_ahead_once_and_before_its_rows_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    world, read = world_of(200), []
    monkeypatch.setattr(world, "expect", lambda rows: read.append(set(rows.tolist())))
    source = Shuffled(world, batch_size=7, seed=0)
    for _ in range(2):
        read.clear()
        taken: list[int] = []
        for number in range(source.steps_per_epoch):
            rows = source.next().rows.tolist()
            assert set(rows) <= set().union(*read)
            taken += rows
            if number == 0:
                assert [len(pool) for pool in read] == [32, 32]
        assert sum(map(len, read)) == 200 == len(set().union(*read))
    resumed = Shuffled(world, batch_size=7, seed=0)
    read.clear()
    resumed.load_state_dict({"step": 15})
    assert set(resumed.next().rows.tolist()) <= set().union(*read)
    assert len(read) <= 3  # nothing that was taken before
