"""New inputs from files: each readable one becomes rows, each wrong one is named and the rest goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pellucid.data.inputs import Input, read_inputs, texts_like
from pellucid.errors import DataError
from pellucid.spec import Field

GREY, COLOUR = Field("image", (1, 4, 5)), Field("image", (3, 4, 5))
TABLE = Field("number", (2,), names=("age", "weight"))
PIXELS = np.arange(60, dtype=np.uint8).reshape(4, 5, 3) * 4

EMPTY = "the folder holds no picture; those in its folders are not looked for. Give these folders."


def read(field: Field, *paths: Path | str) -> list[Input]:
    return list(read_inputs(map(str, paths), field))


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_a_picture_is_its_pixels(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"picture.{ending}"
    Image.fromarray(PIXELS).save(path)
    (colour,), (grey,) = read(COLOUR, path), read(GREY, path)
    assert colour.values is not None
    assert np.array_equal(colour.values, PIXELS.transpose(2, 0, 1)[None])
    assert (colour.names, colour.error, colour.note) == ([str(path)], "", "")
    assert grey.values is not None
    assert grey.values.shape == (1, 1, 4, 5)
    # ITU-R 601 luma, as Pillow documents it
    assert np.abs(grey.values[0, 0] - PIXELS @ [0.299, 0.587, 0.114]).max() <= 1


def test_a_picture_of_another_size_is_resized_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("L", (50, 40), 200).save(path)
    (seen,) = read(GREY, path)
    assert seen.note == "resized from 50x40 to 5x4"
    assert seen.values is not None
    assert np.array_equal(seen.values, np.full((1, 1, 4, 5), 200, np.uint8))


def test_a_folder_is_its_pictures_in_order(tmp_path: Path) -> None:
    for name in ("b.png", "a.PNG", "._b.png"):  # some systems leave hidden files beside others
        Image.new("L", (5, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    assert [seen.names for seen in read(GREY, tmp_path)] == [[str(tmp_path / "a.PNG")], [str(tmp_path / "b.png")]]
    (empty := tmp_path / "empty").mkdir()
    assert [(seen.names, seen.error) for seen in read(GREY, empty)] == [([str(empty)], EMPTY)]


def test_every_kind_of_table_is_read_by_column_name(tmp_path: Path) -> None:
    frame = polars.DataFrame({"name": ["x", "y"], "weight": [70.5, 60.0], "age": [40, 30]})
    frame.write_csv(tmp_path / "t.csv")
    frame.write_csv(tmp_path / "t.tsv", separator="\t")
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ndjson(tmp_path / "t.jsonl")
    np.save(tmp_path / "t.npy", np.array([[40, 70.5], [30, 60]]))
    for ending in ("csv", "tsv", "parquet", "jsonl", "npy"):
        path = tmp_path / f"t.{ending}"
        (seen,) = read(TABLE, path)
        assert seen.values is not None, seen.error
        assert seen.values.tolist() == [[40, 70.5], [30, 60]]
        assert seen.names == [f"{path}:0", f"{path}:1"]


def written(folder: Path, name: str, content: bytes | str | np.ndarray) -> Path:
    path = folder / name
    if isinstance(content, np.ndarray):
        with path.open("wb") as file:
            np.save(file, content)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "field", "error"),
    [
        ("a.png", b"no picture", GREY, "it is not a picture that can be decoded: cannot identify image file"),
        ("a.png", b"", GREY, "it is not a picture that can be decoded"),
        ("a.png", b"any", TABLE, "it is a picture, but the model takes rows of 2 numbers."),
        ("a.csv", "", TABLE, "it cannot be read as csv: "),
        ("a.csv", "age,size\n1,2\n", TABLE, "it lacks the columns 'weight'. Expected: age, weight."),
        ("a.csv", "age,weight\n1,\n", TABLE, "it has empty values in 'weight'. Fill them in or remove the rows."),
        ("a.csv", "age,weight\n1,heavy\n", TABLE, "the column 'weight' holds 'heavy': expected numbers."),
        ("a.csv", "age,weight\n1,NaN\n", TABLE, "it has empty values in 'weight'. Fill them in or remove the rows."),
        ("a.parquet", b"PAR", TABLE, "it cannot be read as parquet: "),
        ("a.jsonl", "{", TABLE, "it cannot be read as jsonl: "),
        ("a.npy", b"", TABLE, "a.npy is not a NumPy array: it begins with nothing."),
        ("a.npy", b"\x93NUMPY", TABLE, "a.npy is not a NumPy array: it begins with 93 4e 55 4d 50 59."),
        ("a.npy", np.array([{}], object), TABLE, "a.npy holds objects (text, None or a mixture)"),
        ("a.npy", np.zeros((3, 4)), TABLE, "X has shape [3, 4]: expected [N, 2], as the model was trained on."),
        ("a.xlsx", b"", TABLE, ".xlsx is not a kind of file that is read. Expected one of .bmp, .csv"),
        ("noending", b"", TABLE, "no ending is not a kind of file that is read."),
    ],
)
def test_a_wrong_file_is_named_and_the_rest_goes_on(
    tmp_path: Path, name: str, content: bytes | str | np.ndarray, field: Field, error: str
) -> None:
    wrong = written(tmp_path, name, content)
    good = written(tmp_path, "good.npy", np.zeros((1, *field.shape)))
    seen = read(field, wrong, tmp_path / "absent.csv", good)
    assert [one.names for one in seen] == [[str(wrong)], [str(tmp_path / "absent.csv")], [str(good)]]
    assert error in seen[0].error
    assert seen[1].error == "there is no such file."
    assert (seen[2].error, seen[2].values is None) == ("", False)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_a_damaged_picture_never_stops_the_rest(tmp_path: Path, place: int, damage: bytes) -> None:
    path = tmp_path / "damaged.png"
    Image.fromarray(PIXELS).save(path)
    content = path.read_bytes()
    place %= len(content)
    path.write_bytes(content[:place] + damage + content[place + len(damage) :])
    (seen,) = read(COLOUR, path)
    assert (seen.values is None) == bool(seen.error)


@pytest.mark.parametrize(
    ("wrong", "told"), [("\ud800", "row 1: it is not UTF-8"), (" ", "row 1: it holds no text"), (3, "int in row 1")]
)
def test_a_text_from_memory_that_is_none_is_named(wrong: object, told: str) -> None:
    assert texts_like(["é", "long"]).tolist() == [[195, 169, 0, 0], [*b"long"]]
    with pytest.raises(DataError, match=told):
        texts_like(["fine", wrong])
