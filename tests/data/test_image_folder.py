"""Folders of pictures: layouts, decoding beside Pillow by hand, packing once, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from pellucid import rundir
from pellucid.data import contents, decoding, image_folder, packed
from pellucid.data.batch import tensor_of
from pellucid.data.columns import Columns, hash_of
from pellucid.data.inputs import read_inputs
from pellucid.data.split import draw
from pellucid.errors import DataError
from pellucid.recipe import DataSection, SplitSection
from tests.data.folders import classes, picture


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))
    return rundir.cache() / "packed"


def read(root: Path, size: tuple[int, int] = (16, 24), unreadable: str = "refuse") -> Columns:
    return image_folder.read(DataSection.model_validate({"source": str(root), "size": size, "unreadable": unreadable}))


def by_hand(path: Path, width: int, height: int, mode: str = "RGB") -> np.ndarray:
    with Image.open(path) as image:
        small = image.convert(mode).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(small).reshape(height, width, -1).transpose(2, 0, 1)


def test_a_folder_per_class() -> None:
    root = classes(Path("colours"))
    (root / "red/deeper").mkdir()
    (root / "red/000.png").rename(root / "red/deeper/000.png")
    (root / "notes.txt").write_text("x")
    (root / "red/.hidden.png").write_bytes(b"x")
    (root / "red/Thumbs.db").write_bytes(b"x")
    (root / ".cache").mkdir()
    found = image_folder.find(root)
    assert (found.classes, len(found.files), found.has_parts) == (("green", "red"), 12, False)
    assert found.left_out == {"files that end in .txt": 1, "files that end in .db": 1} | {
        "hidden files": 1,
        "hidden folders": 1,
    }
    columns = read(root)
    assert columns.values["target"].tolist() == [0] * 6 + [1] * 6
    assert columns.given == {}
    for row, file in enumerate(found.files):  # the same size: the pixels themselves
        assert np.array_equal(columns.values["input"][row], np.asarray(Image.open(root / file)).transpose(2, 0, 1))
    told = image_folder.told(found, image_folder.headers_of(found), (16, 24))
    assert told[0] == "pictures: 12 of 2 classes, RGB, 24x16 to 24x16, brought to 24x16"
    assert told[1:] == [
        "classes: green 6, red 6",
        "left out: 1 files that end in .db, 1 files that end in .txt, 1 hidden files, 1 hidden folders",
    ]


@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_given_parts_are_kept_and_a_missing_one_is_drawn_from_train_by_class(name: str) -> None:
    classes(Path("data/train"), each=20)
    classes(Path("data") / name, each=3)
    columns = read(Path("data"))
    targets = columns.values["target"]
    assert {part: len(rows) for part, rows in columns.given.items()} == {"train": 40, "validation": 6}
    split = draw(SplitSection(kind="given", test=0.2), columns)
    assert np.array_equal(split.parts["validation"], columns.given["validation"])
    assert np.bincount(targets[split.parts["test"]]).tolist() == [4, 4]
    assert set(split.parts["test"]) <= set(columns.given["train"])


def test_what_every_kind_of_file_becomes() -> None:
    root = classes(Path("mixed"), each=1)
    colour = picture((180, 60, 20), (60, 40), 1)
    colour.save(root / "red/a.jpg", quality=95)
    colour.convert("L").save(root / "red/b.png")
    colour.convert("P").save(root / "red/c.gif")
    colour.convert("CMYK").save(root / "red/d.jpg", quality=95)
    colour.convert("1").save(root / "red/e.bmp")
    clear = colour.convert("RGBA")
    clear.putalpha(0)
    clear.save(root / "red/f.png")
    pixels = read(root, (16, 24)).values["input"]
    files = image_folder.find(root).files
    for row, file in enumerate(files):
        if file == "red/f.png":
            assert np.array_equal(pixels[row], np.full((3, 16, 24), 255))  # all transparent: all white
        else:
            assert np.array_equal(pixels[row], by_hand(root / file, 24, 16)), file


def test_grey_only_where_all_are() -> None:
    root = Path("grey")
    for name, level in (("dark", 40), ("light", 200)):
        (root / name).mkdir(parents=True)
        Image.new("L", (20, 20), level).save(root / name / "a.png")
    assert read(root, (16, 16)).values["input"][:, 0, 0, 0].tolist() == [40, 200]
    Image.new("RGB", (20, 20)).save(root / "dark/b.png")
    assert read(root, (16, 16)).values["input"].shape == (3, 3, 16, 16)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_as_the_camera_was_held(orientation: int) -> None:
    root = classes(Path("turned"), size=(32, 16))
    upright = np.asarray(picture((90, 90, 200), (32, 16), 5))
    # EXIF 2.32, 4.6.4: where row 0 and column 0 of what is stored lie; hence what is stored, for each
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(root / "red/000.png", exif=exif)
    assert decoding.header(root / "red/000.png") == (False, 16, 32)
    pixels = read(root, (16, 32)).values["input"]
    assert np.array_equal(pixels[6], upright.transpose(2, 0, 1))


def test_a_large_jpeg_is_decoded_small_to_almost_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    slope = np.linspace(0, 255, 800)[None, :, None] * np.linspace(0.2, 1, 600)[:, None, None]
    Image.fromarray(np.broadcast_to(slope, (600, 800, 3)).astype(np.uint8)).save("large.jpg", quality=95)
    pixels, size = decoding.decode(Path("large.jpg"), (3, 48, 64))
    assert size == (600, 800)
    difference = pixels.astype(int) - by_hand(Path("large.jpg"), 64, 48)
    assert np.abs(difference).max() <= 4
    assert np.abs(difference).max() > 0  # it was decoded at a fraction indeed


def test_predict_prepares_a_picture_as_training_did() -> None:
    root = classes(Path("colours"), size=(61, 47), ending="jpg")
    columns = read(root, (16, 24))
    files = image_folder.find(root).files
    seen = read_inputs([str(root / file) for file in files], columns.schema["input"])
    for row, given in enumerate(seen):
        assert given.values is not None
        assert np.array_equal(given.values[0], columns.values["input"][row])
        assert given.note == "resized from 61x47 to 24x16"


def test_a_second_look_decodes_nothing_and_copies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    root = classes(Path("colours"))
    first = read(root)

    def fail(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(decoding, "decode", fail)
    monkeypatch.setattr(decoding, "header", fail)
    second = read(root)
    assert second.hash == first.hash
    pixels = second.values["input"]
    assert isinstance(pixels, np.memmap)
    tensor = tensor_of(pixels)
    assert tensor.data_ptr() == pixels.ctypes.data
    tensor.zero_()  # whatever happens to the memory does not reach the file
    assert read(root).hash == first.hash
    moved = root.rename("elsewhere")
    assert read(moved).hash == first.hash  # contents decide, not where they lie


def test_the_pack_is_safetensors(own_cache: Path) -> None:
    columns = read(classes(Path("colours")))
    (path,) = own_cache.glob("*.safetensors")
    loaded = load_file(path)
    assert np.array_equal(loaded["input"], columns.values["input"])
    about = json.loads(loaded["about"].tobytes())
    assert (about["left_out"], about["kept"]) == ([], list(range(12)))
    assert about["hashes"]["input"] == hash_of(loaded["input"])


def test_changed_content_is_packed_anew_even_at_the_same_size_and_time(own_cache: Path) -> None:
    root = classes(Path("colours"), ending="bmp")
    first = read(root)
    path = root / "red/000.bmp"
    stat = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert read(root).hash != first.hash
    assert len(list(own_cache.glob("*.safetensors"))) == 2


def test_settled_files_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    root = classes(Path("colours"))
    for path in root.rglob("*.png"):
        os.utime(path, (1e9, 1e9))
    first = read(root)
    monkeypatch.setattr(contents.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert read(root).hash == first.hash
    os.utime(root / "red/000.png", (1e9 + 1, 1e9 + 1))
    with pytest.raises(pytest.fail.Exception, match="read again"):
        read(root)


def test_an_interrupted_packing_leaves_nothing(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = classes(Path("colours"))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(packed, "_finish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            read(root)
    assert not list(own_cache.glob("*.safetensors"))
    assert not list(own_cache.glob(".*"))
    dead = own_cache / ".key.safetensors.99999999.part"  # beyond the largest process number: killed
    living = own_cache / f".key.safetensors.{os.getpid()}.part"
    for left in (dead, living):
        left.write_bytes(b"half")
        os.utime(left, (1e9, 1e9))
    assert len(read(root)) == 12
    assert not dead.exists()
    assert living.exists()


def test_a_damaged_pack_is_made_again(own_cache: Path) -> None:
    root = classes(Path("colours"))
    first = read(root).hash
    (path,) = own_cache.glob("*.safetensors")
    whole = path.read_bytes()
    for left in (whole[:5000], whole[:100], b""):
        path.write_bytes(left)
        assert read(root).hash == first
        assert path.read_bytes() == whole


def test_two_processes_pack_at_once(own_cache: Path) -> None:
    root = classes(Path("colours"), each=100)
    code = (
        "from pellucid.data import image_folder; from pellucid.recipe import DataSection;"
        f"print(image_folder.read(DataSection(source={str(root)!r}, size=(16, 24))).hash)"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0].strip() for process in both]
    assert said == [read(root).hash] * 2
    assert len(list(own_cache.glob("*.safetensors"))) == 1
    assert not list(own_cache.glob(".*"))


def test_a_cache_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("in the way")
    monkeypatch.setenv("PELLUCID_CACHE", "file")
    with pytest.raises(DataError, match=r"file/pellucid/packed cannot be made: .*Set PELLUCID_CACHE"):
        read(classes(Path("colours")))


def damaged(root: Path) -> Path:
    content = (root / "red/000.png").read_bytes()
    (root / "red/000.png").write_bytes(content[: len(content) // 2])
    (root / "green/001.png").write_bytes(b"no picture")
    Image.fromarray(np.zeros((16, 24), np.uint16)).save(root / "green/002.png")
    return root


def test_unreadable_files_are_all_named_or_left_out(own_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = damaged(classes(Path("colours")))
    with pytest.raises(DataError) as refused:
        read(root)
    message = str(refused.value)
    assert message.startswith("colours: 3 of 12 pictures cannot be read:\n  green/001.png: it is not a picture")
    assert "green/002.png: it has the mode I;16, more than 8 bits per value." in message
    assert "red/000.png: it is not a picture that can be decoded: " in message
    assert message.endswith('data.unreadable="leave out".')
    assert not list(own_cache.glob("*.safetensors"))
    for _ in range(2):  # packed, and from the cache
        columns = read(root, unreadable="leave out")
        assert columns.values["target"].tolist() == [0] * 4 + [1] * 5
        assert np.array_equal(columns.values["input"][4], by_hand(root / "red/001.png", 24, 16))
        assert (
            "3 unreadable pictures are left out: green/001.png, green/002.png, red/000.png" in capsys.readouterr().err
        )
    for path in (root / "red").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(DataError, match="none of the pictures of the class red can be read"):
        read(root, unreadable="leave out")


def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    root = classes(Path("colours"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24 * 16)
    assert len(read(root)) == 12
    Image.new("RGB", (25, 16)).save(root / "red/bomb.png")
    with pytest.raises(DataError, match=r"(?s)1 of 13 pictures.*red/bomb.png: .*decompression bomb"):
        read(root)


def test_the_proposed_size_is_the_training_pictures_median() -> None:
    def proposed(root: Path) -> tuple[int, int]:
        folder = image_folder.find(root)
        return image_folder.proposed_size(folder, image_folder.headers_of(folder))

    classes(Path("data/train"), size=(50, 37))
    classes(Path("data/test"), size=(500, 500))
    assert proposed(Path("data")) == (40, 48)
    assert proposed(classes(Path("large"), each=1, size=(500, 375))) == (72, 96)
    assert proposed(classes(Path("small"), each=1, size=(8, 8))) == (16, 16)
    with pytest.raises(DataError, match=r"data.size = \[40, 48\]"):
        image_folder.read(DataSection(source="data"))


def make(*files: str) -> Path:
    for file in files:
        path = Path("data") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")  # none is opened
    Path("data").mkdir(exist_ok=True)
    return Path("data")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([], "data holds no pictures, it is empty. Expected one folder per class"),
        (["a/x.txt"], "data holds no pictures: it holds 1 files that end in .txt"),
        (["a/x.png"], "one class only \\('a'\\)"),
        (["a/x.png", "b/x.png", "y.png"], "1 pictures lie beside the class folders \\(y.png\\)"),
        (["train/a/x.png", "train/b/x.png", "train/y.png"], "lie beside the class folders \\(train/y.png\\)"),
        (["train/a/x.png", "train/b/x.png", "val/a/x.png"], "data/val, the validation part: it lacks the class b"),
        (["train/a/x.png", "train/b/x.png", "test/a/x.png", "test/b/x.png", "test/c/x.png"], "train has no class c"),
        (["val/a/x.png", "test/a/x.png"], "the parts test, val, but also no train"),
        (["train/a/x.png", "val/a/x.png", "extra/a/x.png"], "the parts train, val, but also extra"),
        (
            [f"{part}/{name}/x.png" for part in ("train", "val", "valid") for name in "ab"],
            "the validation part twice: val, valid",
        ),
    ],
)
def test_what_is_no_folder_of_classes_is_refused(files: list[str], told: str) -> None:
    with pytest.raises(DataError, match=told):
        image_folder.find(make(*files))


def test_a_class_may_be_called_train() -> None:
    found = image_folder.find(make("train/x.png", "bus/x.png", "car/x.png"))
    assert (found.classes, found.has_parts) == (("bus", "car", "train"), False)


def test_rows_are_gathered_from_the_map() -> None:
    columns = read(classes(Path("colours")))
    rows = torch.tensor([11, 0])
    assert np.array_equal(tensor_of(columns.values["input"])[rows].numpy(), columns.values["input"][[11, 0]])


def test_rows_that_will_be_wanted_are_read_ahead_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = read(classes(Path("colours"), each=50)).dense("input")
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(packed, "NEAR", 3 * 16 * 24)
    monkeypatch.setattr(os, "posix_fadvise", lambda _, start, size, advice: asked.append((start, size)))
    packed.read_ahead(pixels, np.array([7, 3, 4, 90, 91, 5]))
    row = 3 * 16 * 24
    assert asked == [(packed.HEADER_BYTES + first * row, num * row) for first, num in ((3, 3), (7, 1), (90, 2))]
    asked.clear()
    packed.read_ahead(np.array(pixels), np.arange(9))  # in memory already
    assert asked == []


def test_a_long_stretch_is_asked_for_in_pieces_that_cover_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = read(classes(Path("colours"), each=20)).dense("input")
    asked: list[tuple[int, int]] = []
    row = 3 * 16 * 24
    monkeypatch.setattr(packed, "PIECE", 5000)
    monkeypatch.setattr(os, "posix_fadvise", lambda _, start, size, advice: asked.append((start, size)))
    packed.read_ahead(pixels, np.arange(3, 33))
    assert max(size for _, size in asked) == 5000
    covered = [place for start, size in asked for place in range(start, start + size)]
    assert covered == list(range(packed.HEADER_BYTES + 3 * row, packed.HEADER_BYTES + 33 * row))
