"""Tokens beside scikit-learn's vocabulary and the tokenizers package, and documents as batches."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from pellucid.data.documents import as_bytes, paragraphs
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.ragged import Ragged
from pellucid.data.rows import Rows
from pellucid.data.tokens import WORD, Tokens, side_by_side, width
from pellucid.errors import DataError, LeakError
from pellucid.recipe import PrepareSection
from pellucid.spec import Field
from tests.data.worlds import open_world

TEXTS = ("A film, a film!", "the film's end <br /> is THE end", "<3 ünter don\u2019t", "x")
TEXT = Field("text")


def fit(texts: tuple[str, ...] = TEXTS, rows: list[int] | None = None, **fields: object) -> Tokens:
    chosen = np.arange(len(texts)) if rows is None else np.array(rows)
    return Tokens.fit("input", ragged(texts), TEXT, chosen, PrepareSection.model_validate(fields))


def ragged(texts: tuple[str, ...]) -> Ragged:
    return Ragged.of(map(as_bytes, texts))


def test_words_signs_and_tags() -> None:
    assert [list(cut) for cut in fit().cut(TEXTS)] == [
        ["a", "film", ",", "a", "film", "!"],
        ["the", "film's", "end", "<br />", "is", "the", "end"],
        ["<", "3", "ünter", "don\u2019t"],
        ["x"],
    ]


@pytest.mark.parametrize("most", [10, 200, 5000])
def test_the_vocabulary_is_that_of_scikit_learn(most: int) -> None:
    columns = paragraphs()
    texts = columns.values["input"]
    assert isinstance(texts, Ragged)
    rows = np.arange(0, len(texts), 2)
    written = [texts.row(row).tobytes().decode() for row in rows]
    reference = CountVectorizer(token_pattern=None, tokenizer=lambda document: WORD.findall(document))
    counts = np.asarray(reference.fit_transform(written).sum(axis=0))[0]
    by_count = sorted(zip(-counts, reference.get_feature_names_out(), strict=True))
    step = Tokens.fit("input", texts, TEXT, rows, PrepareSection(vocabulary=most))
    assert list(step.vocabulary) == [token for _, token in by_count[: most - 2]]
    encoded = step.encode(texts)
    known = CountVectorizer(
        token_pattern=None, tokenizer=lambda document: WORD.findall(document)[:512], vocabulary=step.vocabulary
    ).transform(texts.row(row).tobytes().decode() for row in range(len(texts)))
    ours = np.stack([np.bincount(encoded.row(row), minlength=len(step.vocabulary) + 2) for row in range(len(encoded))])
    assert np.array_equal(ours[:, 2:], known.toarray())
    assert not ours[:, 0].any()


def test_only_given_rows_are_seen_and_the_rest_is_unknown() -> None:
    step = fit(rows=[0, 3])
    assert step.vocabulary == ("a", "film", "!", ",", "x")  # by falling frequency, equals in order
    assert step.encode(ragged(TEXTS)).row(1).tolist() == [1] * 7
    assert step.fitted_on["rows"] == 2


def test_characters_and_the_longest() -> None:
    step = fit(("abc ab",), tokenizer="characters", longest=4)
    assert step.vocabulary == ("a", "b", " ", "c")
    assert step.encode(ragged(("abcab", "é"))).row(0).tolist() == [2, 3, 5, 2]
    assert step.field == Field("tokens", (4,), categories=("<padding>", "<unknown>", "a", "b", " ", "c"))


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=60).filter(lambda text: "\0" not in text))
def test_byte_pairs_give_back_any_text(text: str) -> None:
    from tokenizers import decoders

    step = BYTE_PAIRS
    (pieces,) = step.cut([text])
    assert decoders.ByteLevel().decode(list(pieces)) == text
    assert (step.encode(ragged((text,))).values != 1).all()  # no text is unknown


BYTE_PAIRS = fit(("the theme of the other there " * 5, "a film"), tokenizer="bpe", vocabulary=300)


def test_byte_pairs_are_merged_by_frequency_and_kept_as_json() -> None:
    (pieces,) = BYTE_PAIRS.cut(["the other"])
    assert pieces[0] == "the"
    assert len(BYTE_PAIRS.vocabulary) <= 298
    with pytest.raises(DataError, match=r"prepare.vocabulary = 200: byte-pair encoding begins with the 256 bytes"):
        fit(tokenizer="bpe", vocabulary=200)


@pytest.mark.parametrize("tokenizer", ["words", "characters", "bpe"])
def test_the_step_is_kept_as_json_and_prepares_raw_rows(tokenizer: str) -> None:
    step = fit(tokenizer=tokenizer, longest=20)
    kept = json.loads(json.dumps(Preprocessing({"input": step}).to_dict()))
    raw = torch.from_numpy(ragged(TEXTS)[:].copy())
    tokens = Preprocessing.from_dict(kept).apply("input", raw)
    expected = step.encode(ragged(TEXTS))
    assert tokens.shape == (4, width(int(expected.lengths.max()), 20))
    for row, of in zip(tokens, range(4), strict=True):
        assert row[row != 0].tolist() == expected.row(of).tolist()


@given(st.integers(0, 3000), st.integers(1, 2048))
def test_widths_are_few_and_near(longest: int, most: int) -> None:
    found = width(min(longest, most), most)
    assert min(longest, most) <= found <= max(min(1.5 * longest, most), min(16, most))
    assert len({width(length, 2048) for length in range(2049)}) == 15


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(1, 99), max_size=40), min_size=1, max_size=8), st.randoms())
def test_rows_side_by_side(rows: list[list[int]], random: object) -> None:
    column = Ragged.of(np.array(row, np.int32) for row in rows)
    chosen = torch.tensor([random.randrange(len(rows)) for _ in range(5)])  # type: ignore[attr-defined]
    found = side_by_side(torch.from_numpy(column.values), torch.from_numpy(column.offsets), chosen, 40)
    assert found.dtype == torch.int64
    for row, place in zip(found.tolist(), chosen.tolist(), strict=True):
        assert row == rows[place] + [0] * (len(row) - len(rows[place]))


def test_a_world_of_documents() -> None:
    columns = paragraphs()
    world = open_world(columns, prepare={"longest": 30, "vocabulary": 100})
    assert isinstance(world, Rows)
    step, texts = world.preprocessing.steps["input"], columns.values["input"]
    assert isinstance(step, Tokens)
    assert isinstance(texts, Ragged)
    assert world.spec.input == step.field
    encoded = step.encode(texts)
    rows = torch.tensor([40, 3, 17])
    batch = world.take(rows)
    for row, tokens in zip(rows.tolist(), batch["input"], strict=True):
        assert tokens[tokens != 0].tolist() == encoded.row(row).tolist()
    assert world.lengths.tolist() == encoded.lengths.tolist()
    prepared = world.preprocessing.apply("input", torch.from_numpy(texts[rows.numpy()].copy()))
    assert torch.equal(prepared, batch["input"])
    shown = world.raw(rows.numpy())
    assert shown[0].tobytes().rstrip(b"\0") == texts.row(40).tobytes()[:480]
    world.check()
    other = fit(tuple(texts.row(row).tobytes().decode() for row in range(len(texts))))
    with pytest.raises(LeakError):
        world.with_preprocessing(Preprocessing({"input": other})).check()


def test_rows_side_by_side_need_little_more_than_themselves() -> None:
    column = Ragged.of([np.full(10, 7, np.uint8), *[np.full(length, 9, np.uint8) for length in [50] * 400 + [40_000]]])
    tracemalloc.start()
    rows = column[1:]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * rows.nbytes
    assert [row.tobytes().rstrip(b"\0") for row in rows[[0, 400]]] == [b"\t" * 50, b"\t" * 40_000]
