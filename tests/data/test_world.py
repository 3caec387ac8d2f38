"""The world: from a recipe to prepared batches, and what it dictates to a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pellucid.data import DATA, keep
from pellucid.data import rows as rows_of
from pellucid.data import world as data
from pellucid.data.batch import Batch
from pellucid.data.cifar10 import cifar10
from pellucid.data.columns import Columns
from pellucid.data.embedded import diabetes, digits
from pellucid.data.locate import VARIABLE
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import Field, Spec
from tests.data.worlds import blobs, classes, open_world


def test_batches_are_the_part_whole_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_of, "EVALUATION_ROWS", 7)
    world = open_world(blobs(100))
    batches = list(world.batches("train"))
    assert [len(batch) for batch in batches] == [7] * 10
    assert torch.equal(torch.cat([batch.rows for batch in batches]), world.rows("train"))
    whole = world.take(world.rows("train"))
    assert torch.equal(torch.cat([batch["input"] for batch in batches]), whole["input"])


def test_the_spec_counts_the_training_rows_of_each_class() -> None:
    world = open_world(classes(np.repeat([0, 1], [60, 40])))
    assert world.spec.target is not None
    assert world.spec.target.counts == (42, 28)
    assert world.spec.num_outputs == 2


def test_sample_and_raw() -> None:
    world = open_world(blobs(1000))
    assert world.sample().shape == (256, 4)
    rows = np.array([5, 3])
    assert np.array_equal(world.raw(rows), world.columns.values["input"][rows])
    pixels = Columns(
        {"input": np.full((8, 1, 2, 2), 51, np.uint8), "target": np.arange(8) % 2},
        {"input": Field("image", (1, 2, 2)), "target": Field("category", categories=("a", "b"))},
    )
    with_pixels = open_world(pixels, split={"validation": 0.0, "test": 0.25})
    assert with_pixels.raw(rows)[0, 0, 0, 0] == np.float32(0.2)


def test_read_only_columns_are_taken_as_they_are() -> None:
    columns = blobs(50)
    for array in columns.values.values():
        array.flags.writeable = False
    assert torch.isfinite(open_world(columns).take(torch.arange(50))["input"]).all()


@pytest.mark.parametrize(
    ("columns", "sections", "message"),
    [
        (classes(np.array([0, 1])), {}, "The data has 2 rows; at least 3 are needed to train on some"),
        (
            blobs(40),
            {"train": {"epochs": 1, "batch_size": 64}},
            'train.batch_size = 64, but there are 28 rows to train on. Choose at most 28, or train.batch_size="all".',
        ),
        (classes(np.arange(20) % 2, np.full((20, 1), np.nan, np.float32)), {}, "20 of 20 rows hold NaN"),
    ],
)
def test_what_cannot_be_opened_is_refused(columns: Columns, sections: dict[str, object], message: str) -> None:
    with pytest.raises(DataError) as caught:
        open_world(columns, **sections)
    assert message in str(caught.value)


def test_columns_need_one_value_per_row() -> None:
    with pytest.raises(DataError, match="different numbers of rows: input has 3, target has 2"):
        classes(np.array([0, 1]), np.zeros((3, 1), np.float32))


def test_the_hash_is_of_the_content() -> None:
    columns = blobs(30)
    same = Columns({name: np.asfortranarray(array.copy()) for name, array in columns.values.items()}, columns.schema)
    assert same.hash == columns.hash
    changed = {**columns.values, "input": columns.values["input"].copy()}
    changed["input"][3, 1] += 1
    assert Columns(changed, columns.schema).hash != columns.hash
    renamed = {**columns.schema, "target": Field("category", categories=("x", "y", "z"))}
    assert Columns(columns.values, renamed).hash != columns.hash


def test_kept_columns_come_back_whole(tmp_path: Path) -> None:
    given = {"train": np.arange(20), "test": np.arange(20, 30)}
    columns = classes(np.arange(30) % 3, given=given)
    keep.write(columns, tmp_path / "below" / "columns.safetensors")
    back = keep.read(tmp_path / "below" / "columns.safetensors")
    assert (back.hash, back.schema) == (columns.hash, columns.schema)
    assert {part: rows.tolist() for part, rows in back.given.items()} == {p: r.tolist() for p, r in given.items()}
    assert keep.num_bytes(columns) == 30 * (4 + 8)


@pytest.mark.parametrize("num_parts", [1, 2, 3, 7, 20])
def test_a_batch_is_cut_evenly_and_loses_nothing(num_parts: int) -> None:
    batch = Batch({"input": torch.arange(10.0)[:, None]}, torch.arange(10))
    parts = list(batch.split(num_parts))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert torch.equal(torch.cat([part["input"] for part in parts])[:, 0].long(), torch.cat([p.rows for p in parts]))
    assert torch.equal(torch.cat([part.rows for part in parts]), batch.rows)


@pytest.mark.parametrize(("read", "name", "rows"), [(digits, "digits", 1797), (diabetes, "diabetes", 442)])
def test_embedded_data_is_what_its_spec_says(read: object, name: str, rows: int) -> None:
    columns = data.read(DataSection(source=name))
    spec = data.specs(name)
    assert len(columns) == rows
    assert columns.hash == read().hash  # type: ignore[operator]
    assert Spec(columns.schema["input"], columns.schema["target"]) == spec
    assert columns.values["input"].shape[1:] == spec.input.shape


def test_every_data_set_says_what_it_dictates_without_being_read() -> None:
    assert all(data.specs(name).num_outputs > 0 for name in DATA)


def test_unknown_data_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"there is no 'mnsit'\. Did you mean 'mnist'"):
        data.read(DataSection(source="mnsit"))
    with pytest.raises(DataError, match=r"give them again, as in pellucid\.fit"):
        data.read(DataSection(source="arrays"))


def test_cifar10_is_its_files_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (folder := tmp_path / "cifar10").mkdir()
    random = np.random.default_rng(0)
    rows = random.integers(0, 256, size=(12, 3073)).astype(np.uint8)
    rows[:, 0] = np.arange(12) % 10
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    for number, name in enumerate(names):
        (folder / name).write_bytes(rows[2 * number : 2 * number + 2].tobytes())
    columns = cifar10()
    assert columns.values["target"].tolist() == rows[:, 0].tolist()
    assert np.array_equal(columns.values["input"][7].ravel(), rows[7, 1:])  # red, green, blue planes, row by row
    assert columns.given["test"].tolist() == [10, 11]
    rows[11, 0] = 10
    (folder / names[5]).write_bytes(rows[10:].tobytes())
    with pytest.raises(DataError, match=r"test_batch\.bin has the label 10: expected 0 to 9"):
        cifar10()
    (folder / names[5]).write_bytes(rows[10:].tobytes()[:-1])
    with pytest.raises(DataError, match=r"has 6,145 bytes, no multiple of 3,073\. It is damaged; fetch it again\."):
        cifar10()
