"""Who learns at each size: nested, by class, in whole groups, or the latest rows before validation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data.columns import Columns
from pellucid.data.split import Split, draw
from pellucid.errors import PellucidError
from pellucid.recipe import SplitSection
from pellucid.size_curve.subsets import Subset, sizes_of, subsets
from pellucid.spec import Field


def columns_of(labels: np.ndarray, **keys: np.ndarray) -> Columns:
    """Rows of one number each, with classes and what they are grouped or ordered by."""
    names = tuple(f"class {code}" for code in range(labels.max() + 1))
    return Columns(
        {"input": np.arange(len(labels), dtype=np.float32)[:, None], "target": labels.astype(np.int64)},
        {"input": Field("number", (1,)), "target": Field("category", (), names)},
        keys=keys,
    )


def train_of(subset: Subset, whole: Split) -> np.ndarray:
    return (subset.split or whole).parts["train"]


def by_draw(found: list[Subset], whole: Split) -> list[list[np.ndarray]]:
    """The training rows, of each draw from the smallest size to the largest."""
    return [
        [train_of(subset, whole) for subset in reversed(found) if subset.draw == number]
        for number in range(max(subset.draw for subset in found) + 1)
    ]


def check_the_rest(found: list[Subset], whole: Split) -> None:
    """Validation and test are as they were, and a subset is known to be one."""
    for subset in found:
        if subset.split is None:
            assert subset.rows == len(whole.parts["train"])
            continue
        assert subset.split.fold
        assert subset.rows == len(subset.split.parts["train"])
        assert np.isin(subset.split.parts["train"], whole.parts["train"]).all()
        for part in ("validation", "test"):
            assert (subset.split.parts[part] == whole.parts[part]).all()


@given(st.integers(0, 1000), st.sampled_from(["stratified", "random"]))
def test_subsets_are_nested_and_have_every_class(seed: int, kind: str) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(4), [150, 90, 40, 12]))
    columns = columns_of(labels)
    whole = draw(SplitSection(kind="stratified", seed=seed), columns)
    split = Split(whole.parts, whole.how, SplitSection(kind=kind, seed=seed))  # type: ignore[arg-type]
    num_rows = len(split.parts["train"])
    found = subsets(split, columns, [8, 30, 100, num_rows], 2)
    check_the_rest(found, split)
    for draws in by_draw(found, split):
        assert [len(rows) for rows in draws] == [8, 30, 100, num_rows]
        for smaller, larger in pairwise(draws):
            assert np.isin(smaller, larger).all()
        for rows in draws:
            counts = np.bincount(labels[rows], minlength=4)
            shares = np.bincount(labels[split.parts["train"]]) * len(rows) / num_rows
            assert (counts >= 1).all()
            assert (np.abs(counts - shares) < 1.5).all()
    first, second = (draws[1] for draws in by_draw(found, split))
    assert set(first) != set(second)


def test_groups_stay_whole() -> None:
    random = np.random.default_rng(0)
    who = np.repeat(np.arange(60), random.integers(3, 12, 60))
    columns = columns_of(random.integers(3, size=len(who)), patient=who)
    split = draw(SplitSection(kind="grouped", group="patient"), columns)
    train = split.parts["train"]
    found = subsets(split, columns, [40, 100, len(train)], 3)
    check_the_rest(found, split)
    for draws in by_draw(found, split):
        for rows, wanted in zip(draws, (40, 100, len(train)), strict=True):
            assert not set(who[rows]) & set(who[np.setdiff1d(train, rows)])
            assert abs(len(rows) - wanted) <= 6  # half of the largest group
        for smaller, larger in pairwise(draws):
            assert np.isin(smaller, larger).all()


def test_too_few_groups_are_said() -> None:
    who = np.repeat(np.arange(10), 20)
    columns = columns_of(np.tile([0, 1], 100), patient=who)
    split = draw(SplitSection(kind="grouped", group="patient", validation=0.2, test=0.2), columns)
    with pytest.raises(PellucidError, match=r"split.group = 'patient'.*Ask for fewer sizes"):
        subsets(split, columns, [60, 65, 120], 2)


@pytest.mark.parametrize("kind", ["time", "contiguous"])
def test_in_time_the_latest_rows_before_validation_learn(kind: str) -> None:
    random = np.random.default_rng(0)
    when = np.arange(200) if kind == "contiguous" else random.permutation(200)
    columns = columns_of(np.tile([0, 1], 100), when=when)
    section = SplitSection(kind=kind, time="when" if kind == "time" else None)  # type: ignore[arg-type]
    split = draw(section, columns)
    found = subsets(split, columns, [20, 70, len(split.parts["train"])], 2)
    check_the_rest(found, split)
    first = when[split.parts["validation"]].min()
    for draws in by_draw(found, split):
        for rows in draws:
            assert sorted(when[rows]) == list(range(first - len(rows), first))


def test_sizes_are_in_equal_ratios_up_to_all_rows() -> None:
    assert sizes_of(5, 1258, 10) == [100, 188, 355, 668, 1258]
    assert sizes_of(3, 100_000) == [3125, 17678, 100_000]
    assert sizes_of(2, 60) == [15, 60]  # few rows: a quarter of them
    assert sizes_of([500, 100, 500], 1258) == [100, 500]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (1, "sizes = 1: expected 2 or more"),
        (50, "too few for so many sizes"),
        ([100], "two different ones"),
        ([5, 50], "one of each of 10 classes"),
        ([20, 101], "sizes from 10 to 100"),
    ],
)
def test_impossible_sizes_are_said(wanted: int | list[int], message: str) -> None:
    with pytest.raises(PellucidError, match=message):
        sizes_of(wanted, 100, 10)
