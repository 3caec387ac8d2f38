"""Files in folders: classes by folder or by name, columns to group by; and which kind of data lies where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pellucid.data import folder, kinds, walking
from pellucid.data.folder import Folder
from pellucid.errors import DataError
from pellucid.recipe import DataSection


def make(*files: str) -> Path:
    for file in files:
        path = Path("data") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return Path("data")


def find(*files: str, target: str | None = None) -> Folder:
    return folder.find(make(*files), {".wav"}, "sounds", target)


SPOKEN = ("0_ann_1.wav", "0_bob_1.wav", "1_ann_1.wav", "1_bob_2.wav")


def test_a_piece_of_the_names_is_the_class_and_others_group() -> None:
    found = find(*SPOKEN, target="name_1")
    assert found.classes == ("0", "1")
    assert found.codes.tolist() == [0, 0, 1, 1]
    assert found.given == {}
    keys = found.keys(["name_2", "folder"])
    assert keys["name_2"].tolist() == ["ann", "bob", "ann", "bob"]
    assert keys["folder"].tolist() == ["."] * 4
    with pytest.raises(
        DataError, match=r"no column 'name_9' to group or order sounds by: it has folder, name_1, name_2"
    ):
        found.keys(["name_9"])


def test_names_that_say_the_class_are_asked_about() -> None:
    with pytest.raises(DataError) as refused:
        find(*SPOKEN)
    told = str(refused.value)
    assert told.startswith("Which piece of the files' names is the class?")
    assert "name_1: 2 values, 0, 1\n  name_2: 2 values, ann, bob" in told
    with pytest.raises(DataError, match="There is no 'speaker'"):
        find(*SPOKEN, target="speaker")
    with pytest.raises(DataError, match="not all the same number"):
        find(*SPOKEN, "odd.wav", target="name_1")


def test_pieces_of_names_in_given_parts() -> None:
    found = find(*(f"{part}/{file}" for part in ("train", "test") for file in SPOKEN), target="name_1")
    assert found.has_parts
    assert {part: len(rows) for part, rows in found.given.items()} == {"test": 4, "train": 4}
    assert found.codes.tolist() == [0, 0, 1, 1] * 2


def test_folders_are_classes_and_keys() -> None:
    found = find("a/ann/x.wav", "a/bob/y.wav", "b/ann/z.wav")
    assert found.codes.tolist() == [0, 0, 1]
    assert found.keys(["folder"])["folder"].tolist() == ["a/ann", "a/bob", "b/ann"]
    assert found.only([0, 2]).files == ("a/ann/x.wav", "b/ann/z.wav")
    with pytest.raises(DataError, match="none of the sounds of the class b can be read"):
        found.only([0, 1])


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (("t.csv",), "table"),
        (("t.parquet",), "table"),
        (("t.txt",), "text"),
        (("t.npz",), "arrays"),
        (("t.conllu",), "conllu"),
        (("train-images-idx3-ubyte.gz",), "idx"),
        (("a/x.png", "b/x.JPG"), "pictures"),
        (("a/x.wav", "b/x.flac", "notes.txt"), "sounds"),
        (("a/x.txt", "b/x.txt"), "documents"),
        (("data_batch_1.bin", "test_batch.bin"), "cifar"),
        (("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"), "idx"),
        (("train/x.png", "trainannot/x.png"), "masks"),
        (("images/x.png", "labels/x.png"), "masks"),
        (("Images/x.png", "Masks/x.png"), "masks"),
        (("Train/Images/x.png", "Train/Labels/x.png"), "masks"),
        (("en-train.conllu", "en-dev.conllu"), "conllu"),
    ],
)
def test_the_kind_of_data_is_told_by_names(files: tuple[str, ...], kind: str) -> None:
    root = make(*files)
    is_file = len(files) == 1
    assert kinds.kind_of(root / files[0] if is_file else root) == kind
    assert kinds.is_own(str(root / files[0] if is_file else root))


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(DataError, match=r"There is no nowhere\. Give the path of data of your own"):
        kinds.kind_of(Path("nowhere"))
    with pytest.raises(DataError, match=r"x\.exe is no kind of data"):
        kinds.kind_of(make("x.exe") / "x.exe")
    with pytest.raises(DataError, match=r"data holds nothing that is known \(1 files that end in \.exe\)"):
        kinds.kind_of(Path("data"))
    with pytest.raises(DataError, match=r"data\.kind = 'pictres': there is no such kind\. .*pictures"):
        kinds.reader("pictres")


def test_endings_are_counted() -> None:
    counts = walking.endings_in(make("a/x.wav", "a/y.WAV", ".hidden/z.wav", "a/.z.wav"))
    assert counts == {".wav": 2}
    assert np.array_equal(sorted(counts), [".wav"])


def listed(rows: str, **section: str) -> Folder:
    make(*SPOKEN)
    Path("data/list.csv").write_text(rows)
    return folder.of_section(
        DataSection(source="data/list.csv", **{"input": "file", "target": "digit"} | section), {".wav"}, "sounds"
    )


LIST = "file,digit,speaker\n1_bob_2.wav,1,bob\n0_ann_1.wav,0,ann\n0_bob_1.wav,0,bob\n"


def test_a_table_names_files_and_their_classes() -> None:
    found = listed(LIST)
    assert found.files == ("1_bob_2.wav", "0_ann_1.wav", "0_bob_1.wav")  # as the table has them
    assert (found.root, found.classes, found.codes.tolist()) == (Path("data"), ("0", "1"), [1, 0, 0])
    assert found.keys(["speaker"])["speaker"].tolist() == ["bob", "ann", "bob"]
    assert found.only([0, 2]).keys(["speaker"])["speaker"].tolist() == ["bob", "bob"]
    assert kinds.kind_in_column(DataSection(source="data/list.csv", input="file")) == "sounds"
    assert kinds.kind_in_column(DataSection(source="data/list.csv", input="speaker")) == "documents"
    with pytest.raises(DataError, match="no column 'room'"):
        found.keys(["room"])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (LIST + "7_eve_1.wav,1,eve\n", r"names 1 files that are not there or no sounds: row 3 \(7_eve_1.wav\)"),
        (LIST + "list.csv,1,eve\n", r"row 3 \(list.csv\)"),
        (LIST + "0_ann_1.wav,0,ann\n", "names 1 files twice: 0_ann_1.wav"),
        (LIST + "1_ann_1.wav,,ann\n", "'digit' is missing in 1 rows"),
        (LIST.replace("1,bob", "0,bob"), "one class only"),
    ],
)
def test_what_a_table_names_wrongly_is_refused(rows: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        listed(rows)


def test_columns_that_a_table_lacks_are_asked_for() -> None:
    with pytest.raises(
        DataError, match=r"data\.input, the column of the files' paths: one of file, digit, speaker; given is 'x'"
    ):
        listed(LIST, input="x")
    with pytest.raises(DataError, match="--target, the class: one of file, digit, speaker; given is 'x'"):
        listed(LIST, target="x")


def test_a_file_by_another_spelling_is_the_same_one() -> None:
    make("a.wav", "b.wav")
    Path("data/list.csv").write_text("file,word\na.wav,yes\n./a.wav,no\nb.wav,no\n")
    section = DataSection(source="data/list.csv", input="file", target="word")
    with pytest.raises(DataError, match=r"names 1 files twice: a\.wav"):
        folder.of_section(section, {".wav"}, "sounds")


def test_links_that_lead_in_circles_are_not_followed() -> None:
    root = make("a/1.wav", "b/2.wav")
    for name in ("one", "two", "three"):
        (root / "a" / name).symlink_to("..")
    (root / "c").symlink_to("b")
    assert find().files == ("a/1.wav", "b/2.wav", "c/2.wav")
    assert walking.endings_in(root) == {".wav": 3}


def test_a_recipe_says_by_its_fields_how_a_table_is_read() -> None:
    Path("t.csv").write_text("text,day,y\nso be it,2024-01-01,1\n")
    for fields, kind in (({}, "table"), ({"input": "text"}, "documents"), ({"time": ("day",)}, "series")):
        assert kinds.kind_of_section(DataSection(source="t.csv", **fields)) == kind
    assert kinds.kind_of_section(DataSection(source="t.csv", kind="table", time=("day",))) == "table"


def test_fields_of_other_kinds_are_refused() -> None:
    assert kinds.FIELDS.keys() == kinds.READERS.keys()
    kinds.check_fields(DataSection(source="t.csv", target="y", missing=("-",)), "table")
    for fields in ({"rate": 8000}, {"input": "x"}, {"unreadable": "leave out"}):
        with pytest.raises(
            DataError, match=rf"data\.{next(iter(fields))} means nothing for t\.csv, .* 'table', by data"
        ):
            kinds.check_fields(DataSection.model_validate({"source": "t.csv", **fields}), "table")
