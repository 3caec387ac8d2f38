"""NumPy's files, IDX pairs and CIFAR by path: the same rows as from memory and from the catalogue, clear refusals."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pellucid.data import array_files, cifar, idx_files, kinds, locate, npy
from pellucid.data.arrays import from_parts
from pellucid.data.cifar10 import cifar10
from pellucid.data.columns import Columns
from pellucid.data.mnist import mnist
from pellucid.errors import DataError
from pellucid.preflight.check import of_data
from pellucid.recipe import DataSection

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.arange(12) % 3


def read(path: Path, **fields: object) -> Columns:
    kind = kinds.kind_of(path)
    return kinds.reader(kind)(DataSection(source=str(path), kind=kind, **fields), ())


def alike(one: Columns, other: Columns) -> None:
    assert one.hash == other.hash
    assert set(one.given) == set(other.given)
    for part in one.given:
        np.testing.assert_array_equal(one.given[part], other.given[part])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_npy_and_npz_are_read_as_numpy_reads_them(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    dtype = data.draw(arrays.boolean_dtypes() | arrays.integer_dtypes() | arrays.floating_dtypes(endianness="<"))
    array = data.draw(arrays.arrays(dtype, arrays.array_shapes(max_dims=3, max_side=4)))
    if data.draw(st.booleans()):
        array = np.asfortranarray(array)
    folder = tmp_path_factory.mktemp("npy")
    np.save(folder / "a.npy", array)
    (np.savez if data.draw(st.booleans()) else np.savez_compressed)(folder / "b.npz", X=array)
    for found in (npy.read_npy(folder / "a.npy"), npy.read_npz(folder / "b.npz", "X")):
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found, array)


def test_a_npy_file_is_mapped_and_never_written(tmp_path: Path) -> None:
    images = np.arange(12 * 8 * 8, dtype=np.uint8).reshape(12, 8, 8)
    np.save(tmp_path / "X.npy", images)
    np.save(tmp_path / "y.npy", Y)
    columns = read(tmp_path)
    values = columns.values["input"]
    base = values
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    values[:] = 0
    np.testing.assert_array_equal(np.load(tmp_path / "X.npy"), images)


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        (("X", "y"), {}),
        (("images", "labels"), {}),
        (("data", "target"), {}),
        (("measured", "y"), {}),
        (("x", "species"), {"target": "species"}),
        (("X_scaled", "y"), {"input": "X_scaled"}),
    ],
)
def test_names_say_which_is_which(tmp_path: Path, names: tuple[str, str], fields: dict[str, str]) -> None:
    np.savez(tmp_path / "a.npz", **dict(zip(names, (X, Y), strict=True)))
    alike(read(tmp_path / "a.npz", **fields), from_parts({"train": (X, Y)}))


def test_new_inputs_are_the_only_array_or_x(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", X)
    np.testing.assert_array_equal(array_files.inputs_at(tmp_path / "labels.npy"), X)
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    np.testing.assert_array_equal(array_files.inputs_at(tmp_path / "a.npz"), X)
    np.savez(tmp_path / "b.npz", spectra=X, hertz=Y)
    with pytest.raises(DataError, match="holds spectra, hertz: which are the inputs"):
        array_files.inputs_at(tmp_path / "b.npz")


@pytest.mark.parametrize("style", ["{what}_{part}", "{part}_{what}"])
def test_parts_are_as_given(tmp_path: Path, style: str) -> None:
    parts = {"train": slice(0, 6), "val": slice(6, 9), "test": slice(9, 12)}
    held = {}
    for part, rows in parts.items():
        held |= {style.format(what="X", part=part): X[rows], style.format(what="y", part=part): Y[rows]}
    np.savez(tmp_path / "a.npz", **held)
    for name, array in held.items():
        (tmp_path / "folder").mkdir(exist_ok=True)
        np.save(tmp_path / "folder" / f"{name}.npy", array)
    names = {"train": "train", "val": "validation", "test": "test"}
    expected = from_parts({names[part]: (X[rows], Y[rows]) for part, rows in parts.items()})
    alike(read(tmp_path / "a.npz"), expected)
    alike(read(tmp_path / "folder"), expected)


def test_settings_say_whether_whole_numbers_are_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    assert read(tmp_path / "a.npz").schema["target"].kind == "category"
    assert read(tmp_path / "a.npz", types={"y": "number"}).schema["target"].kind == "number"


def test_bytes_are_text(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=X, y=np.array([b"caf\xc3\xa9", b"tea"] * 6))
    assert read(tmp_path / "a.npz").schema["target"].categories == ("café", "tea")


@pytest.mark.parametrize(
    ("held", "fields", "message"),
    [
        ({"y": np.array(["a", None] * 6, object)}, {}, "y in .* holds objects .*only pickle could read.*astype"),
        ({"images": X}, {}, "holds X and images, of which each could be the input. Say which: data.input=X"),
        ({"y": None, "a": X, "b": X, "X": None}, {}, "holds a, b: which is learned from"),
        ({}, {"target": "z"}, "data.target = 'z': .* has no such array. Known: X, y"),
        ({"y": Y[:5]}, {}, "X has 12 rows and y has 5"),
        ({"X_test": X, "y_test": Y}, {}, None),
        ({"X": None, "y": None, "X_test": X, "y_test": Y}, {}, "there is no X_train to train on"),
        ({"X_test": X}, {}, "X has the parts train, test and y has train. Each part needs both"),
        ({"y": np.arange(12)}, {}, "12 different values .* give data.types.y=number; .* data.types.y=category"),
        ({}, {"types": {"y": "text"}}, "data.types.y = 'text': a target is a number, a category or labels"),
    ],
)
def test_what_cannot_be_told_is_refused(
    tmp_path: Path, held: dict[str, np.ndarray | None], fields: dict[str, object], message: str | None
) -> None:
    wanted = {name: array for name, array in {"X": X, "y": Y, **held}.items() if array is not None}
    np.savez(tmp_path / "a.npz", **wanted)
    if message is None:
        assert set(read(tmp_path / "a.npz", **fields).given) == {"train", "test"}
        return
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.npz", **fields)


def test_rows_are_grouped_by_an_array_beside_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=X, y=Y, patient=np.arange(12) // 2)
    section = DataSection(source=str(tmp_path / "a.npz"), kind="arrays", input="X")
    assert array_files.read(section, ["patient"]).keys["patient"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    with pytest.raises(DataError, match="has no array 'person' to group or order rows by"):
        array_files.read(section, ["person"])


def write_idx(path: Path, array: np.ndarray) -> None:
    path.write_bytes(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


def test_idx_pairs_are_joined_by_their_names(tmp_path: Path) -> None:
    images, labels = np.arange(6 * 5 * 5, dtype="u1").reshape(6, 5, 5), np.array([1, 2, 3, 1, 2, 3], "u1")
    for part, rows in (("letters-train", slice(0, 4)), ("letters-test", slice(4, 6))):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", images[rows])
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels[rows])
    columns = read(tmp_path)
    np.testing.assert_array_equal(columns.values["input"][:, 0], images)
    assert columns.schema["target"].classes() == [1, 2, 3]
    assert {part: rows.tolist() for part, rows in columns.given.items()} == {"train": [0, 1, 2, 3], "test": [4, 5]}
    alone = tmp_path / "letters-test-images-idx3-ubyte"
    assert len(read(alone)) == 2
    again = tmp_path / f"{alone.name}.gz"
    again.write_bytes(gzip.compress(alone.read_bytes()))
    assert idx_files.find(again)["train"][0] == again
    assert idx_files.find(alone)["train"][0] == alone
    write_idx(tmp_path / "digits-train-images-idx3-ubyte", images)
    with pytest.raises(DataError, match="several sets of IDX files: digits, letters"):
        read(tmp_path)
    (tmp_path / "letters-test-labels-idx1-ubyte").unlink()
    (tmp_path / "digits-train-images-idx3-ubyte").unlink()
    with pytest.raises(DataError, match="letters-test-images-idx3-ubyte has no labels beside it"):
        idx_files.find(tmp_path)


def write_cifar100(folder: Path) -> np.ndarray:
    rows = np.random.default_rng(0).integers(0, 256, (8, 2 + 3072), dtype=np.uint8)
    rows[:, 0], rows[:, 1] = np.arange(8) % 2, np.arange(8)
    (folder / "train.bin").write_bytes(rows[:6].tobytes())
    (folder / "test.bin").write_bytes(rows[6:].tobytes())
    for what, count in (("coarse", 20), ("fine", 100)):
        (folder / f"{what}_label_names.txt").write_text("".join(f"{what} {code}\n" for code in range(count)) + "\n")
    return rows


def test_cifar_100_has_two_labels(tmp_path: Path) -> None:
    rows = write_cifar100(tmp_path)
    fine, coarse = read(tmp_path), read(tmp_path, target="coarse")
    assert fine.values["target"].tolist() == list(range(8))
    assert fine.schema["target"].categories[7] == "fine 7"
    assert coarse.values["target"].tolist() == [0, 1] * 4
    np.testing.assert_array_equal(fine.values["input"].reshape(8, -1), rows[:, 2:])
    assert fine.given["test"].tolist() == [6, 7]
    section = DataSection(source=str(tmp_path), kind="cifar")
    assert cifar.read(section, ["coarse"]).keys["coarse"].tolist() == [0, 1] * 4
    (tmp_path / "test.bin").write_bytes(bytes(3073))
    with pytest.raises(DataError, match=r"test\.bin has 3,073 bytes, no multiple of 3,074"):
        read(tmp_path)
    rows[0, 1] = 100
    (tmp_path / "train.bin").write_bytes(rows.tobytes())
    with pytest.raises(DataError, match=r"train\.bin has the label 100: expected 0 to 99"):
        read(tmp_path)


@pytest.mark.skipif(not locate.folder("mnist").is_dir(), reason="MNIST is not there; set PELLUCID_DATA")
def test_mnist_by_path_is_that_of_the_catalogue_and_nothing_is_wrong_with_it() -> None:
    alike(read(locate.folder("mnist")), mnist())
    assert of_data(DataSection(source=str(locate.folder("mnist")))) == []


@pytest.mark.skipif(not locate.folder("cifar10").is_dir(), reason="CIFAR-10 is not there; set PELLUCID_DATA")
def test_cifar_10_by_path_is_that_of_the_catalogue() -> None:
    columns = read(locate.folder("cifar10"))
    alike(columns, cifar10())
    assert columns.schema["target"].categories == cifar10().schema["target"].categories


def found(path: Path) -> dict[str, list[int]]:
    return {finding.kind: list(finding.rows) for finding in of_data(DataSection(source=str(path)))}


def test_what_is_wrong_with_images_is_found(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 2
    images[7], images[9] = images[5], images[6]  # a copy of the same class, and one of the other
    images[11] = 0
    labels[[20, 21]] = 2
    np.savez(tmp_path / "a.npz", X=images, y=labels)
    assert found(tmp_path / "a.npz") == {
        "rare_class": [20, 21],
        "blank_image": [11],
        "contradiction": [6, 9],
        "duplicate_rows": [5, 7],
    }


def test_what_is_wrong_with_numbers_is_found(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(300, 4))
    values[:, 2], values[3, 0] = 1, np.nan
    np.savez(tmp_path / "a.npz", X=values, y=np.where(np.arange(300) < 12, "few", "many"))
    assert found(tmp_path / "a.npz") == {"not_finite": [3], "imbalance": [], "constant_column": []}
