"""Tables as matrices: categories and gaps, fitted on training rows, equal to scikit-learn's own steps."""

from __future__ import annotations

import json

import numpy as np
import polars
import pytest
import torch
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pellucid.data.features import Features, columns_of, matrix, recoded
from pellucid.data.table import Column
from pellucid.errors import DataError
from pellucid.spec import Feature, Field

FRAME = polars.DataFrame(
    {
        "age": ["39", None, "50", "28", "61", "44"],
        "work": ["private", "state", None, "private", "none", "state"],
        "height": [1.5, 1.7, 1.6, 1.8, 1.7, 1.6],
        "label": ["no", "yes", "no", "yes", "no", "yes"],
    }
)
TYPES = [
    Column("age", "number", ""),
    Column("work", "category", ""),
    Column("height", "number", ""),
    Column("label", "category", ""),
]
TRAIN = np.array([0, 1, 2, 3])


def fitted() -> tuple[Features, Field, np.ndarray]:
    columns = columns_of(FRAME, TYPES, "label")
    field = columns.schema["input"]
    values = columns.values["input"]
    return Features.fit("input", values, field, TRAIN, standardize=True), field, values


def test_the_rows_at_rest() -> None:
    columns = columns_of(FRAME, TYPES, "label")
    nan = np.nan
    expected = [[39, 1, 1.5], [nan, 2, 1.7], [50, nan, 1.6], [28, 1, 1.8], [61, 0, 1.7], [44, 2, 1.6]]
    np.testing.assert_allclose(columns.values["input"], np.array(expected, np.float32))
    assert columns.schema["input"].features[1] == Feature("work", ("none", "private", "state"))
    assert columns.values["target"].tolist() == [0, 1, 0, 1, 0, 1]


def test_the_step_is_scikit_learns() -> None:
    step, field, values = fitted()
    found = step.bind("cpu", field)(torch.from_numpy(values)).numpy()
    table = np.array([FRAME["age"].cast(polars.Float64).to_list(), FRAME["height"].to_list()], float).T
    reference = ColumnTransformer(
        [
            ("age", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), [0]),
            ("height", StandardScaler(), [1]),
        ]
    )
    numbers = reference.fit(table[TRAIN]).transform(table)
    work = np.array(FRAME["work"].fill_null("(missing)").to_list())[:, None]
    encoder = OneHotEncoder(categories=[["private", "state"]], handle_unknown="ignore", sparse_output=False)
    spread = encoder.fit(work[:1]).transform(work)
    assert step.field.names == (
        "age",
        "age is missing",
        "work = private",
        "work = state",
        "work: another value",
        "height",
    )
    np.testing.assert_allclose(found[:, [0, 5]], numbers, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found[:, 1], np.isnan(table[:, 0]))
    np.testing.assert_array_equal(found[:, 2:4], spread)
    np.testing.assert_array_equal(found[:, 4], 1 - spread.sum(axis=1))  # missing, or not among the training rows


def test_what_only_held_out_rows_hold_changes_nothing() -> None:
    step, field, values = fitted()
    changed = values.copy()
    changed[4:] = [[9999, 2, -5], [np.nan, np.nan, 77]]
    assert Features.fit("input", changed, field, TRAIN, standardize=True) == step
    assert "none" not in step.features[1].levels


def test_kept_and_read_again() -> None:
    step, field, values = fitted()
    again = Features.from_dict(json.loads(json.dumps(step.to_dict())))
    assert again == step
    own = recoded(values, field, step.field)  # as an artefact reads rows
    expected = step.bind("cpu", field)(torch.from_numpy(values))
    assert torch.equal(again.bind("cpu")(torch.from_numpy(own)), expected)
    assert torch.equal(again.bind("cpu")(torch.from_numpy(matrix(FRAME, step.features))), expected)


def test_plain_numbers_stay_plain() -> None:
    frame = polars.DataFrame({"a": ["1", "2"], "b": ["3", "4"]})
    columns = columns_of(frame, [Column("a", "number", ""), Column("b", "number", "")], "b")
    assert columns.schema["input"].features == ()
    assert columns.schema["input"].names == ("a",)


def test_classes_that_are_numbers_come_back_as_such() -> None:
    frame = polars.DataFrame({"a": ["1", "2", "3"], "b": ["10", "9", "10"]})
    columns = columns_of(frame, [Column("a", "number", ""), Column("b", "category", "")], "b")
    assert columns.schema["target"].categories == ("9", "10")
    assert columns.schema["target"].classes() == [9, 10]


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ({"age": ["1"], "height": [1.0]}, "lacks the columns 'work'"),
        ({"age": ["old"], "work": ["private"], "height": [1.0]}, "'age' holds 'old': expected numbers"),
        ({"age": ["1e39"], "work": ["private"], "height": [1.0]}, "more than 3.4e38"),
        ({"age": ["1"], "work": ["private"], "height": [float("inf")]}, "holds infinity"),
    ],
)
def test_rows_that_do_not_fit(frame: dict[str, list[object]], told: str) -> None:
    step, *_ = fitted()
    with pytest.raises(DataError, match=told):
        matrix(polars.DataFrame(frame), step.features)


def test_targets_that_cannot_be_learned() -> None:
    with pytest.raises(DataError, match=r"'age' is missing in 1 of 6 rows"):
        columns_of(FRAME, TYPES, "age")
    with pytest.raises(DataError, match="of type text"):
        columns_of(FRAME, [*TYPES[:3], Column("label", "text", "free")], "label")
    with pytest.raises(DataError, match="No column is left"):
        columns_of(FRAME, [TYPES[3]], "label")
