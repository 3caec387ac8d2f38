"""The next token: losses by hand, held-out text judged as by a patient reader, prompts continued or refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pellucid.data.batch import Batch
from pellucid.errors import DataError
from pellucid.evaluation.intervals import with_intervals
from pellucid.spec import Field, Spec
from pellucid.tasks import build, ngrams
from pellucid.tasks.next_token import NextToken, surprise
from tests.data.texts import text_world
from tests.tasks.readers import reader, spec

TOKENS = torch.randint(0, 9, (700,), generator=torch.Generator().manual_seed(1))


def task(context: int = 16) -> NextToken:
    found = build({"name": "next_token"}, spec(context))
    assert isinstance(found, NextToken)
    return found


def test_a_net_without_memory_is_judged_with_half_a_context_at_least() -> None:
    """By hand: the character at place n is judged by the window that begins 8 characters before its half."""
    model = reader("gpt", context=16)
    with torch.inference_mode():
        nats, right = surprise(model, TOKENS, 16)
        for place in (1, 2, 15, 16, 17, 24, 25, 300, 698, 699):
            start = 0 if place <= 16 else (place - 1) // 8 * 8 - 8
            known = TOKENS[start:place]
            assert place <= 16 or 9 <= len(known) <= 16
            logits = model(known[None])[0][0, -1]
            assert nats[place - 1] == pytest.approx(float(F.cross_entropy(logits, TOKENS[place])), rel=1e-4, abs=1e-5)
            assert right[place - 1] == (int(logits.argmax()) == int(TOKENS[place]))
    assert nats.shape == (699,)


def test_a_net_with_memory_is_judged_with_the_memory_of_a_context_at_least() -> None:
    model = reader("lstm", context=16)
    length = -(-699 // 64)  # 64 pieces of 11 characters
    with torch.inference_mode():
        nats, _ = surprise(model, TOKENS, 16)
        for place in (1, 5, 12, 13, 22, 23, 34, 300, 690, 699):
            piece = (place - 1) // length * length
            known = TOKENS[max(0, piece - 16) : place]
            logits = model(known[None])[0][0, -1]
            assert nats[place - 1] == pytest.approx(float(F.cross_entropy(logits, TOKENS[place])), rel=1e-4, abs=1e-5)
    assert nats.shape == (699,)


@pytest.mark.parametrize("name", ["lstm", "gpt"])
@pytest.mark.parametrize("length", [2, 3, 16, 17, 18, 33, 65, 257])
def test_every_character_of_any_length_is_judged_once(name: str, length: int) -> None:
    with torch.inference_mode():
        nats, right = surprise(reader(name, context=16), TOKENS[:length], 16)
    assert nats.shape == right.shape == (length - 1,)
    assert (nats > 0).all()


def test_the_loss_is_the_sum_over_places() -> None:
    model, (inputs, targets) = reader("gpt", 16), TOKENS[:128].view(2, 4, 16)
    loss = task().loss(model, Batch({"input": inputs, "target": targets}, torch.arange(4)))
    expected = F.cross_entropy(model(inputs)[0].transpose(1, 2), targets, reduction="sum")
    torch.testing.assert_close(loss.total, expected)
    assert (loss.rows, loss.carry) == (64.0, None)


def test_memory_is_carried_and_forgotten_where_a_stream_begins() -> None:
    model = reader("lstm", 16)
    whole = TOKENS[:68].view(2, 34)
    never, anew = torch.tensor([False, False]), torch.tensor([False, True])

    def ask(first: int, carry: Any, begins: torch.Tensor) -> Any:
        columns = {"input": whole[:, first : first + 16], "target": whole[:, first + 1 : first + 17], "begins": begins}
        return task().loss(model, Batch(columns, torch.arange(2)), carry)

    one = ask(0, None, never)
    both = model(whole[:, :32])[0]
    rows = F.cross_entropy(both[:, 16:].transpose(1, 2), whole[:, 17:33], reduction="none").sum(dim=1)
    torch.testing.assert_close(ask(16, one.carry, never).total, rows.sum(), rtol=1e-4, atol=1e-4)
    alone = F.cross_entropy(model(whole[1:, 16:32])[0].transpose(1, 2), whole[1:, 17:33], reduction="sum")
    torch.testing.assert_close(ask(16, one.carry, anew).total, rows[0] + alone, rtol=1e-4, atol=1e-4)


def test_ngrams_are_counts_plus_one() -> None:
    train, judged = np.array([0, 1, 0, 1, 2, 0]), np.array([0, 1, 1, 3])
    pairs = {(0, 1): 2, (1, 0): 1, (1, 2): 1, (2, 0): 1}
    followed = {0: 2, 1: 2, 2: 1, 3: 0}
    by_hand = [-math.log((pairs.get((a, b), 0) + 1) / (followed[a] + 4)) for a, b in ((0, 1), (1, 1), (1, 3))]
    np.testing.assert_allclose(ngrams.bigram(train, judged, 4), by_hand)
    often = {0: 3, 1: 2, 2: 1, 3: 0}
    np.testing.assert_allclose(
        ngrams.unigram(train, judged, 4), [-math.log((often[b] + 1) / (6 + 4)) for b in (1, 1, 3)]
    )


def test_scores_of_a_part_and_their_baselines() -> None:
    held_out = {"kind": "contiguous", "validation": 0.3, "test": 0}
    world = text_world("abcdefghi" * 300, context=16, split=held_out)
    judge = build({"name": "next_token"}, world.spec)
    with torch.inference_mode():
        look = judge.look(reader("lstm", 16), world, "validation")
    nats = look.scores["nats_per_character"].value
    assert look.scores["bits_per_character"].value == pytest.approx(nats / math.log(2))
    assert look.scores["perplexity"].value == pytest.approx(math.exp(nats))
    assert (look.unit, look.rank) == ("window", (-nats,))
    assert look.details() == {"characters": 809, "vocabulary": 10, "unknown_characters": 0}
    shown = with_intervals(look.scores, 200)
    assert shown["nats_per_character"]["n"] == 4  # windows of 256 characters
    baselines = judge.baselines(world, "validation")
    assert baselines["unigram"][0]["nats_per_character"].value == pytest.approx(math.log(9), rel=1e-2)
    assert baselines["bigram"][0]["nats_per_character"].value < 0.1  # each follows one
    assert baselines["bigram"][1] == 1890


def test_a_world_of_another_kind_is_refused() -> None:
    number = Field("number", (4,))
    with pytest.raises(DataError, match=r"'next_token' continues a text, and the input is of kind 'number'"):
        build({"name": "next_token"}, Spec(number, number))
