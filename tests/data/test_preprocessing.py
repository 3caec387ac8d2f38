"""Standardisation: scikit-learn's on tables, NumPy's per channel on images; it sees the training rows and no others."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from pellucid.data.columns import Columns, check_finite
from pellucid.data.preprocessing import Preprocessing, Standardize
from pellucid.data.split import draw
from pellucid.errors import DataError, LeakError
from pellucid.recipe import PrepareSection, SplitSection
from pellucid.spec import Field
from tests.data.worlds import blobs, numbers, open_world

RANDOM = np.random.default_rng(0)


def images(dtype: type, rows: int = 40) -> Columns:
    values = RANDOM.integers(0, 256, size=(rows, 3, 5, 4)).astype(np.uint8)
    values[:, 1] //= 4  # channels of their own mean and spread
    inputs = values if dtype is np.uint8 else (values / 255).astype(np.float32)
    schema = {"input": Field("image", (3, 5, 4)), "target": Field("category", categories=("a", "b"))}
    return Columns({"input": inputs, "target": np.arange(rows) % 2}, schema)


def test_a_table_is_standardised_as_by_scikit_learn() -> None:
    columns = blobs(200)
    world = open_world(columns)
    train, test = world.split.parts["train"], world.split.parts["test"]
    scaler = StandardScaler().fit(columns.values["input"][train].astype(np.float64))
    step = world.preprocessing.steps["input"]
    np.testing.assert_allclose(step.mean, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(step.std, scaler.scale_, rtol=1e-12)
    expected = scaler.transform(columns.values["input"][test].astype(np.float64))
    world.seal.open()
    given = world.take(world.rows("test"))["input"]
    assert given.dtype == torch.float32
    np.testing.assert_allclose(given, expected, atol=2e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_are_standardised_per_channel_in_units_of_0_to_1(dtype: type) -> None:
    columns = images(dtype)
    world = open_world(columns)
    train = columns.values["input"][world.split.parts["train"]].astype(np.float64)
    unit = train / 255 if dtype is np.uint8 else train
    mean, std = unit.mean(axis=(0, 2, 3)), unit.std(axis=(0, 2, 3))
    step = world.preprocessing.steps["input"]
    np.testing.assert_allclose(step.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(step.std, std, rtol=1e-12)
    given = world.take(world.rows("train"))["input"]
    np.testing.assert_allclose(given, (unit - mean[:, None, None]) / std[:, None, None], atol=2e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 7), st.integers(-12, 8), st.integers(2, 9000))
def test_digits_are_kept_however_far_from_zero(offset: int, unit: int, rows: int) -> None:
    """Values of size 10^unit around 10^offset times that, in float64 against scikit-learn; chunks are of 4,096 rows."""
    values = (np.random.default_rng(rows).normal(size=(rows, 2)) + 10.0**offset) * 10.0**unit
    values = values.astype(np.float32)
    step = Standardize.fit("input", values, np.arange(rows))
    wide = values.astype(np.float64)
    mean = wide.mean(axis=0)
    std = np.sqrt(np.square(wide - mean).mean(axis=0))
    np.testing.assert_allclose(step.mean, mean, rtol=1e-11)
    np.testing.assert_allclose(step.std, np.where(std > 1e-8 * np.abs(mean), std, 1), rtol=1e-7)


def test_a_feature_around_a_million_comes_out_with_its_digits() -> None:
    """float32 holds 1e6 + x to 0.06; multiplying before subtracting would lose as much again."""
    values = (RANDOM.normal(size=(500, 1)) + 1e6).astype(np.float32)
    world = open_world(numbers(RANDOM.normal(size=(500, 1)), values), task={"name": "regress"})
    train = world.split.parts["train"]
    expected = StandardScaler().fit(values[train].astype(np.float64)).transform(values.astype(np.float64))
    given = world.take(torch.arange(500))["input"]
    np.testing.assert_allclose(given, expected, atol=1e-6)


def test_a_constant_feature_becomes_zero_and_a_tiny_one_does_not() -> None:
    values = np.stack([np.full(30, 0.1), RANDOM.normal(size=30) * 1e-12, np.zeros(30)], axis=1).astype(np.float32)
    step = Standardize.fit("input", values, np.arange(30))
    assert step.std[0] == step.std[2] == 1
    given = Preprocessing({"input": step}).apply("input", torch.from_numpy(values))
    assert given[:, 0].abs().max() < 1e-7
    assert given[:, 1].std(correction=0) == pytest.approx(1, abs=1e-5)  # picofarads are numbers too
    assert not given[:, 2].any()


def test_only_the_training_rows_are_seen() -> None:
    columns = blobs(100)
    split = draw(SplitSection(), columns)
    before = Preprocessing.fit(PrepareSection(), columns, split).to_dict()
    held_out = np.concatenate([split.parts["validation"], split.parts["test"]])
    columns.values["input"][held_out] += 1000  # type: ignore[index]
    assert Preprocessing.fit(PrepareSection(), columns, split).to_dict() == before
    columns.values["input"][split.parts["train"][0]] += 1  # type: ignore[index]
    assert Preprocessing.fit(PrepareSection(), columns, split).to_dict() != before


def test_steps_that_were_fitted_on_other_rows_are_a_leak() -> None:
    columns = blobs(100)
    ours, other = (draw(SplitSection(seed=seed), columns) for seed in (0, 1))
    fitted = Preprocessing.fit(PrepareSection(), columns, ours)
    fitted.check_fitted_on(ours)
    with pytest.raises(LeakError, match="step 'standardize' of 'input' was fitted on other rows than this split's"):
        fitted.check_fitted_on(other)
    Preprocessing.fit(PrepareSection(standardize=False), columns, ours).check_fitted_on(other)  # nothing was fitted


def test_what_was_saved_does_the_same() -> None:
    columns = numbers(RANDOM.normal(size=(50, 2)) * 7 + 3, RANDOM.normal(size=(50, 3)))
    world = open_world(columns, task={"name": "regress"})
    kept = Preprocessing.from_dict(json.loads(json.dumps(world.preprocessing.to_dict())))
    assert kept.to_dict() == world.preprocessing.to_dict()
    assert [step["column"] for step in kept.to_dict()["steps"]] == ["input", "target"]
    assert kept.to_dict()["steps"][0]["fitted_on"]["rows"] == len(world.rows("train"))
    for name, values in columns.values.items():
        raw = torch.from_numpy(np.asarray(values))
        assert torch.equal(kept.apply(name, raw), world.preprocessing.apply(name, raw))


def test_number_targets_are_standardised_and_classes_are_not() -> None:
    targets = RANDOM.normal(size=(60, 2)) * [3, 500] + [0, 1e4]
    world = open_world(numbers(targets, RANDOM.normal(size=(60, 2))), task={"name": "regress"})
    prepared = world.take(world.rows("train"))["target"]
    assert prepared.mean(dim=0).abs().max() < 1e-5
    assert world.spec.target is not None
    np.testing.assert_allclose(world.spec.target.std, targets[world.split.parts["train"]].std(axis=0), rtol=1e-5)
    labels = torch.tensor([3, 1, 2])
    assert world.preprocessing.apply("target", labels) is labels


def test_without_standardisation_pixels_are_0_to_1_and_numbers_as_they_are() -> None:
    columns = images(np.uint8)
    world = open_world(columns, prepare={"standardize": False})
    given = world.take(torch.arange(40))["input"]
    assert torch.equal(given, torch.from_numpy(columns.values["input"]).float() * (1 / 255))
    table = blobs(30)
    assert np.array_equal(
        open_world(table, prepare={"standardize": False}).take(torch.arange(30))["input"], table.values["input"]
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_hold_no_number_are_named(bad: float) -> None:
    values = np.zeros((30, 3), np.float32)
    values[[4, 7], 1] = bad
    values[9, 1] = -bad
    schema = {"input": Field("number", (3,), names=("age", "weight", "height"))}
    with pytest.raises(DataError) as caught:
        check_finite(Columns({"input": values}, schema))
    assert str(caught.value) == (
        "input: 3 of 30 rows hold NaN or infinity in 'weight' (rows 4, 7, 9). "
        "Remove these rows or fill the values in; Pellucid does not guess them."
    )
    check_finite(Columns({"input": np.full((4, 3), 3e38, np.float32)}, schema))  # large is not infinite
