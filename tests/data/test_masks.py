"""Pictures with masks: pairs by name in four layouts, two packed columns, codes by value, loud refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pellucid.data import kinds, locate, masks
from pellucid.data.codes import Codes
from pellucid.data.columns import Columns, hash_of
from pellucid.data.decoding import decode
from pellucid.data.pairs import find
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from tests.data.masked import masked, pair, save


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


def read(root: Path, **fields: Any) -> Columns:
    keys = fields.pop("keys", ())
    return masks.read(DataSection(source=str(root), **{"size": (24, 32), **fields}), keys)


LAYOUTS = {
    "camvid": ("train/{0}.png", "trainannot/{0}.png", "val/{0}.png", "valannot/{0}.png"),
    "parts outside": ("train/images/{0}.png", "train/masks/{0}.png", "valid/images/{0}.png", "valid/masks/{0}.png"),
    "parts inside": ("images/train/{0}.png", "labels/train/{0}.png", "images/val/{0}.png", "labels/val/{0}.png"),
    "no parts": ("images/{0}.png", "annotations/{0}.png", "images/{0}.png", "annotations/{0}.png"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pairs_are_found_by_name_in_every_layout(layout: str) -> None:
    train_picture, train_mask, picture, mask = LAYOUTS[layout]
    for number in range(5):
        drawn, codes = pair(number)
        path = Path("data") / (train_picture if number < 3 else picture).format(f"film_{number}")
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.save(path)
        save(codes, Path("data") / (train_mask if number < 3 else mask).format(f"film_{number}"))
    assert kinds.kind_of(Path("data")) == "masks"
    columns = read(Path("data"), keys=["name_2", "folder"])
    for number in range(5):
        drawn, codes = pair(number)
        assert np.array_equal(columns.dense("input")[number], np.asarray(drawn).transpose(2, 0, 1))
        assert np.array_equal(columns.dense("target")[number], codes)
    assert columns.keys["name_2"].tolist() == ["0", "1", "2", "3", "4"]
    expected = {} if layout == "no parts" else {"train": [0, 1, 2], "validation": [3, 4]}
    assert {part: rows.tolist() for part, rows in columns.given.items()} == expected
    assert (columns.schema["target"].kind, columns.schema["target"].shape) == ("mask", (24, 32))
    assert columns.schema["target"].categories == ("0", "1", "2")


def test_both_columns_are_packed_and_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    root = masked(Path("data"))
    columns = read(root, size=(12, 20))
    for name in ("input", "target"):
        assert isinstance(columns.values[name], np.memmap)
        assert columns.hashes[name] == hash_of(columns.values[name])
    assert columns.dense("input").shape == (6, 3, 12, 20)
    for number in range(6):
        expected = decode(root / f"images/{number:03}.png", (3, 12, 20))[0]
        assert np.array_equal(columns.dense("input")[number], expected)
        by_pillow = Image.open(root / f"masks/{number:03}.png").resize((20, 12), Image.Resampling.NEAREST)
        assert np.array_equal(columns.dense("target")[number], np.asarray(by_pillow))
    monkeypatch.setattr(masks, "grey", lambda *_: pytest.fail("decoded again"))
    assert read(root, size=(12, 20)).hash == columns.hash


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 5]))
def test_the_nearest_pixel_is_the_middle_one(height: int, width: int, times: int) -> None:
    large = np.random.default_rng(0).integers(0, 256, (height * times, width * times), dtype=np.uint8)
    assert np.array_equal(masks.nearest(large, (height, width)), large[times // 2 :: times, times // 2 :: times])
    assert np.array_equal(
        masks.nearest(large[:height, :width], large.shape), large[:height, :width].repeat(times, 0).repeat(times, 1)
    )


def test_values_are_renumbered_and_ignored_ones_are_255() -> None:
    columns = read(masked(Path("data"), values=(7, 50, 255)), ignore=(50,))
    codes = np.stack([pair(number)[1] for number in range(6)])
    assert np.array_equal(columns.dense("target"), np.array([0, 255, 1])[codes])
    assert columns.schema["target"].categories == ("7", "255")
    tensor = Codes("target").bind("cpu")(masks_tensor(columns))
    assert str(tensor.dtype) == "torch.int64"
    assert set(tensor.flatten().tolist()) == {0, 1, 255}


def masks_tensor(columns: Columns) -> Any:
    from pellucid.data.batch import tensor_of

    return tensor_of(columns.dense("target"))


def test_palettes_truth_values_and_grey_saved_as_colours_are_read(tmp_path: Path) -> None:
    codes = pair(0)[1]
    palette = Image.fromarray(codes, "L").convert("P")
    palette.putdata(codes.ravel().tolist())
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save("palette.png")
    assert np.array_equal(masks.grey(Path("palette.png")), codes)
    Image.fromarray(codes > 0).save("truth.png")
    assert np.array_equal(masks.grey(Path("truth.png")), codes > 0)
    Image.fromarray(np.stack([codes] * 3, axis=-1)).save("colours.png")
    assert np.array_equal(masks.grey(Path("colours.png")), codes)


def test_classes_are_named_by_a_file() -> None:
    root = masked(Path("data"), values=(0, 1, 3))
    (root / "classes.txt").write_text("sky\nroad\ncar\ntree\n\n")
    assert read(root).schema["target"].categories == ("sky", "road", "tree")
    (root / "classes.txt").write_text("sky\nroad\ntree\n")
    assert read(root).schema["target"].categories == ("sky", "road", "tree")
    (root / "classes.txt").write_text("sky\nroad\n")
    with pytest.raises(DataError, match="2 lines for 3 classes of values up to 3"):
        read(root)
    (root / "classes.txt").write_text("sky\nroad\n\ntree\npole\n")  # line n + 1 names the value n, whatever is between
    assert read(root).schema["target"].categories == ("sky", "road", "tree")
    (root / "classes.txt").write_bytes("Himmel\nStraße\nBaum\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"classes.txt is not UTF-8 \(byte 11\)"):
        read(root)
    (root / "classes.txt").write_text("sky\nsky\ntree\n")
    with pytest.raises(DataError, match="two classes the name 'sky'"):
        read(root)


def spoil(root: Path, what: str) -> None:
    codes = np.array(Image.open(root / "masks/002.png"))
    match what:
        case "alone":
            (root / "masks/002.png").unlink()
        case "no picture":
            (root / "images/002.png").unlink()
        case "twice":
            save(codes, root / "masks/002.bmp")
        case "jpeg":
            (root / "masks/002.png").unlink()
            Image.fromarray(codes).save(root / "masks/002.jpg")
        case "colours":
            Image.fromarray(np.stack([codes, codes * 0, codes], axis=-1)).save(root / "masks/002.png")
        case "size":
            save(codes[:, :-1], root / "masks/002.png")
        case "broken":
            (root / "masks/002.png").write_bytes(b"no picture")
        case "deep":
            Image.fromarray(codes.astype(np.uint16)).save(root / "masks/002.png")


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("alone", "data: 1 pictures have no mask of the same name: images/002.png"),
        ("no picture", "data: 1 masks have no picture of the same name: masks/002.png"),
        ("twice", "masks/002.bmp and masks/002.png have one name"),
        ("jpeg", "images/002.png: its mask 002.jpg is a JPEG"),
        ("colours", r"its mask 002.png has colours \(mode RGB\)"),
        ("size", "its mask is 31x24 and the picture 32x24"),
        ("broken", "images/002.png: it is not a picture that can be decoded"),
        ("deep", "more than 8 bits"),
    ],
)
def test_what_is_no_pair_is_refused(what: str, told: str) -> None:
    spoil(masked(Path("data")), what)
    with pytest.raises(DataError, match=told):
        read(Path("data"))


def test_unreadable_pairs_are_left_out_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    root = masked(Path("data"))
    spoil(root, "colours")
    (root / "images/004.png").write_bytes(b"no picture")
    columns = read(root, unreadable="leave out")
    assert len(columns) == 4
    assert np.array_equal(columns.dense("target")[2], pair(3)[1])
    assert "left out, with their masks: images/002.png" in capsys.readouterr().err


@pytest.mark.parametrize(("part", "called"), [("train", "train"), ("val", "validation")])
def test_a_part_that_cannot_be_read_is_not_drawn_anew(part: str, called: str) -> None:
    for each in ("train", "val"):
        masked(Path("data") / each)
    for mask in (Path("data") / part / "masks").iterdir():
        mask.write_bytes(b"no picture")
    with pytest.raises(DataError, match=f"data: no picture of the {called} part can be read"):
        read(Path("data"), unreadable="leave out")


def test_pictures_beside_the_parts_are_refused() -> None:
    for each in ("train", "val", "extra"):
        masked(Path("data") / each)
    with pytest.raises(DataError, match="data has the parts train, val, but also extra"):
        read(Path("data"))


def test_values_that_cannot_be_learned_are_refused() -> None:
    with pytest.raises(DataError, match=r"one value only \(0\) beside data.ignore = \[1, 2\]"):
        read(masked(Path("one")), ignore=(1, 2))
    for part, values in (("train", (0, 1)), ("val", (0, 9))):
        masked(Path("data") / part, values=values)
    with pytest.raises(
        DataError, match=r"no training mask has the value 9, and 6 of the validation part do: val/masks"
    ):
        read(Path("data"))
    assert read(Path("data"), ignore=(9,)).schema["target"].categories == ("0", "1")
    with pytest.raises(DataError, match=r"data.size is not given"):
        masks.read(DataSection(source="data"))
    with pytest.raises(DataError, match="holds no picture that has a mask"):
        read(Path("data/train/images"))


@pytest.mark.skipif(not locate.folder("camvid").is_dir(), reason="needs CamVid")
def test_camvid_is_found_whole() -> None:
    found = find(locate.folder("camvid"))
    assert {part: len(rows) for part, rows in found.folder.given.items()} == {
        "test": 233,
        "train": 367,
        "validation": 101,
    }
    assert {key.split("/")[1].split("_")[0] for key in found.folder.files if key.startswith("val/")} == {"0016E5"}
