"""What a user holds in memory becomes columns: every container alike, nothing guessed, every refusal in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
import polars
import pytest
import torch

from pellucid.data.arrays import from_parts, inputs_like
from pellucid.data.columns import Columns
from pellucid.errors import DataError
from pellucid.spec import Field

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
Y = [0, 1, 0, 1, 1, 0]
NAMES = ("age", "weight", "height")
FRAME = pandas.DataFrame(X, columns=list(NAMES))


def read(inputs: Any, targets: Any = Y, task: Any = None) -> Columns:
    return from_parts({"train": (inputs, targets)}, task)


def refusal(*arguments: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "targets", "names"),
    [
        (X, np.array(Y), ()),
        (X.astype(">f8"), np.array(Y, np.uint8), ()),
        (torch.from_numpy(X), torch.tensor(Y), ()),
        (torch.from_numpy(X).requires_grad_(), torch.tensor(Y)[:, None], ()),
        (X.tolist(), Y, ()),
        (FRAME, pandas.Series(Y), NAMES),
        (polars.DataFrame(X, schema=NAMES), polars.Series(Y), NAMES),
        (np.asfortranarray(X), np.array(Y)[:, None], ()),
    ],
)
def test_every_container_gives_the_same_columns(inputs: Any, targets: Any, names: tuple[str, ...]) -> None:
    columns = read(inputs, targets)
    assert np.array_equal(columns.values["input"], X)
    assert columns.values["input"].dtype == np.float32
    assert columns.values["target"].tolist() == Y
    assert columns.schema == {
        "input": Field("number", (3,), names=names),
        "target": Field("category", categories=("0", "1"), labels="whole"),
    }
    assert columns.hash == read(X).hash


@pytest.mark.parametrize(
    ("targets", "categories"),
    [
        (["no", "yes"] * 3, ("no", "yes")),
        (np.array(["no", "yes"] * 3, object), ("no", "yes")),
        (pandas.Series(["no", "yes"] * 3, dtype="category"), ("no", "yes")),
        (pandas.Series(["no", "yes"] * 3, dtype="string"), ("no", "yes")),
        (polars.Series(["no", "yes"] * 3, dtype=polars.Categorical), ("no", "yes")),
        (["nan", "inf"] * 3, ("inf", "nan")),
        ([True, False] * 3, ("False", "True")),
        ([10, 9] * 3, ("9", "10")),
        ([1.0, 2.0] * 3, ("1", "2")),
        (pandas.Series([3, 1] * 3, dtype="Int64"), ("1", "3")),
    ],
)
def test_classes_may_be_of_any_kind(targets: Any, categories: tuple[str, ...]) -> None:
    columns = read(X, targets)
    assert columns.schema["target"].categories == categories
    named = [categories[code] for code in columns.values["target"]]
    assert named == [str(int(value) if isinstance(value, float) else value) for value in list(targets)]


def test_fractions_are_regressed_unless_classes_are_asked_for() -> None:
    grades = [1.5, 2.0, 1.5, 2.5, 2.0, 2.5]
    columns = read(X, grades)
    assert (columns.schema["target"].kind, columns.values["target"].shape) == ("number", (6, 1))
    assert read(X, grades, "classify").schema["target"].categories == ("1.5", "2.0", "2.5")  # not cut to 1 and 2
    assert read(X, Y, "regress").values["target"].shape == (6, 1)


def test_one_column_and_none_mean_the_same() -> None:
    for task in ("classify", "regress"):
        flat, column = (read(X, np.array(Y, float).reshape(shape), task) for shape in ((6,), (6, 1)))
        assert flat.hash == column.hash


def test_several_targets_keep_their_names() -> None:
    columns = read(X, pandas.DataFrame({"up": np.arange(6) / 4, "down": np.arange(6)}))
    assert columns.schema["target"] == Field("number", (2,), names=("up", "down"))
    assert columns.values["target"][:, 1].tolist() == [0, 1, 2, 3, 4, 5]


def test_columns_of_a_frame_may_differ_in_type() -> None:
    mixed = pandas.DataFrame({"count": [1, 2, 3, 4, 5, 6], "flag": [True] * 3 + [False] * 3, "size": np.arange(6) / 2})
    for frame in (mixed, polars.from_pandas(mixed)):
        assert read(frame).values["input"].tolist() == [[n + 1, n < 3, n / 2] for n in range(6)]


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((6, 8, 9), np.uint8, (1, 8, 9)),
        ((6, 1, 8, 9), np.uint8, (1, 8, 9)),
        ((6, 3, 8, 9), np.float32, (3, 8, 9)),
        ((6, 8, 9, 3), np.uint8, (3, 8, 9)),
        ((6, 8, 9, 1), np.float64, (1, 8, 9)),
    ],
)
def test_images_are_channels_first(shape: tuple[int, ...], dtype: type, expected: tuple[int, ...]) -> None:
    images = np.random.default_rng(1).integers(0, 2, size=shape).astype(dtype)
    columns = read(images[::-1])
    assert columns.schema["input"] == Field("image", expected, unit="byte" if dtype is np.uint8 else "share")
    assert columns.values["input"].dtype == (np.uint8 if dtype is np.uint8 else np.float32)
    last = images[::-1].reshape(6, *shape[1:], *[1] * (4 - len(shape)))
    reference = last if shape[1:] == expected else last.transpose(0, 3, 1, 2)
    assert np.array_equal(columns.values["input"], reference)


def test_parts_of_ones_own_are_kept() -> None:
    columns = from_parts({"train": (X, np.array(Y)), "validation": (X[:2] + 1, np.array([[1], [0]]))})
    assert len(columns) == 8
    assert columns.given["validation"].tolist() == [6, 7]
    assert columns.values["target"].tolist() == [*Y, 1, 0]
    assert read(X).given == {}


EXPECTED = "Expected [N, features], or images [N, H, W] or [N, C, H, W]."
TOO_FEW = (
    "y holds {0} different values in 300 rows: too few rows of each to learn from. "
    "If they are numbers to predict, give task='regress'; if they are classes indeed, task='classify'."
)
NO_CLASS = "y: 1 of 6 rows have no class (rows {}). Remove these rows."


def test_there_may_be_no_targets_in_any_part() -> None:
    columns = from_parts({"train": (X, None), "validation": (X[:2], None)})
    assert list(columns.values) == list(columns.schema) == ["input"]
    assert {part: len(rows) for part, rows in columns.given.items()} == {"train": 6, "validation": 2}
    with pytest.raises(DataError, match="Give y in every part, or in none"):
        from_parts({"train": (X, Y), "validation": (X[:2], None)})


REFUSED = [
    (X, Y[:4], "X has 6 rows and y has 4. Each row of X needs one target."),
    (X, {1, 2}, "y is of type set: expected an array, a tensor, a data frame or a list."),
    ("rows.csv", Y, "X is of type str: expected an array, a tensor, a data frame or a list."),
    (X[:0], [], "The train X has no rows. Give rows, or leave the part out."),
    (X[:, :0], Y, "X has shape [6, 0]: there is nothing to learn from."),
    (X[:, 0], Y, f"X has shape [6]. {EXPECTED} One feature: X.reshape(-1, 1)."),
    (np.zeros((6, 1, 2, 2, 2)), Y, f"X has shape [6, 1, 2, 2, 2]. {EXPECTED}"),
    ([[1, 2], [3]], [0, 1], "X is a list of rows of different lengths. Every row needs the same number of values."),
    ([[1, "a"]] * 6, Y, "X holds text: expected numbers. Encode text as numbers first."),
    (X * 1j, Y, "X holds complex64 values: expected numbers. Encode text as numbers first."),
    (X.astype(float) * 1e300, Y, None),
    (FRAME.assign(name="x"), Y, None),
    (polars.DataFrame({"day": ["x"] * 6}), Y, None),
    (FRAME.set_axis(["a", "b", "a"], axis=1), Y, "X has two columns of one name: a, b, a."),
    (X, [0, 1, 0, 1, 0, float("nan")], NO_CLASS.format(5)),
    (X, [0, 1, 0, 1, 0, float("inf")], NO_CLASS.format(5)),
    (X, ["a", None, "b", "a", None, "b"], "y: 2 of 6 rows have no class (rows 1, 4). Remove these rows."),
    (X, pandas.Series(["a", pandas.NA, "b", "a", "b", "b"], dtype="string"), NO_CLASS.format(1)),
    (X, polars.Series(["a", None, "b", "a", "b", "b"]), NO_CLASS.format(1)),
    (X, [1] * 6, "y has one class only ('1'): expected at least two."),
    (np.zeros((300, 1)), np.arange(300), TOO_FEW.format(300)),
    (X, np.eye(2)[Y], None),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "targets", "message"), REFUSED)
def test_what_cannot_be_used_is_refused(inputs: Any, targets: Any, message: str | None) -> None:
    text = refusal(inputs, targets)
    assert message is None or text == message


def test_refusals_name_the_column_and_the_remedy() -> None:
    assert "X: column 'name' holds objects" in (text := refusal(FRAME.assign(name=["x"] * 6).astype({"name": object})))
    assert text.endswith("Encode it as numbers, or leave the column out.")
    assert "column 'day' holds dates" in refusal(FRAME.assign(day=pandas.Timestamp("2026-01-01")))
    assert "expected less than 3.4e38" in refusal(X.astype(float) * 1e300)
    one_hot = refusal(X, np.eye(2)[Y])
    assert "y has shape [6, 2] and a single 1 in each row. If it marks the class, give y.argmax(1)" in one_hot
    assert read(X, np.eye(2)[Y], "regress").schema["target"].kind == "number"
    assert "For one-hot rows give y.argmax(1)" in refusal(X, np.eye(2)[Y], "classify")


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        ((X, Y), (X[:, :2], Y), "The validation X has shape [6, 2] and the train X [6, 3]"),
        ((X, Y), (X, np.zeros((6, 2))), "The validation y has shape [6, 2] and the train y [6]"),
        ((X, Y), (X, Y[:3]), "The validation part: X has 6 rows and y has 3."),
        ((X, Y), (X, list("aabbab")), "The validation y holds text and the train y int64 values: expected"),
        ((np.zeros((6, 8, 8), np.uint8), Y), (np.zeros((6, 8, 8)), Y), "holds float64 values and the train X uint8"),
        ((FRAME, Y), (X, Y), "has the columns (no names) and the train X age, weight, height: expected"),
        ((FRAME, Y), (FRAME[["weight", "age", "height"]], Y), "has the columns weight, age, height and the train X"),
    ],
)  # fmt: skip
def test_parts_that_differ_are_refused(train: Any, validation: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        from_parts({"train": train, "validation": validation})
    assert message in str(caught.value)


AS_TRAINED = ", as the model was trained on."
TABLE = Field("number", (3,), names=NAMES)


def test_new_rows_are_put_into_the_order_of_training() -> None:
    shuffled = FRAME[["height", "age", "weight"]].assign(name="extra text is left out")
    for frame in (shuffled, polars.DataFrame(shuffled.to_dict("list"))):
        assert np.array_equal(inputs_like(frame, TABLE), X)
    assert np.array_equal(inputs_like(X.tolist(), TABLE), X)
    assert np.array_equal(inputs_like(X[0], TABLE), X[:1])  # one row


@pytest.mark.parametrize("channels", [1, 3])
def test_one_image_or_many_channels_first_or_last(channels: int) -> None:
    field = Field("image", (channels, 4, 5))
    images = np.random.default_rng(0).integers(0, 256, size=(2, channels, 4, 5)).astype(np.uint8)
    last = images.transpose(0, 2, 3, 1)
    for given in (images, last):
        assert np.array_equal(inputs_like(given, field), images)
        assert np.array_equal(inputs_like(given[0], field), images[:1])
    if channels == 1:
        assert np.array_equal(inputs_like(images[:, 0], field), images)
        assert np.array_equal(inputs_like(images[0, 0], field), images[:1])
    assert inputs_like(images / 255, field).dtype == np.float32


@pytest.mark.parametrize(
    ("inputs", "field", "message"),
    [
        (FRAME[["age"]], TABLE, "X lacks the columns 'weight', 'height'. Expected: age, weight, height."),
        (X[:, :2], TABLE, "X has shape [6, 2]: expected [N, 3]" + AS_TRAINED),
        (np.zeros((2, 8, 8)), Field("image", (1, 8, 9)), "X has shape [2, 8, 8]: expected [N, 1, 8, 9]" + AS_TRAINED),
        ([[1, "a", 2]], TABLE, "X holds text: expected numbers. Encode text as numbers first."),
        ([[1, float("nan"), 2]], TABLE, None),
    ],
)  # fmt: skip
def test_new_rows_that_do_not_fit_are_refused(inputs: Any, field: Field, message: str | None) -> None:
    with pytest.raises(DataError) as caught:
        inputs_like(inputs, field)
    assert str(caught.value) == message or (message is None and "1 of 1 rows hold NaN" in str(caught.value))
