"""Bucketed: every row once an epoch, in batches of about one length, resumable anywhere."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data.columns import Columns
from pellucid.data.documents import as_bytes
from pellucid.data.ragged import Ragged
from pellucid.data.rows import Rows
from pellucid.data.tokens import width
from pellucid.sources.bucketed import Bucketed
from pellucid.sources.shuffled import Shuffled
from pellucid.spec import Field
from tests.data.worlds import open_world


def world_of(lengths: list[int]) -> Rows:
    """Documents of so many words, each its own row's number; all of them train."""
    texts = Ragged.of(as_bytes(" ".join([f"w{row}"] * length)) for row, length in enumerate(lengths))
    targets = np.zeros((len(lengths), 1), np.float32)
    columns = Columns({"input": texts, "target": targets}, {"input": Field("text"), "target": Field("number", (1,))})
    split = {"kind": "random", "validation": 0, "test": 0}
    return open_world(columns, split=split, prepare={"standardize": False, "longest": 200}, task={"name": "regress"})


LENGTHS = st.lists(st.integers(1, 250), min_size=3, max_size=60)


@settings(max_examples=25, deadline=None)
@given(LENGTHS, st.integers(1, 20), st.integers(0, 5), st.integers(0, 30))
def test_every_row_once_an_epoch_and_resumed_anywhere(
    lengths: list[int], batch_size: int, seed: int, before: int
) -> None:
    world, size = world_of(lengths), min(batch_size, len(lengths))
    source = Bucketed(world, batch_size=size, seed=seed)
    assert source.steps_per_epoch == -(-len(lengths) // size)
    for _ in range(2):
        epoch = [source.next() for _ in range(source.steps_per_epoch)]
        assert sorted(row for batch in epoch for row in batch.rows.tolist()) == list(range(len(lengths)))
        sizes = [len(batch) for batch in epoch]
        assert max(sizes) - min(sizes) <= 1 <= max(sizes) <= size
        for batch in epoch:
            of = world.lengths[batch.rows]
            assert (batch["input"] != 0).sum(dim=1).tolist() == of.tolist()
            assert batch["input"].shape[1] == width(int(of.max()), 200)
    source.load_state_dict({"step": 0})
    for _ in range(before):
        source.next()
    state = source.state_dict()
    expected = [source.next() for _ in range(7)]
    for other in (Bucketed(world, batch_size=size, seed=seed), source):
        other.load_state_dict(state)
        for batch in expected:
            found = other.next()
            assert torch.equal(found.rows, batch.rows)
            assert torch.equal(found["input"], batch["input"])


def test_the_order_is_a_function_of_seed_and_epoch_alone() -> None:
    lengths = np.random.default_rng(0).integers(1, 250, 90).tolist()
    first, again, other = (Bucketed(world_of(lengths), batch_size=8, seed=seed) for seed in (3, 3, 4))
    epochs = [[first.next().rows.tolist() for _ in range(12)] for _ in range(2)]
    torch.manual_seed(2)
    assert [[again.next().rows.tolist() for _ in range(12)] for _ in range(2)] == epochs
    assert [other.next().rows.tolist() for _ in range(12)] != epochs[0]
    assert epochs[0] != epochs[1]


def test_less_is_padding_and_batches_do_not_come_by_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 250, 400).tolist()
    world = world_of(lengths)

    def widths(source: Bucketed | Shuffled) -> list[int]:
        return [source.next()["input"].shape[1] for _ in range(source.steps_per_epoch)]

    bucketed = widths(Bucketed(world, batch_size=16, seed=0))
    assert sum(bucketed) < 0.75 * sum(widths(Shuffled(world, batch_size=16, seed=0)))
    assert bucketed != sorted(bucketed)
    example = Bucketed(world, batch_size=16, seed=0).example()
    assert (len(example), example["input"].shape[1]) == (16, sorted(bucketed)[len(bucketed) // 2])
