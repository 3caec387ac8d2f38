"""The IDX reader: every type and shape round-trips, every damage is told; MNIST itself where it is there."""

from __future__ import annotations

import contextlib
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pellucid.data import locate
from pellucid.data.idx import read_idx
from pellucid.data.mnist import mnist
from pellucid.errors import DataError

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def encode(array: np.ndarray, code: int) -> bytes:
    """IDX as LeCun describes it, written independently of the reader."""
    header = bytes([0, 0, code, array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape)
    return header + array.tobytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_type_and_shape_round_trips(place: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(CODES)))
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
    array = data.draw(arrays.arrays(np.dtype(kind), shape))
    content = encode(array, CODES[kind])
    path = place / "file"
    path.write_bytes(gzip.compress(content, mtime=0) if data.draw(st.booleans()) else content)
    read = read_idx(path)
    assert read.dtype == np.dtype(kind).newbyteorder("=")
    assert read.shape == array.shape
    np.testing.assert_array_equal(read, array)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\0\0\x08\x03" + tail))
def test_any_bytes_are_read_or_refused(place: Path, content: bytes) -> None:
    path = place / "any"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        read = read_idx(path)
        assert len(content) == 4 + 4 * read.ndim + read.nbytes


GOOD = encode(np.arange(6, dtype="u1").reshape(2, 3), 0x08)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file: it begins with nothing. Fetch it again."),
        (b"\x89PNG", "is not an IDX file: it begins with 89 50 4e 47. Fetch it again."),
        (b"\0\0\x07\x01", "is not an IDX file: it begins with 00 00 07 01. Fetch it again."),
        (GOOD[:9], "is cut short inside its header. Fetch the file again."),
        (
            GOOD[:-1],
            ": its header promises 2 x 3 values, 18 bytes in all, but it has 17. It is damaged; fetch it again.",
        ),
        (
            GOOD + b"\0",
            ": its header promises 2 x 3 values, 18 bytes in all, but it has 19. It is damaged; fetch it again.",
        ),
        (
            # 2^31 * 2^31 * 4 is zero in 64 bits
            b"\0\0\x08\x03" + struct.pack(">III", 2**31, 2**31, 4),
            ": its header promises 2147483648 x 2147483648 x 4 values, 18,446,744,073,709,551,632 bytes in all, "
            "but it has 16. It is damaged; fetch it again.",
        ),
    ],
)
def test_what_is_wrong_is_said(place: Path, content: bytes, message: str) -> None:
    path = place / "wrong"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(path)
    assert str(caught.value).removeprefix(str(path)).lstrip() == message


@pytest.mark.parametrize("damage", [lambda c: c[:-9], lambda c: c[:12] + b"\xff\xff" + c[14:], lambda c: c[:5]])
def test_a_damaged_gzip_is_refused(place: Path, damage: object) -> None:
    path = place / "damaged.gz"
    path.write_bytes(damage(gzip.compress(GOOD * 20, mtime=0)))  # type: ignore[operator]
    with pytest.raises(DataError, match=r"damaged\.gz cannot be read: .*\. Fetch the file again\."):
        read_idx(path)


def test_a_missing_file_is_named(place: Path) -> None:
    with pytest.raises(DataError, match=r"absent cannot be read: .*No such file"):
        read_idx(place / "absent")


FILES = {
    "train-images-idx3-ubyte": np.zeros((3, 28, 28), "u1"),
    "train-labels-idx1-ubyte": np.array([1, 2, 3], "u1"),
    "t10k-images-idx3-ubyte.gz": np.ones((2, 28, 28), "u1"),
    "t10k-labels-idx1-ubyte": np.array([4, 5], "u1"),
}


def write_mnist(folder: Path, **changed: np.ndarray) -> None:
    (folder / "mnist").mkdir()
    for name, array in FILES.items():
        content = encode(changed.get(name.partition("-idx")[0].replace("-", "_"), array), 0x08)
        (folder / "mnist" / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)


def test_mnist_is_its_four_files_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(locate.VARIABLE, str(tmp_path))
    write_mnist(tmp_path)
    columns = mnist()
    assert columns.values["target"].tolist() == [1, 2, 3, 4, 5]
    assert columns.values["input"].shape == (5, 1, 28, 28)
    assert columns.values["input"][:, 0, 0, 0].tolist() == [0, 0, 0, 1, 1]
    assert {part: rows.tolist() for part, rows in columns.given.items()} == {"train": [0, 1, 2], "test": [3, 4]}


def test_mnist_files_that_do_not_belong_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(locate.VARIABLE, str(tmp_path))
    write_mnist(tmp_path, train_labels=np.array([1, 2], "u1"))
    with pytest.raises(DataError, match=r"has shape \(3, 28, 28\) and .* \(2,\): expected \[N, \.\.\.\] and \[N\]"):
        mnist()


def test_a_label_that_is_no_digit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(locate.VARIABLE, str(tmp_path))
    write_mnist(tmp_path, t10k_labels=np.array([4, 11], "u1"))
    with pytest.raises(DataError, match="labels reach 11: expected digits 0 to 9"):
        mnist()


def test_missing_files_are_listed_with_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(locate.VARIABLE, str(tmp_path))
    write_mnist(tmp_path)
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError) as caught:
        mnist()
    assert str(caught.value) == (
        f"The data set 'mnist' is not there (${locate.VARIABLE} is {tmp_path}). "
        f"Put these files into {tmp_path}/mnist/:\n"
        "  t10k-labels-idx1-ubyte.gz or t10k-labels-idx1-ubyte\n"
        "They come from yann.lecun.com/exdb/mnist or one of its mirrors. "
        f"Or set {locate.VARIABLE} to the folder that holds mnist/."
    )


@pytest.mark.skipif(
    not locate.folder("mnist").is_dir(), reason=f"MNIST is not in {locate.folder('mnist')}; set PELLUCID_DATA"
)
def test_mnist_itself_has_the_published_shapes_counts_and_statistics() -> None:
    columns = mnist()
    images, labels = columns.values["input"], columns.values["target"]
    assert (images.shape, images.dtype, labels.shape) == ((70000, 1, 28, 28), np.uint8, (70000,))
    assert (len(columns.given["train"]), len(columns.given["test"])) == (60000, 10000)
    train = images[columns.given["train"]].astype(np.float32) / 255
    assert train.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert train.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
    assert np.bincount(labels[:60000]).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(labels[60000:]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
