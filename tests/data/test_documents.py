"""Documents: layouts of folders, bytes at rest, tables, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from pellucid import rundir
from pellucid.data import documents, packed
from pellucid.data.columns import Columns, hash_of
from pellucid.data.inputs import read_inputs
from pellucid.data.ragged import Ragged
from pellucid.data.tokens import text
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import Field
from tests.data.documents_made import classes


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))
    return rundir.cache() / "packed"


def read(root: Path | str, **fields: object) -> Columns:
    return documents.read(DataSection.model_validate({"source": str(root), "kind": "documents", **fields}))


def texts_of(columns: Columns) -> list[str]:
    texts = columns.values["input"]
    assert isinstance(texts, Ragged)
    return [text(texts.row(row)) for row in range(len(texts))]


def test_a_folder_per_class() -> None:
    root = classes(Path("reviews"))
    (root / "pos/000.txt").write_bytes("\ufeffÄ fine\r\nfilm\rindeed \n".encode())
    found = documents.find(root)
    columns = read(root)
    assert columns.schema == {"input": Field("text"), "target": Field("category", categories=("neg", "pos"))}
    assert columns.values["target"].tolist() == [0] * 6 + [1] * 6
    expected = [(root / file).read_text(encoding="utf-8") for file in found.folder.files]
    expected[6] = "Ä fine\nfilm\nindeed"
    assert texts_of(columns) == expected
    assert documents.told(found) == ["documents: 12 of 2 classes, one in each file", "classes: neg 6, pos 6"]


def test_what_has_no_class_is_left_out_and_told() -> None:
    """As the publisher's archive of aclImdb has it."""
    for part in ("train", "test"):
        classes(Path("data") / part)
        (Path("data") / part / "urls_pos.txt").write_text("x")
    classes(Path("data/unused"), each=1)
    (Path("data/unused")).rename("data/train/unsup")
    Path("data/imdbEr.txt").write_text("x")
    Path("data/imdb.vocab").write_text("x")
    found = documents.find(Path("data"))
    assert {part: len(rows) for part, rows in found.folder.given.items()} == {"train": 12, "test": 12}
    assert documents.told(found)[-1] == (
        "left out: 1 files that end in .vocab, 3 texts beside the class folders, 2 texts without a class (unsup)"
    )


@pytest.mark.parametrize("part", ["", "train"])
def test_a_document_per_line_of_its_classes_file(part: str) -> None:
    for place in filter(None, {part, part and "test"}) if part else [""]:
        folder = Path("lines") / place
        folder.mkdir(parents=True)
        (folder / "pos.txt").write_text("good\n\nvery good \r\n")
        (folder / "neg.txt").write_text("bad\nüble\n")
    columns = read("lines")
    once = ["bad", "üble", "good", "very good"]
    assert texts_of(columns) == (once * 2 if part else once)
    assert columns.values["target"].tolist() == [0, 0, 1, 1] * (2 if part else 1)
    assert {name: len(rows) for name, rows in columns.given.items()} == ({"train": 4, "test": 4} if part else {})
    told = documents.told(documents.find(Path("lines")))
    assert told[0].endswith("one in each line of its class's file")
    assert told[-1] == f"left out: {2 if part else 1} empty lines"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"caf\xe9", "it is not UTF-8: byte 3 cannot be read. Save it as UTF-8."),
        (b"a\0b", "it is no text: it holds NUL (character 1)."),
        (b" \n", "it holds no text."),
        (None, "it cannot be read: No such file or directory"),  # a link to what is gone
    ],
)
def test_a_file_that_is_no_text_is_named_or_left_out(
    content: bytes | None, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = classes(Path("reviews"))
    if content is None:
        (root / "pos/001.txt").unlink()
        (root / "pos/001.txt").symlink_to("gone.txt")
    else:
        (root / "pos/001.txt").write_bytes(content)
    with pytest.raises(DataError) as refused:
        read(root)
    assert str(refused.value).startswith(f"reviews: 1 of 12 texts cannot be read:\n  pos/001.txt: {why}")
    columns = read(root, unreadable="leave out")
    assert columns.values["target"].tolist() == [0] * 6 + [1] * 5
    assert capsys.readouterr().err == "reviews: 1 unreadable texts are left out: pos/001.txt\n"


def test_the_pack_is_safetensors_and_read_once(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = classes(Path("reviews"))
    columns = read(root)
    (path,) = own_cache.glob("*.safetensors")
    loaded = load_file(path)
    texts = columns.values["input"]
    assert isinstance(texts, Ragged)
    assert np.array_equal(loaded["input"], texts.values)
    assert np.array_equal(loaded["input.offsets"], texts.offsets)
    assert json.loads(loaded["about"].tobytes())["hashes"]["input"] == hash_of(texts)
    monkeypatch.setattr(documents, "read_text", lambda *_: pytest.fail("read again"))
    assert read(root).hash == columns.hash


LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=12)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LENGTHS, st.integers(0, 99))
def test_packed_rows_of_any_length_come_back(lengths: list[int], seed: int) -> None:
    root, random = Path("any"), np.random.default_rng(seed)
    root.mkdir(exist_ok=True)
    names = [f"{seed}-{len(lengths)}-{place}.txt" for place in range(len(lengths))]
    written = ["".join(random.choice(list("aé€😀"), length)) for length in lengths]
    for name, content in zip(names, written, strict=True):
        (root / name).write_text(content, encoding="utf-8")
    column = packed.open(root, [(name,) for name in names], documents.Texts(), "refuse").columns["input"]
    assert isinstance(column, Ragged)
    assert [text(column.row(row)) for row in range(len(column))] == written
    for row, padded in zip(written, column[:], strict=True):
        assert padded.tobytes().rstrip(b"\0").decode() == row


def test_a_table_of_texts() -> None:
    frame = polars.DataFrame({"label": ["pos", "neg"] * 4, "review": [f"text {n}, so so" for n in range(8)]})
    frame.write_csv("reviews.csv")
    columns = read("reviews.csv", input="review", target="label")
    assert texts_of(columns) == frame["review"].to_list()
    assert columns.schema["input"] == Field("text", names=("review",))
    assert columns.values["target"].tolist() == [1, 0] * 4
    for fields, told in (
        ({"target": "label"}, "data.input is not given"),
        ({"input": "review"}, "data.target is not given"),
        ({"input": "text", "target": "label"}, "no column 'text'. Its columns: label, review"),
    ):
        with pytest.raises(DataError, match=told):
            read("reviews.csv", **fields)
    Path("gaps.csv").write_text("label,review\na,x\nb,\n")
    with pytest.raises(DataError, match=r"'review' is missing in 1 of 2 rows \(1\)"):
        read("gaps.csv", input="review", target="label")


def test_new_documents_are_read_as_training_read_them() -> None:
    root = classes(Path("reviews"))
    field = Field("tokens", (8,), categories=("<padding>", "<unknown>", "the"))
    columns = read(root)
    texts = columns.values["input"]
    assert isinstance(texts, Ragged)
    for row, found in enumerate(read_inputs(["reviews/neg", "reviews/pos"], field)):
        assert found.values is not None
        assert np.array_equal(found.values[0], texts.row(row))
    Path("bad.txt").write_bytes(b"\xff")
    Path("two.csv").write_text("a,b\nx,y\n")
    Path("new.csv").write_text("b,a\nlonger text,short\ny,z\n")
    errors = [found.error for found in read_inputs(["bad.txt", "two.csv", "x.png", "reviews"], field)]
    expected = ["it is not UTF-8: byt", "which of its columns", "there is no such fil", "the folder holds no "]
    assert [error[:20] for error in errors] == expected
    named = Field("tokens", (8,), names=("b",), categories=("<padding>", "<unknown>", "the"))
    (found,) = read_inputs(["new.csv"], named)
    assert found.names == ["new.csv:0", "new.csv:1"]
    assert found.values is not None
    assert [row.tobytes().rstrip(b"\0").decode() for row in found.values] == ["longer text", "y"]


def test_a_file_of_lines_that_cannot_be_opened_is_named() -> None:
    Path("lines").mkdir()
    Path("lines/pos.txt").write_text("good\nfine\n")
    Path("lines/neg.txt").symlink_to("gone.txt")
    with pytest.raises(DataError, match=r"lines/neg\.txt cannot be read: No such file"):
        documents.find(Path("lines"))
