"""Faults planted in folders of pictures are named with the right rows; clean ones have none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import pellucid
from pellucid.cli.outcome import Outcome
from pellucid.data import image_folder, locate
from pellucid.errors import DataError
from pellucid.preflight import Finding, films
from pellucid.preflight.check import check, of_data
from pellucid.recipe import DataSection
from tests.cli.test_contract import call
from tests.preflight.test_alike import scene

PARTS = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


def digits(root: Path, count: int) -> Path:
    """Handwritten digits in a folder per digit, as a user would have them."""
    data = load_digits()
    for row, (pixels, digit) in enumerate(zip(data.images[:count], data.target, strict=False)):
        (root / str(digit)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15.9).astype(np.uint8)).save(root / str(digit) / f"{row:04}.png")
    return root


@pytest.fixture
def scenes() -> Path:
    """Pictures in two classes and three parts, none like another."""
    seed = 0
    for part, each in (("train", 14), ("val", 6), ("test", 6)):
        for name in ("day", "night"):
            (Path("data") / part / name).mkdir(parents=True)
            for number in range(each):
                scene(seed := seed + 1).save(Path("data") / part / name / f"{number:02}.png")
    return Path("data")


def found(root: Path, **section: Any) -> list[Finding]:
    return of_data(DataSection(source=str(root), kind="pictures", **section))


def test_clean_folders_have_no_finding(scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(scenes, size=(96, 72)) == []
    root = digits(Path("numerals"), 1797)
    assert found(root, size=(16, 16)) == []
    code, out, _ = call(capsys, "check", "data", "data.size=[16,16]", "execution.threads=1")
    assert code == 0
    assert len(out.splitlines()) <= 5
    assert out.startswith("pictures: 52 of 2 classes")
    assert out.endswith("Nothing is wrong.\n")
    assert Outcome.of_findings([], ["looked at"]).values == {"findings": []}


Plant = Callable[[Path], object]


def write(file: str, make: Callable[[Image.Image], Image.Image], **saved: Any) -> Plant:
    """Put what becomes of train/day/00.png at another place."""

    def plant(root: Path) -> None:
        with Image.open(root / "train/day/00.png") as image:
            make(image.convert("RGB")).save(root / file, **saved)

    return plant


def copy(source: str, *files: str) -> Plant:
    return lambda root: [shutil.copy(root / source, root / file) for file in files]


def each_of(name: str, make: Callable[[Image.Image], Image.Image]) -> Plant:
    """Change all pictures of a class."""

    def plant(root: Path) -> None:
        for path in root.glob(f"*/{name}/*.png"):
            with Image.open(path) as opened:
                image = make(opened.convert("RGB"))
            image.save(path)

    return plant


def truncate(root: Path) -> None:
    path = root / "train/day/05.png"
    path.write_bytes(path.read_bytes()[:2000])


def rarely(root: Path) -> None:
    for part in PARTS:
        for path in sorted((root / part / "day").iterdir())[3:]:
            path.unlink()


FAULTS: dict[str, tuple[Plant, str, str, list[str]]] = {
    "no picture": (
        lambda root: (root / "train/day/03.png").write_bytes(b"x"),
        "unreadable",
        "wrong",
        ["train/day/03.png"],
    ),
    "cut short": (truncate, "unreadable", "wrong", ["train/day/05.png"]),
    "a JPEG called PNG": (
        lambda root: scene(99).save(root / "val/day/99.png", "JPEG"),
        "wrong_ending",
        "note",
        ["val/day/99.png"],
    ),
    "black": (
        lambda root: Image.new("RGB", (120, 90)).save(root / "test/night/99.png"),
        "blank",
        "doubtful",
        ["test/night/99.png"],
    ),
    "a thumbnail": (
        lambda root: scene(98, (12, 9)).save(root / "train/night/99.png"),
        "tiny",
        "doubtful",
        ["train/night/99.png"],
    ),
    "a banner": (
        lambda root: scene(98, (600, 90)).save(root / "train/night/99.png"),
        "odd_proportions",
        "doubtful",
        ["train/night/99.png"],
    ),
    "a grey one": (
        lambda root: scene(98).convert("L").save(root / "val/night/99.png"),
        "grey_among_colour",
        "note",
        ["val/night/99.png"],
    ),
    "one class is grey": (
        each_of("night", lambda image: image.convert("L")),
        "grey_tells_class",
        "doubtful",
        [
            f"{part}/night/{number:02}.png"
            for part, each in (("test", 6), ("train", 14), ("val", 6))
            for number in range(each)
        ],
    ),
    "one class has another size": (
        each_of("night", lambda image: image.resize((100, 80))),
        "size_tells_class",
        "doubtful",
        [],
    ),
    "a copy in the class": (
        copy("train/day/02.png", "train/day/98.png", "train/day/99.png"),
        "duplicates",
        "doubtful",
        ["train/day/02.png", "train/day/98.png", "train/day/99.png"],
    ),
    "a copy with another label": (
        copy("train/day/02.png", "train/night/99.png"),
        "duplicates_across_classes",
        "wrong",
        ["train/day/02.png", "train/night/99.png"],
    ),
    "a copy in the test part": (
        copy("train/day/02.png", "test/day/99.png"),
        "duplicates_across_parts",
        "wrong",
        ["test/day/99.png"],
    ),
    "saved again as JPEG": (
        write("train/day/99.jpg", lambda image: image, quality=60),
        "near_duplicates",
        "doubtful",
        ["train/day/00.png", "train/day/99.jpg"],
    ),
    "scaled, in validation": (
        write("val/day/99.png", lambda image: image.resize((90, 68))),
        "near_duplicates_across_parts",
        "doubtful",
        ["val/day/99.png"],
    ),
    "darker, with another label": (
        write("train/night/99.png", lambda image: image.point(lambda value: int(0.8 * value))),
        "near_duplicates_across_classes",
        "doubtful",
        ["train/day/00.png", "train/night/99.png"],
    ),
    "a rare class": (rarely, "rare_class", "doubtful", [f"train/day/{number:02}.png" for number in range(3)]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_with_its_rows(name: str, scenes: Path) -> None:
    plant, kind, weight, files = FAULTS[name]
    plant(scenes)
    findings = found(scenes, size=(96, 72))
    assert [(finding.kind, finding.weight) for finding in findings] == [(kind, weight)]
    place = image_folder.find(scenes).files
    assert [place[row] for row in findings[0].rows] == sorted(files)
    assert len(files) > 3 or not files or any(name in findings[0].message for name in (*files, "'day' has 3"))


def test_one_class_from_another_camera(scenes: Path) -> None:
    for path in list(scenes.glob("*/night/*.png")):
        with Image.open(path) as image:
            image.save(path.with_suffix(".jpg"), quality=95)
        path.unlink()
    (finding,) = found(scenes)
    assert finding.kind == "format_tells_class"
    assert "day PNG, night JPEG" in finding.message


def test_unequal_classes() -> None:
    root = digits(Path("numerals"), 900)
    for path in sorted((root / "3").iterdir())[4:]:
        path.unlink()
    kinds = {finding.kind: list(finding.rows) for finding in found(root)}
    assert set(kinds) == {"rare_class", "imbalance"}
    place = image_folder.find(root).files
    assert {place[row].split("/")[0] for row in kinds["rare_class"]} == {"3"}
    assert len(kinds["rare_class"]) == 4


def test_without_parts_copies_are_a_danger_of_the_split() -> None:
    root = digits(Path("numerals"), 300)
    shutil.copy(root / "3/0003.png", root / "3/9999.png")
    (finding,) = found(root)
    assert finding.kind == "duplicates"
    assert "A split puts some on both sides" in finding.message


def test_what_is_left_out_is_a_note_and_nothing_readable_an_error(scenes: Path) -> None:
    truncate(scenes)
    (finding,) = found(scenes, unreadable="leave out")
    assert (finding.kind, finding.weight) == ("unreadable", "note")
    assert [each.kind for each in check(scenes)] == ["unreadable"]
    for path in scenes.rglob("*.png"):
        path.write_bytes(b"x")
    with pytest.raises(DataError, match="52 of 52 pictures cannot be read"):
        found(scenes)


def test_a_film_that_is_cut(scenes: Path) -> None:
    """A window that moves over one large picture, as a camera in a car sees it."""
    large = scene(7, (700, 90))
    for number in range(60):
        part = "train" if number < 40 else "val"
        large.crop((10 * number, 0, 10 * number + 100, 90)).save(scenes / part / "day" / f"drive_{number:03}.png")
    findings = {finding.kind: finding for finding in found(scenes)}
    film = findings["film_across_parts"]
    place = image_folder.find(scenes).files
    assert [place[row] for row in film.rows] == [f"val/day/drive_{number:03}.png" for number in range(40, 60)]
    assert "40 in train, 20 in validation" in film.message
    assert not [kind for kind in findings if kind.endswith("across_classes")]


CAMVID = locate.folder("camvid")


@pytest.mark.skipif(not CAMVID.is_dir(), reason="CamVid is not here")
def test_camvid_cuts_two_films() -> None:
    files = [f"{part}/{path.name}" for part in PARTS for path in sorted((CAMVID / part).iterdir())]
    findings = list(films.across(CAMVID, files, lambda file: PARTS[file.split("/")[0]]))
    assert [finding.kind for finding in findings] == ["film_across_parts"] * 2  # and no frame that is nearly the same
    assert "62 in train, 62 in test" in findings[0].message
    assert "204 in train, 101 in validation" in findings[1].message
    assert {files[row].split("_")[0] for row in findings[1].rows} == {"val/0016E5"}


HYMENOPTERA = locate.folder("hymenoptera")


@pytest.mark.skipif(not HYMENOPTERA.is_dir(), reason="hymenoptera is not here")
def test_photographs_of_ants_and_bees() -> None:
    (root,) = [path for path in HYMENOPTERA.iterdir() if path.is_dir()]
    (finding,) = found(root, size=(72, 96))
    assert (finding.kind, finding.weight, len(finding.rows)) == ("grey_among_colour", "note", 1)
    work = Path(shutil.copytree(root, "bugs"))
    source = sorted((work / "train/ants").iterdir())[3]
    with Image.open(source) as image:
        image.convert("RGB").resize((300, 200)).save(work / "val/ants/copy.jpg", quality=60)
    kinds = {each.kind: [image_folder.find(work).files[row] for row in each.rows] for each in found(work)}
    assert kinds["near_duplicates_across_parts"] == ["val/ants/copy.jpg"]
    assert set(kinds) == {"near_duplicates_across_parts", "grey_among_colour"}


def test_rows_are_places_among_all_files_where_some_are_left_out() -> None:
    root = digits(Path("numerals"), 120)
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    (root / files[0]).write_bytes(b"no picture")
    copied = set()
    for digit in "123456789":
        own = [place for place, file in enumerate(files) if file.startswith(digit)]
        shutil.copy(root / files[own[0]], root / files[own[-1]])
        copied |= {own[0], own[-1]}
    settings = {"data.unreadable": "leave out", "split.kind": "random", "execution.threads": 1}
    recipe = pellucid.propose(root, settings=settings).recipe
    across = [f for f in check(recipe, settings) if f.kind == "duplicates_across_parts"]
    assert across
    for finding in across:
        assert set(finding.rows) <= copied
