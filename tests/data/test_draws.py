"""Draws of whole groups, by quantile and in time: what each promises, on any data; what cannot be drawn is refused."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data.columns import Columns
from pellucid.data.draws import quantiles
from pellucid.data.ordering import times_of
from pellucid.data.split import PARTS, Split, draw
from pellucid.errors import DataError, LeakError
from pellucid.recipe import SplitSection
from tests.data.worlds import classes, numbers

SIZES = st.lists(st.integers(1, 30), min_size=3, max_size=30)
SEEDS = st.integers(0, 9)


def valued(num_rows: int, **keys: Any) -> Columns:
    """Rows with a number to predict, and these columns to group and order by."""
    columns = numbers(np.arange(float(num_rows))[:, None], np.zeros((num_rows, 1)))
    return replace(columns, keys={name: np.asarray(values) for name, values in keys.items()})


def grouped(sizes: list[int], seed: int = 0) -> np.ndarray:
    """Group names, `sizes[g]` times each, in any order."""
    names = np.array([f"speaker {number}" for number in range(len(sizes))])
    return np.random.default_rng(seed).permutation(np.repeat(names, sizes))


def whole(split: Split, num_rows: int) -> bool:
    return np.array_equal(np.sort(np.concatenate([split.parts[part] for part in PARTS])), np.arange(num_rows))


@settings(max_examples=100, deadline=None)
@given(SIZES, st.floats(0.1, 0.4), st.floats(0.1, 0.4), SEEDS)
def test_groups_stay_whole_and_their_rows_come_near_the_shares(
    sizes: list[int], validation: float, test: float, seed: int
) -> None:
    who = grouped(sizes)
    section = SplitSection(kind="grouped", group="who", validation=validation, test=test, seed=seed)
    split = draw(section, valued(len(who), who=who)) if min(validation, test) * len(who) > 1 else None
    if split is None:
        return
    assert whole(split, len(who))
    groups = {part: set(who[split.parts[part]]) for part in PARTS}
    assert all(groups.values())
    assert sum(map(len, groups.values())) == len(sizes)
    for part, share in (("test", test), ("validation", validation)):
        off = len(split.parts[part]) - round(share * len(who))
        only = len(groups[part]) == 1 or len(groups["train"]) == 1  # one group there must be
        kept = part == "test" and len(sizes) - len(groups["test"]) == 2
        assert abs(off) <= max(sizes) / 2 + 1e-9 or (only or kept)


def test_groups_are_a_function_of_the_seed_even_where_all_differ_in_size() -> None:
    who = grouped(list(range(1, 40)))
    tests = [
        draw(SplitSection(kind="grouped", group="who", seed=seed), valued(len(who), who=who)).parts["test"].tolist()
        for seed in (0, 0, 1, 2)
    ]
    assert tests[0] == tests[1]
    assert len(set(map(tuple, tests))) == 3


def test_the_test_part_does_not_depend_on_the_share_that_validates() -> None:
    columns = valued(600, who=grouped([20] * 30))
    sections = [SplitSection(kind="grouped", group="who", validation=share) for share in (0, 0.1, 0.3)]
    assert len({tuple(draw(section, columns).parts["test"].tolist()) for section in sections}) == 1


def test_classes_keep_their_shares_where_groups_allow_it() -> None:
    """Patients are ill or well, one in ten is ill; each part has its ill to within a patient."""
    patients = np.repeat(np.arange(100), 5)
    ill = (patients % 10 == 0).astype(int)
    for seed in range(10):
        columns = replace(classes(ill), keys={"patient": patients})
        split = draw(SplitSection(kind="grouped", group="patient", validation=0.2, test=0.2, seed=seed), columns)
        assert {part: (len(rows), ill[rows].sum()) for part, rows in split.parts.items()} == {
            "train": (300, 30),
            "validation": (100, 10),
            "test": (100, 10),
        }


def test_what_is_said_of_groups() -> None:
    split = draw(
        SplitSection(kind="grouped", group="who", test=0.2, validation=0.2), valued(50, who=np.arange(50) // 5)
    )
    assert split.how == (
        "grouped: test 10 rows drawn in whole groups of 'who', "
        "validation 10 rows drawn in whole groups of 'who', seed 0"
    )


def test_groups_that_the_kind_does_not_keep_are_said() -> None:
    split = draw(SplitSection(kind="random", group="who"), valued(50, who=np.arange(50) // 5))
    assert split.how.endswith("seed 0; rows of one 'who' are not kept together")


def test_given_parts_are_completed_by_whole_groups_and_must_not_share_one() -> None:
    who = np.repeat(np.arange(20), 5)
    parts = {"train": np.arange(80), "test": np.arange(80, 100)}
    columns = replace(classes(np.arange(100) % 2, given=parts), keys={"who": who})
    split = draw(SplitSection(kind="given", group="who", validation=0.25), columns)
    assert np.array_equal(split.parts["test"], parts["test"])
    assert len(split.parts["validation"]) == 20
    assert not set(who[split.parts["validation"]]) & set(who[split.parts["train"]])
    with pytest.raises(LeakError, match="the given parts train and test share 1 of its values, 'x'"):
        draw(
            SplitSection(kind="given", group="who"),
            replace(columns, keys={"who": np.full(100, "x")}),
        )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=20, max_size=80),
    st.floats(0.1, 0.3),
    st.floats(0.1, 0.3),
    st.integers(0, 3),
)
def test_parts_follow_one_another_in_time(when: list[int], validation: float, test: float, gap: int) -> None:
    times = np.array(when)
    section = SplitSection(kind="time", time="when", validation=validation, test=test, gap=gap)
    try:
        split = draw(section, valued(len(times), when=times))
    except DataError:  # ties or gaps leave a part empty
        return
    train, validate, tested = (times[split.parts[part]] for part in PARTS)
    assert train.max() < validate.min()
    assert validate.max() < tested.min()
    left_out = len(times) - sum(len(split.parts[part]) for part in PARTS)
    assert left_out == 2 * gap
    ties = np.unique(times, return_counts=True)[1].max()
    assert abs(len(tested) - round(test * len(times))) <= ties / 2
    assert abs(len(validate) - round(validation * len(times))) <= ties / 2


def test_time_is_not_the_order_of_the_rows() -> None:
    days = np.random.default_rng(0).permutation(100)
    dates = np.array([str(np.datetime64("2024-01-01") + int(day)) for day in days], object)
    split = draw(SplitSection(kind="time", time="day", gap=5), valued(100, day=dates))
    assert {part: sorted(days[rows]) for part, rows in split.parts.items()} == {
        "train": list(range(0, 60)),
        "validation": list(range(65, 80)),
        "test": list(range(85, 100)),
    }
    assert all(np.all(np.diff(rows) > 0) for rows in split.parts.values())
    assert split.how == (
        "time: the earliest 60 rows by 'day' train, the next 15 validate, the latest 15 test; "
        "10 between them are left out"
    )
    told = split.to_dict(valued(100, day=dates))
    assert sorted(days[told["left_out"]]) == [60, 61, 62, 63, 64, 80, 81, 82, 83, 84]
    assert Split.from_dict(told).parts["train"].tolist() == split.parts["train"].tolist()


def test_contiguous_parts_with_a_gap() -> None:
    split = draw(SplitSection(kind="contiguous", validation=0.2, test=0.2, gap=3), valued(100))
    ends = {part: (int(rows[0]), int(rows[-1])) for part, rows in split.parts.items()}
    assert ends == {"train": (0, 53), "validation": (57, 76), "test": (80, 99)}


TIMES: list[tuple[Any, list[int]]] = [
    (np.array([3, 1, 2]), [1, 2, 0]),
    (np.array([0.5, -1.0, 0.0]), [1, 2, 0]),
    (np.array(["10", "9", "8.5"]), [2, 1, 0]),
    (np.array(["2024-03-01", "2023-12-31", "2024-02-29"], object), [1, 2, 0]),
    (np.array(["01.03.2024", "31.12.2023", "29.02.2024"], object), [1, 2, 0]),
    (np.array(["2024-03", "2023-12", "2024-02"], object), [1, 2, 0]),
    (np.array(["2024-03-01 10:00", "2024-03-01T09:59:59", "2024-03-01"], object), [2, 1, 0]),
    (np.array(["2024-03-01T10:00+02:00", "2024-03-01T09:00Z", "2024-03-01T07:59:59Z"], object), [2, 0, 1]),
    (np.array([datetime.date(2024, 3, 1), datetime.datetime(2024, 2, 1, 5)], object), [1, 0]),
    (np.array(["2024-03-01", "2024-02-01"], "datetime64[D]"), [1, 0]),
]


@pytest.mark.parametrize(("values", "order"), TIMES)
def test_what_times_are_understood(values: Any, order: list[int]) -> None:
    assert np.argsort(times_of(values, "when"), kind="stable").tolist() == order


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2024-01-01", "soon"], r"'soon' \(row 1\) is no number and no date as 2012-01-31"),
        (["01/02/2024", "03/02/2024"], r"'01/02/2024' \(row 0\) is no number and no date"),
        (["2024-01-01T10:00Z", "2024-01-01T11:00"], "some dates have a time zone and others none"),
        ([1.0, float("nan")], r"is missing or not finite in 1 rows \(rows 1\)"),
        (np.array(["2024-01-01", "NaT"], "datetime64[D]"), r"is missing or not finite in 1 rows \(rows 1\)"),
        ([True, False], "holds bool: expected numbers or dates"),
    ],
)
def test_what_is_no_time_is_refused(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        times_of(np.asarray(values), "when")


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=200))
def test_quantiles_are_ordered_and_of_equal_size_where_values_differ(values: list[float]) -> None:
    array = np.array(values)
    codes = quantiles(array)
    order = np.argsort(array, kind="stable")
    assert np.all(np.diff(codes[order]) >= 0)
    assert all(len(set(codes[array == value])) == 1 for value in array)
    if len(np.unique(array)) == len(array):
        counts = np.bincount(codes)
        assert len(counts) == min(10, len(array) // 5)
        assert counts.max() - counts.min() <= 1


def test_a_number_target_keeps_the_shares_of_its_quantiles() -> None:
    target = np.random.default_rng(0).lognormal(size=1000)
    columns = numbers(target[:, None], np.zeros((1000, 1)))
    split = draw(SplitSection(validation=0.1, test=0.2), columns)
    bins = np.argsort(np.argsort(target)) // 100
    assert np.bincount(bins[split.parts["test"]]).tolist() == [20] * 10
    assert np.bincount(bins[split.parts["validation"]]).tolist() == [10] * 10
    assert split.how.startswith("stratified: test 200 rows drawn by quantile of the target")


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"kind": "grouped"}, {}, "split.group is not given: the column by which rows are kept together."),
    ({"kind": "time"}, {}, "split.time is not given: the column by which rows are ordered."),
    ({"kind": "grouped", "group": "who"}, {}, "split.group = 'who', but the data came without a column"),
    ({"kind": "random", "group": "who"}, {}, "split.group = 'who', but the data came without a column"),
    ({"kind": "time", "time": "when"}, {}, "split.time = 'when', but the data came without a column"),
    (
        {"kind": "time", "time": "when", "group": "when"},
        {"when": np.arange(20)},
        "split.kind = 'time' cuts all rows at",
    ),
    ({"kind": "random", "gap": 3}, {}, "split.gap = 3: rows are left out where parts follow one another"),
    (
        {"kind": "grouped", "group": "who"},
        {"who": np.arange(20) // 10},
        "2 groups for 3 parts",
    ),
    (
        {"kind": "time", "time": "when"},
        {"when": np.arange(20) // 10},
        "split.test = 0.15 of 20 rows, of which the last 10 have one time, is none",
    ),
    ({"kind": "time", "time": "when", "gap": 9}, {"when": np.arange(20)}, "too few to cut as asked with split.gap = 9"),
]


@pytest.mark.parametrize(("section", "keys", "message"), REFUSED)
def test_what_cannot_be_drawn_is_refused(section: dict[str, Any], keys: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        draw(SplitSection(**section), valued(20, **keys))
    assert message in str(caught.value)
