"""Folds keep what scikit-learn's keep, on any data: every row once, fair classes, whole groups, time's order."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

from pellucid.data.columns import Columns
from pellucid.data.folds import Nested, folds, nested
from pellucid.data.split import PARTS, Split, draw
from pellucid.errors import DataError
from pellucid.recipe import SplitSection
from tests.data.test_draws import grouped, valued
from tests.data.worlds import classes, numbers

NUM_FOLDS, SEEDS = st.integers(2, 6), st.integers(0, 9)


def each_once(splits: list[Split], num_rows: int) -> bool:
    """Whether every row outside the test part validates once, and trains where it does not."""
    test = splits[0].parts["test"]
    validated = np.sort(np.concatenate([split.parts["validation"] for split in splits]))
    return np.array_equal(validated, np.setdiff1d(np.arange(num_rows), test)) and all(
        np.array_equal(split.parts["test"], test)
        and np.array_equal(np.sort(np.concatenate([split.parts[part] for part in PARTS])), np.arange(num_rows))
        for split in splits
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(12, 40), min_size=2, max_size=5), NUM_FOLDS, SEEDS)
def test_classes_are_dealt_as_evenly_as_scikit_learns(counts: list[int], num_folds: int, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    splits = folds(SplitSection(test=0, seed=seed), classes(labels), num_folds)
    assert each_once(splits, len(labels))
    ours = np.array([np.bincount(labels[split.parts["validation"]], minlength=len(counts)) for split in splits])
    reference = StratifiedKFold(num_folds).split(labels, labels)
    theirs = np.array([np.bincount(labels[rows], minlength=len(counts)) for _, rows in reference])
    assert np.ptp(ours, axis=0).max() <= 1
    assert np.ptp(ours.sum(axis=1)) <= 1
    assert np.array_equal(np.sort(ours, axis=0), np.sort(theirs, axis=0))  # of each class the same counts


@settings(max_examples=30, deadline=None)
@given(st.integers(30, 90), NUM_FOLDS, SEEDS, st.sampled_from(["random", "stratified"]))
def test_numbers_are_dealt_evenly(num_rows: int, num_folds: int, seed: int, kind: Any) -> None:
    target = np.random.default_rng(seed).normal(size=num_rows)
    columns = numbers(target[:, None], np.zeros((num_rows, 1)))
    splits = folds(SplitSection(kind=kind, test=0.2, seed=seed), columns, num_folds)
    assert each_once(splits, num_rows)
    sizes = [len(split.parts["validation"]) for split in splits]
    assert max(sizes) - min(sizes) <= 1
    if kind == "stratified":
        bins = np.argsort(np.argsort(target)) * min(10, num_rows // 5) // num_rows
        counts = np.array([np.bincount(bins[split.parts["validation"]], minlength=bins.max() + 1) for split in splits])
        assert np.ptp(counts, axis=0).max() <= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=8, max_size=40), NUM_FOLDS, SEEDS)
def test_groups_are_dealt_whole_and_no_fold_is_off_by_as_much_as_the_largest(
    sizes: list[int], num_folds: int, seed: int
) -> None:
    who = grouped(sizes, seed)
    splits = folds(SplitSection(kind="grouped", group="who", test=0, seed=seed), valued(len(who), who=who), num_folds)
    assert each_once(splits, len(who))
    for split in splits:
        assert not set(who[split.parts["train"]]) & set(who[split.parts["validation"]])
    ours = np.array([len(split.parts["validation"]) for split in splits])
    theirs = np.array([len(rows) for _, rows in GroupKFold(num_folds).split(who, groups=who)])
    assert ours.min() > 0
    assert ours.max() < len(who) / num_folds + max(sizes)
    assert ours.max() < theirs.max() + max(sizes)


def unevenness(labels: np.ndarray, validated: list[np.ndarray]) -> float:
    """What scikit-learn's StratifiedGroupKFold makes small: the spread of each class's share over the folds."""
    counts = np.array([np.bincount(labels[rows], minlength=labels.max() + 1) for rows in validated])
    return float((counts / counts.sum(axis=0)).std(axis=0).mean())


def test_groups_with_classes_are_dealt_as_evenly_as_scikit_learns() -> None:
    """Over many data sets the spread is on average no larger than that of StratifiedGroupKFold."""
    ours, theirs = [], []
    for seed in range(30):
        random = np.random.default_rng(seed)
        who = np.repeat(np.arange(40), random.integers(1, 15, 40))
        inclined = random.dirichlet([0.6, 0.6, 0.6], 40)  # groups differ in what they mostly are
        labels = np.array([random.choice(3, p=inclined[group]) for group in who])
        columns = replace(classes(labels), keys={"who": who})
        splits = folds(SplitSection(kind="grouped", group="who", test=0, seed=seed), columns, 5)
        assert each_once(splits, len(who))
        assert all(not set(who[s.parts["train"]]) & set(who[s.parts["validation"]]) for s in splits)
        ours.append(unevenness(labels, [split.parts["validation"] for split in splits]))
        reference = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(who, labels, who)
        theirs.append(unevenness(labels, [rows for _, rows in reference]))
    assert np.mean(ours) <= np.mean(theirs)


@settings(max_examples=50, deadline=None)
@given(st.integers(30, 120), NUM_FOLDS, st.integers(0, 4), SEEDS)
def test_folds_in_time_are_scikit_learns(num_rows: int, num_folds: int, gap: int, seed: int) -> None:
    when = np.random.default_rng(seed).permutation(num_rows)
    section = SplitSection(kind="time", time="when", test=0, gap=gap)
    reference = TimeSeriesSplit(num_folds, gap=gap).split(when)
    for split, (train, validation) in zip(
        folds(section, valued(num_rows, when=when), num_folds), reference, strict=True
    ):
        assert sorted(when[split.parts["train"]]) == train.tolist()
        assert sorted(when[split.parts["validation"]]) == validation.tolist()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=40, max_size=90), st.integers(2, 4), st.integers(0, 3))
def test_folds_in_time_never_part_equal_times(when: list[int], num_folds: int, gap: int) -> None:
    times = np.array(when)
    section = SplitSection(kind="time", time="when", test=0.2, gap=gap)
    try:
        splits = folds(section, valued(len(times), when=times), num_folds)
    except DataError:  # ties leave a fold empty
        return
    for split in splits:
        train, validation, test = (times[split.parts[part]] for part in PARTS)
        assert train.max() < validation.min()
        assert validation.max() < test.min()
        assert (times < validation.min()).sum() - len(train) == gap
    validated = np.concatenate([split.parts["validation"] for split in splits])
    assert len(np.unique(validated)) == len(validated)


def test_contiguous_folds_follow_one_another() -> None:
    splits = folds(SplitSection(kind="contiguous", test=0.2, gap=2), valued(102), 3)
    ends = [tuple((int(s.parts[part][0]), int(s.parts[part][-1])) for part in PARTS) for s in splits]
    # 102 rows: 20 test, 2 before them are left out; of 80, three folds of 20
    assert ends == [((0, 17), (20, 39), (82, 101)), ((0, 37), (40, 59), (82, 101)), ((0, 57), (60, 79), (82, 101))]


def of_kind(kind: Any) -> tuple[SplitSection, Columns]:
    """Two hundred rows of three classes, twenty groups and a time each, and how they are split."""
    random = np.random.default_rng(1)
    labels, who, when = random.permutation(200) % 3, random.permutation(200) // 10, random.permutation(200)
    given = {"train": np.arange(150), "validation": np.arange(150, 170), "test": np.arange(170, 200)}
    columns = replace(classes(labels, given=given), keys={"who": who, "when": when})
    section = SplitSection(
        kind=kind,
        group="who" if kind == "grouped" else None,
        time="when" if kind == "time" else None,
        test=0.2,
        seed=3,
    )
    return section, columns


KINDS = ("random", "stratified", "grouped", "given", "time", "contiguous")


@pytest.mark.parametrize("kind", KINDS)
def test_the_test_part_is_that_of_one_split_and_the_same_in_all_folds(kind: str) -> None:
    section, columns = of_kind(kind)
    sealed = draw(section, columns).parts["test"]
    splits = folds(section, columns, 4)
    assert all(np.array_equal(split.parts["test"], sealed) for split in splits)
    again = folds(section, columns, 4)
    assert [split.hash for split in splits] == [split.hash for split in again]
    assert len({split.hash for split in splits}) == 4


@pytest.mark.parametrize("kind", ["random", "stratified", "grouped", "given"])
def test_repeats_and_seeds_deal_anew(kind: str) -> None:
    section, columns = of_kind(kind)
    splits = folds(section, columns, 4, repeats=3)
    assert len(splits) == 12
    assert len({tuple(split.hash for split in splits[first : first + 4]) for first in (0, 4, 8)}) == 3
    assert [split.hash for split in splits[:4]] == [split.hash for split in folds(section, columns, 4)]
    assert len({tuple(split.parts["test"]) for split in splits}) == 1
    other = folds(section.model_copy(update={"seed": 4}), columns, 4)
    assert [split.hash for split in splits[:4]] != [split.hash for split in other]
    assert ", repeat 2 of 3" in splits[4].how


def test_only_the_given_training_part_is_dealt() -> None:
    section, columns = of_kind("given")
    splits = folds(section, columns, 5)
    validated = np.sort(np.concatenate([split.parts["validation"] for split in splits]))
    assert np.array_equal(validated, np.arange(150))
    assert splits[0].how == (
        "given: fold 1 of 5, 30 rows, dealt by class; test as given, the validation part that was given is left out, "
        "seed 3"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_inner_folds_know_nothing_of_the_outer_fold(kind: str) -> None:
    section, columns = of_kind(kind)
    outer = folds(section, columns, 3)
    found = nested(section, columns, 3, 2)
    assert [each.outer.hash for each in found] == [split.hash for split in outer]
    for each in found:
        train, fold = each.outer.parts["train"], each.outer.parts["validation"]
        sealed = np.concatenate([fold, each.outer.parts["test"]])
        for split in each.inner:
            inside = np.concatenate([split.parts["train"], split.parts["validation"]])
            assert np.isin(inside, train).all()
            assert not np.isin(inside, sealed).any()
            assert np.array_equal(split.parts["test"], fold)
            if kind == "grouped":
                who = columns.keys["who"]
                assert len(set(who[split.parts["train"]]) & set(who[split.parts["validation"]])) == 0
            if kind == "time":
                when = columns.keys["when"]
                assert when[split.parts["train"]].max() < when[split.parts["validation"]].min()
        if kind not in ("time", "contiguous"):
            validated = np.sort(np.concatenate([split.parts["validation"] for split in each.inner]))
            assert np.array_equal(validated, train)


def test_the_inner_folds_of_each_outer_fold_are_dealt_by_random_numbers_of_their_own() -> None:
    """Of training parts of one size, the same random numbers would deal the same places every time."""
    dealt = set()
    for each in nested(SplitSection(kind="random", test=0), classes(np.arange(100) % 2), 5, 2):
        places = np.searchsorted(each.outer.parts["train"], each.inner[0].parts["validation"])
        assert len(places) == 40
        dealt.add(tuple(places.tolist()))
    assert len(dealt) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_folds_are_read_back_as_they_were_written(kind: str) -> None:
    section, columns = of_kind(kind)
    for each in nested(section, columns, 3, 2):
        written = json.loads(json.dumps(each.to_dict(columns)))
        again = Nested.from_dict(written)
        assert again.to_dict(columns) == each.to_dict(columns)
        assert again.outer.hash == each.outer.hash


def test_the_same_rows_are_drawn_on_every_platform() -> None:
    """Written down once, where they were drawn first."""
    drawn = {kind: folds(*of_kind(kind), 3)[0].hash[:12] for kind in KINDS}
    assert drawn == {
        "random": "13b64ff23d29",
        "stratified": "7f1b5b66259d",
        "grouped": "4d030636ad04",
        "given": "c32d6a0c2b80",
        "time": "b5be18cf9b1f",
        "contiguous": "217ae3dba9b7",
    }


REFUSED: list[tuple[str, dict[str, int], str]] = [
    ("random", {"num_folds": 1}, "1 folds, repeated 1 times: expected at least 2 folds, and 1 repeat."),
    ("random", {"num_folds": 161}, "161 folds of 160 rows: each needs one at least. Choose fewer folds."),
    ("grouped", {"num_folds": 17}, "17 folds of 16 groups of 'who': each needs one at least. Choose fewer folds."),
    ("time", {"num_folds": 3, "repeats": 2}, "repeats = 2: split.kind = 'time' has one order of the rows. Choose 1."),
    ("time", {"num_folds": 160}, "160 rows of 160 different times are too few for 160 folds. Choose fewer folds."),
]


@pytest.mark.parametrize(("kind", "asked", "message"), REFUSED)
def test_what_cannot_be_dealt_is_refused(kind: str, asked: dict[str, int], message: str) -> None:
    section, columns = of_kind(kind)
    with pytest.raises(DataError) as caught:
        folds(section, columns, **asked)
    assert str(caught.value) == message


def test_a_test_part_that_was_asked_for_is_never_silently_empty() -> None:
    """The last rows have one time, are never parted, and are too many for so small a share."""
    times = np.minimum(np.arange(100), 88)
    columns = replace(numbers(np.arange(100.0)[:, None], np.zeros((100, 1))), keys={"when": times})
    section = SplitSection(kind="time", time="when", test=0.05)
    with pytest.raises(
        DataError, match=r"split\.test = 0\.05 of 100 rows, of which the last 12 have one time, is none"
    ):
        folds(section, columns, 3)
    assert all(len(split.parts["test"]) == 0 for split in folds(section.model_copy(update={"test": 0}), columns, 3))
