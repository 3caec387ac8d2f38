"""Streams and windows: which character comes when, anew after a resume, and differently in every epoch."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from pellucid.data.batch import Batch
from pellucid.errors import DataError
from pellucid.sources.streams import Streams
from pellucid.sources.windows import Windows
from tests.data.texts import text_world

LETTERS = "".join(map(chr, range(0x100, 0x100 + 400)))
"""A text in which every character has its own code, its place."""


def epoch_of(source: Any) -> list[Batch]:
    return [source.next() for _ in range(source.steps_per_epoch)]


@pytest.mark.parametrize("kind", [Streams, Windows])
def test_targets_are_the_characters_that_follow(kind: Any) -> None:
    for batch in epoch_of(kind(text_world(LETTERS, 7), batch_size=5, seed=0)):
        assert torch.equal(batch["target"], batch["input"] + 1)
        assert torch.equal(batch["input"][:, 0], batch.rows)
        assert torch.equal(batch["input"], batch.rows[:, None] + torch.arange(7))


def test_streams_read_on_where_they_stopped() -> None:
    source = Streams(text_world(LETTERS, 7), batch_size=5, seed=0)
    batches = epoch_of(source) + epoch_of(source)
    steps = source.steps_per_epoch
    for step, (batch, following) in enumerate(pairwise(batches), start=1):
        assert bool(following["begins"].all()) == bool(following["begins"].any()) == (step == steps)
        if step != steps:
            assert torch.equal(following["input"][:, 0], batch["target"][:, -1])
    assert batches[0]["begins"].all()


@pytest.mark.parametrize("kind", [Streams, Windows])
def test_an_epoch_reads_no_character_twice_and_leaves_few_out(kind: Any) -> None:
    source = kind(text_world(LETTERS, 7), batch_size=5, seed=3)
    epochs = [torch.cat([batch["input"].flatten() for batch in epoch_of(source)]) for _ in range(3)]
    for read in epochs:
        assert len(read.unique()) == len(read)
        assert len(read) > len(LETTERS) - 7 * (2 if kind is Windows else 6)
    assert len({tuple(read.tolist()) for read in epochs}) > 1
    assert len({int(read.min()) for read in epochs}) > 1  # cut elsewhere


def test_windows_come_in_another_order_for_another_seed_and_even_batches() -> None:
    first, other = (Windows(text_world(LETTERS, 7), batch_size=10, seed=seed) for seed in (0, 1))
    batches = epoch_of(first)
    assert not torch.equal(batches[0].rows, other.next().rows)
    assert {len(batch) for batch in batches} <= {9, 10}
    assert len(Windows(text_world(LETTERS, 7), batch_size="all", seed=0).next()) == 56


@pytest.mark.parametrize("kind", [Streams, Windows])
def test_it_goes_on_where_it_was(kind: Any) -> None:
    world = text_world(LETTERS, 7)
    whole = kind(world, batch_size=5, seed=0)
    batches = [whole.next() for _ in range(30)]
    for steps in (0, 1, 11, 29):
        other = kind(world, batch_size=5, seed=0)
        other.next()
        other.load_state_dict({"step": steps})
        assert torch.equal(other.next()["input"], batches[steps]["input"])
        assert other.state_dict() == {"step": steps + 1}


@pytest.mark.parametrize("kind", [Streams, Windows])
def test_an_example_moves_nothing(kind: Any) -> None:
    source, other = (kind(text_world(LETTERS, 7), batch_size=5, seed=0) for _ in range(2))
    smallest = min(len(batch) for batch in epoch_of(other))
    assert len(source.example()) == smallest
    assert torch.equal(source.next()["input"], kind(text_world(LETTERS, 7), batch_size=5, seed=0).next()["input"])


def test_too_much_at_once_is_refused() -> None:
    world = text_world(LETTERS, 50)
    with pytest.raises(DataError, match=r"train.batch_size = 8, but the training text has 7 windows of 50"):
        Windows(world, batch_size=8, seed=0)
    with pytest.raises(DataError, match=r"train.batch_size = 8 pieces of 50 characters are more than the 400"):
        Streams(world, batch_size=8, seed=0)
    with pytest.raises(DataError, match=r"reads pieces of the text side by side"):
        Streams(world, batch_size="all", seed=0)
