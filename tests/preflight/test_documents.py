"""Faults planted in folders of documents are named with the right rows; clean ones have none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pellucid.data import locate
from pellucid.preflight import Finding
from pellucid.preflight.check import of_data
from pellucid.recipe import DataSection
from tests.preflight.test_alike import review

PARTS = {"train": 14, "val": 6, "test": 6}


@pytest.fixture
def reviews() -> Path:
    """Texts in two classes and three parts, none like another."""
    seed = 0
    for part, each in PARTS.items():
        for name in ("bad", "good"):
            (Path("data") / part / name).mkdir(parents=True)
            for number in range(each):
                (Path("data") / part / name / f"{number:02}.txt").write_text(review(seed := seed + 1))
    return Path("data")


def found(root: Path, **section: Any) -> list[Finding]:
    return of_data(DataSection(source=str(root), kind="documents", **section))


def files_of(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.txt"))


def test_a_clean_folder_has_no_finding(reviews: Path) -> None:
    assert found(reviews) == []


Plant = Callable[[Path], object]


def change(file: str, make: Callable[[str], str], encoding: str = "utf-8", source: str = "") -> Plant:
    """Put what becomes of a text at its own place, or at another one."""

    def plant(root: Path) -> None:
        text = (root / (source or file)).read_text(encoding="utf-8")
        (root / file).write_bytes(make(text).encode(encoding))

    return plant


def each_of(name: str, make: Callable[[str], str]) -> Plant:
    def plant(root: Path) -> None:
        for path in root.glob(f"*/{name}/*.txt"):
            path.write_text(make(path.read_text()))

    return plant


def rarely(root: Path) -> None:
    for part in PARTS:
        for path in sorted((root / part / "bad").iterdir())[3:]:
            path.unlink()


A, B = "train/bad/02.txt", "test/bad/03.txt"
FAULTS: dict[str, tuple[Plant, str, str, list[str]]] = {
    "empty": (change(A, lambda text: " \n"), "empty", "wrong", [A]),
    "Latin-1": (change(A, lambda text: text + " schön", "latin-1"), "not_utf8", "wrong", [A]),
    "UTF-16": (change(A, lambda text: text, "utf-16"), "not_utf8", "wrong", [A]),
    "bytes that are no text": (change(B, lambda text: text + "\0"), "not_utf8", "wrong", [B]),
    "written in another encoding": (
        change(B, lambda text: text + " sch\u00c3\u00b6n"),
        "wrong_encoding",
        "doubtful",
        [B],
    ),
    "tags": (change(A, lambda text: text.replace(". ", ".<br /><br />")), "html", "note", [A]),
    "nearly empty": (change(A, lambda text: "Good."), "nearly_empty", "doubtful", [A]),
    "very long": (
        change(A, lambda text: " ".join(map(review, range(900, 930)))),
        "very_long",
        "note",
        [A],
    ),
    "a copy in the class": (
        change("train/bad/99.txt", str, source=A),
        "duplicates",
        "doubtful",
        [A, "train/bad/99.txt"],
    ),
    "a copy with another label": (
        change("train/good/99.txt", str, source=A),
        "duplicates_across_classes",
        "wrong",
        [A, "train/good/99.txt"],
    ),
    "a copy in the test part": (
        change("test/bad/99.txt", str, source=A),
        "duplicates_across_parts",
        "wrong",
        ["test/bad/99.txt"],
    ),
    "a copy with other capitals": (
        change("train/bad/99.txt", str.upper, source=A),
        "near_duplicates",
        "doubtful",
        [A, "train/bad/99.txt"],
    ),
    "a copy with a sentence more, in validation": (
        change("val/bad/99.txt", lambda text: text + " I have seen it twice.", source=A),
        "near_duplicates_across_parts",
        "doubtful",
        ["val/bad/99.txt"],
    ),
    "a copy with a word changed, with another label": (
        change("train/good/99.txt", lambda text: text.replace(text.split()[70], "other", 1), source=A),
        "near_duplicates_across_classes",
        "doubtful",
        [A, "train/good/99.txt"],
    ),
    "a heading": (each_of("good", lambda text: f"Rating: good\n{text}"), "word_gives_away", "doubtful", []),
    "one class is short": (
        each_of("good", lambda text: " ".join(text.split()[:40])),
        "length_tells_class",
        "doubtful",
        [],
    ),
    "a rare class": (rarely, "rare_class", "doubtful", [f"train/bad/{number:02}.txt" for number in range(3)]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_with_its_rows(name: str, reviews: Path) -> None:
    plant, kind, weight, files = FAULTS[name]
    plant(reviews)
    findings = found(reviews)
    assert [(finding.kind, finding.weight) for finding in findings] == [(kind, weight)]
    place = files_of(reviews)
    assert [place[row] for row in findings[0].rows] == files
    assert not files or any(file in findings[0].message for file in files) or kind == "rare_class"


def test_the_word_and_the_reason_are_named(reviews: Path) -> None:
    FAULTS["a heading"][0](reviews)
    FAULTS["Latin-1"][0](reviews)
    (reviews / B).write_text("")
    messages = {finding.kind: finding.message for finding in found(reviews, unreadable="leave out")}
    assert "'rating'" in messages["word_gives_away"]
    assert messages["empty"] == f"texts without a letter: {B}. Nothing can be learned from them; they are left out."


def test_short_texts_are_not_nearly_empty() -> None:
    for name, words in (("yes", ["sure", "right", "agreed", "true"]), ("no", ["never", "wrong", "false", "nope"])):
        (Path("data") / name).mkdir(parents=True)
        for number in range(12):
            text = " ".join(words[(number + shift) % 4] for shift in range(1 + number % 3)) + f" {name}{number}"
            (Path("data") / name / f"{number}.txt").write_text(text)
    assert found(Path("data")) == []


def test_a_document_per_line() -> None:
    Path("data").mkdir()
    for place, name in enumerate(("bad", "good")):
        lines = [review(100 * place + number, 60) for number in range(12)]
        (Path("data") / f"{name}.txt").write_text("\n".join([*lines, lines[4] if name == "good" else ""]))
    (finding,) = found(Path("data"))
    assert (finding.kind, list(finding.rows)) == ("duplicates", [16, 24])


IMDB = locate.folder("imdb")


@pytest.mark.skipif(not IMDB.is_dir(), reason="the film reviews are not here")
def test_reviews_of_films() -> None:
    """500 real reviews of each class and part; what is planted among them is found, and the copies that are there."""
    root = next(path.parent for path in IMDB.rglob("train") if path.is_dir())
    for part in ("train", "test"):
        for name in ("neg", "pos"):
            (Path("data") / part / name).mkdir(parents=True)
            for path in sorted((root / part / name).glob("[1-4]??_*.txt"))[:250]:
                shutil.copy(path, Path("data") / part / name)
    clean = {finding.kind: finding for finding in found(Path("data"))}
    assert set(clean) == {"html", "duplicates"}
    texts = [path.read_bytes() for path in sorted(Path("data").rglob("*.txt"))]
    assert list(clean["duplicates"].rows) == [row for row, text in enumerate(texts) if texts.count(text) > 1]
    source = sorted(Path("data/train/neg").iterdir())[5]
    text = source.read_text(encoding="utf-8")
    Path("data/test/neg/900_1.txt").write_text(text, encoding="utf-8")
    Path("data/test/neg/901_1.txt").write_text(text.upper() + " Avoid!", encoding="utf-8")
    findings = {finding.kind: finding for finding in found(Path("data"))}
    place = files_of(Path("data"))
    assert [place[row] for row in findings["duplicates_across_parts"].rows] == ["test/neg/900_1.txt"]
    near = [place[row] for row in findings["near_duplicates_across_parts"].rows]
    assert near == ["test/neg/900_1.txt", "test/neg/901_1.txt"]  # like one another, and one is like a text of train


@pytest.mark.slow
@pytest.mark.skipif(not IMDB.is_dir(), reason="the film reviews are not here")
def test_all_reviews_of_films() -> None:
    """As counted by comparing the texts themselves: 96 copies in train, 199 in test, 123 of test occur in train."""
    root = next(path.parent for path in IMDB.rglob("train") if path.is_dir())
    findings = {finding.kind: finding for finding in found(root)}
    assert "199 in test and 96 in train of the texts are the same" in findings["duplicates"].message
    place = files_of(root)
    texts = [(root / file).read_bytes() for file in place]
    trained = {text for text, file in zip(texts, place, strict=True) if file.startswith("train")}
    expected = [row for row, text in enumerate(texts) if place[row].startswith("test") and text in trained]
    assert len(expected) == 123
    assert list(findings["duplicates_across_parts"].rows) == expected
