"""The split: whole, disjoint, fair to every class, a function of its seed; what cannot be split is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from pellucid.data.split import PARTS, Split, draw, read_rows, rows_hash
from pellucid.errors import DataError, LeakError
from pellucid.recipe import SplitSection
from tests.data.worlds import classes, numbers

COUNTS = st.lists(st.integers(8, 60), min_size=2, max_size=6)


def labels_of(counts: list[int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.floats(0.1, 0.45), st.floats(0.1, 0.45), st.integers(0, 9))
def test_parts_are_whole_disjoint_and_fair_to_every_class(
    counts: list[int], validation: float, test: float, seed: int
) -> None:
    columns = classes(labels_of(counts))
    split = draw(SplitSection(validation=validation, test=test, seed=seed), columns)
    everyone = np.concatenate([split.parts[part] for part in PARTS])
    assert np.array_equal(np.sort(everyone), np.arange(len(columns)))
    assert all(np.all(np.diff(split.parts[part]) > 0) for part in PARTS)
    # Each draw gives every class its share of the rows that were there, to within one row
    pool = np.arange(len(columns))
    for part, share in (("test", test), ("validation", validation)):
        rows = split.parts[part]
        assert len(rows) == round(share * len(columns))
        there = np.bincount(columns.values["target"][pool], minlength=len(counts))
        drawn = np.bincount(columns.values["target"][rows], minlength=len(counts))
        assert np.all(np.abs(drawn - there * len(rows) / len(pool)) < 1)
        pool = np.setdiff1d(pool, rows)


@settings(max_examples=40, deadline=None)
@given(COUNTS, st.floats(0.1, 0.5))
def test_a_draw_is_as_fair_as_scikit_learns(counts: list[int], share: float) -> None:
    labels = labels_of(counts)
    rows = draw(SplitSection(validation=0, test=share), classes(labels)).parts["test"]
    reference = StratifiedShuffleSplit(1, test_size=len(rows), random_state=0).split(labels, labels)
    _, theirs = next(iter(reference))
    ours, others = (np.bincount(labels[chosen], minlength=len(counts)) for chosen in (rows, theirs))
    assert np.abs(ours - others).max() <= 1  # both give the odd rows to the largest remainders; ties are free
    assert ours.sum() == others.sum()


def test_the_same_seed_draws_the_same_rows_and_another_others() -> None:
    columns = classes(labels_of([40, 40, 40]))
    first, again, other = (draw(SplitSection(seed=seed), columns) for seed in (3, 3, 4))
    assert first.hash == again.hash != other.hash
    assert all(np.array_equal(first.parts[part], again.parts[part]) for part in PARTS)
    assert not np.array_equal(first.parts["test"], other.parts["test"])


@given(st.lists(st.integers(0, 2**40), unique=True, min_size=2, max_size=20))
def test_the_hash_tells_rows_and_their_parts_apart(ids: list[int]) -> None:
    rows = np.array(ids, dtype=np.int64)
    assert rows_hash(rows) == rows_hash(rows.astype(np.int32) if rows.max() < 2**31 else rows)
    assert rows_hash(rows) != rows_hash(rows[1:])
    assert rows_hash(rows[:1], rows[1:]) != rows_hash(rows)
    assert rows_hash(rows[:1], rows[1:]) != rows_hash(rows[:2], rows[2:])


def test_random_does_not_look_at_the_classes() -> None:
    """Over many seeds the share of a class in the test part varies as a draw without replacement does."""
    columns = classes(labels_of([100, 100]))
    shares = [
        columns.values["target"][draw(SplitSection(kind="random", seed=seed), columns).parts["test"]].sum()
        for seed in range(200)
    ]
    spread = np.sqrt(30 * 0.5 * 0.5 * (200 - 30) / 199)  # hypergeometric, 30 rows of 200
    assert np.std(shares) == pytest.approx(spread, rel=0.2)
    stratified = [
        columns.values["target"][draw(SplitSection(seed=seed), columns).parts["test"]].sum() for seed in range(20)
    ]
    assert set(stratified) == {15}


def test_given_parts_are_kept_and_the_rest_is_drawn_from_train() -> None:
    labels = labels_of([50, 50])
    parts = {"train": np.arange(80), "test": np.arange(99, 79, -1)}
    split = draw(SplitSection(kind="given", validation=0.25), classes(labels, given=parts))
    assert np.array_equal(split.parts["test"], np.arange(80, 100))
    assert len(split.parts["validation"]) == 20  # a quarter of the 80 that were given to train on
    assert split.parts["validation"].max() < 80
    assert np.array_equal(np.sort(np.concatenate([split.parts["train"], split.parts["validation"]])), np.arange(80))
    assert split.how == "given: test as given, validation 20 rows drawn by class, seed 0"


def test_given_validation_and_a_drawn_test() -> None:
    parts = {"train": np.arange(60), "validation": np.arange(60, 80)}
    split = draw(SplitSection(kind="given", validation=0, test=0.5), classes(np.arange(80) % 2, given=parts))
    assert {part: len(split.parts[part]) for part in PARTS} == {"train": 30, "validation": 20, "test": 30}
    assert split.parts["test"].max() < 60


def test_a_draw_from_all_rows_may_be_asked_for_where_parts_are_given() -> None:
    columns = classes(np.arange(100) % 2, given={"train": np.arange(80), "test": np.arange(80, 100)})
    split = draw(SplitSection(kind="stratified"), columns)
    assert len(split.parts["test"]) == 15
    assert split.parts["test"].min() < 80


def test_rows_in_two_parts_are_a_leak() -> None:
    columns = classes(np.arange(20) % 2, given={"train": np.arange(15), "test": np.arange(10, 20)})
    with pytest.raises(LeakError, match="rows in two parts: train, validation and test must not share any"):
        draw(SplitSection(kind="given", validation=0), columns)


def test_split_json_tells_everything_in_json_types() -> None:
    columns = classes(labels_of([60, 40]))
    split = draw(SplitSection(validation=0.1, test=0.2, seed=5), columns)
    told = json.loads(json.dumps(split.to_dict(columns)))
    assert (told["kind"], told["seed"], told["hash"], told["data_hash"]) == ("stratified", 5, split.hash, columns.hash)
    assert told["how"] == "stratified: test 20 rows drawn by class, validation 10 rows drawn by class, seed 5"
    assert told["counts"] == {"train": 70, "validation": 10, "test": 20}
    assert told["classes"] == {
        "train": {"a": 42, "b": 28},
        "validation": {"a": 6, "b": 4},
        "test": {"a": 12, "b": 8},
    }
    assert told["left_out"] == []
    again = Split.from_dict(told)
    assert (again.hash, again.how, again.section) == (split.hash, split.how, split.section)
    with pytest.raises(DataError, match="they were changed since"):
        Split.from_dict(told | {"rows": told["rows"] | {"test": told["rows"]["test"][1:]}})


def test_split_json_of_numbers_has_no_classes() -> None:
    columns = numbers(np.arange(20.0)[:, None], np.zeros((20, 1)))
    split = draw(SplitSection(kind="random"), columns)
    assert split.to_dict(columns)["classes"] == {}
    assert split.how == "random: test 3 rows drawn at random, validation 3 rows drawn at random, seed 0"


def test_contiguous_parts_are_pieces_in_order_and_written_by_their_ends() -> None:
    columns = numbers(np.arange(1000.0)[:, None], np.zeros((1000, 1)))
    split = draw(SplitSection(kind="contiguous", validation=0.05, test=0.1), columns)
    ends = {part: (int(rows[0]), int(rows[-1]) + 1, len(rows)) for part, rows in split.parts.items()}
    assert ends == {"train": (0, 850, 850), "validation": (850, 900, 50), "test": (900, 1000, 100)}
    told = json.loads(json.dumps(split.to_dict(columns)))["rows"]
    assert told["test"] == {"start": 900, "stop": 1000}
    rows = {part: read_rows(written) for part, written in told.items()}
    assert Split(rows, "", split.section).hash == split.hash


REFUSED: list[tuple[dict[str, Any], Any, str]] = [
    (
        {"kind": "given"},
        classes(np.arange(20) % 2),
        "split.kind = 'given', but the data came without parts. Choose stratified or random.",
    ),
    (
        {},
        numbers(np.zeros((20, 2)), np.zeros((20, 1))),
        "split.kind = 'stratified' needs classes or one number to predict, and the target is several numbers. "
        "Choose split.kind = 'random'.",
    ),
    (
        {"test": 0.01},
        classes(np.arange(20) % 2),
        "split.test = 0.01 of 20 rows is none. Give more rows, or split.test = 0.",
    ),
    (
        {"test": 0.49, "validation": 0.5},
        classes(np.array([0, 1, 1])),
        "The split leaves none of 3 rows to train on. Lower split.validation and split.test.",
    ),
    (
        {"kind": "given", "validation": 0},
        classes(np.repeat([0, 1], 10), given={"train": np.arange(12), "test": np.arange(12, 20)}),
        "The test part has one class only ('b', 8 rows): nothing can be told apart. "
        "Give rows of at least two classes, or split.kind = 'stratified'.",
    ),
    (
        {"kind": "given", "validation": 0},
        classes(np.repeat([0, 1], 10), given={"train": np.arange(10), "test": np.arange(10, 20)}),
        "The train part has one class only ('a', 10 rows): nothing can be told apart. "
        "Give rows of at least two classes.",
    ),
    (
        {"kind": "given", "validation": 0},
        classes(np.repeat([0, 1, 2], 4), given={"train": np.arange(8), "test": np.arange(6, 12)[2:]}),
        "The train part has no row of class 'c'. Give more rows of it, or leave the class out.",
    ),
    (
        {"kind": "contiguous", "validation": 0.3, "test": 0.3},
        classes(np.repeat([0, 1, 2], 20)),
        "The train part has no row of class 'c'. Give more rows of it, or leave the class out.",
    ),
]


@pytest.mark.parametrize(("section", "columns", "message"), REFUSED)
def test_what_cannot_be_split_is_refused(section: dict[str, Any], columns: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        draw(SplitSection(**section), columns)
    assert str(caught.value) == message
