"""Pre-flight of sounds: each fault is planted and found with its rows; clean folders raise nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pellucid.data import locate
from pellucid.preflight import Finding
from pellucid.preflight.check import of_data
from pellucid.recipe import DataSection
from tests.data.noises import classes, tone


def found(root: Path, seconds: float = 0.5) -> dict[str, Finding]:
    return {
        finding.kind: finding
        for finding in of_data(DataSection(source=str(root), kind="sounds", rate=8000, seconds=seconds))
    }


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert found(classes(Path("tones"), each=12)) == {}


def test_planted_faults() -> None:
    root = classes(Path("tones"), each=12)  # rows 0 to 11 are high, 12 to 23 low
    (root / "high/000.wav").write_bytes((root / "high/000.wav").read_bytes()[:700])
    soundfile.write(root / "high/001.wav", np.zeros(2400), 8000)
    soundfile.write(root / "high/002.wav", np.clip(tone(440, 8000, 0.3, level=3), -1, 1), 8000)
    shutil.copy(root / "high/004.wav", root / "high/003.wav")
    shutil.copy(root / "high/005.wav", root / "low/000.wav")
    soundfile.write(root / "low/001.wav", tone(300, 44100, 0.3), 44100)
    soundfile.write(root / "low/002.wav", tone(300, 8000, 6.0), 8000)
    soundfile.write("a.flac", tone(300, 8000, 0.3, 99), 8000)
    Path("a.flac").rename(root / "low/003.wav")
    findings = found(root)
    assert {kind: (finding.weight, list(finding.rows)) for kind, finding in findings.items()} == {
        "unreadable": ("wrong", [0]),
        "silent": ("wrong", [1]),
        "clipped": ("doubtful", [2]),
        "duplicates": ("doubtful", [3, 4]),
        "duplicates_across_classes": ("wrong", [5, 12]),
        "mixed_rates": ("doubtful", [13]),
        "unlike_lengths": ("doubtful", [14]),
        "cut": ("note", [14]),
        "wrong_ending": ("note", [15]),
    }
    assert "high/000.wav: it is cut short" in findings["unreadable"].message
    assert "high/003.wav and high/004.wav" in findings["duplicates"].message


def test_what_cannot_be_read_is_a_note_where_it_is_left_out() -> None:
    root = classes(Path("tones"), each=12)
    (root / "low/004.wav").write_bytes(b"RIFF")
    section = DataSection(source=str(root), kind="sounds", rate=8000, seconds=0.5, unreadable="leave out")
    assert [(finding.kind, finding.weight, list(finding.rows)) for finding in of_data(section)] == [
        ("unreadable", "note", [16])
    ]


def test_copies_in_two_parts_are_told_apart_from_those_in_one() -> None:
    root = Path("tones")
    classes(root / "train", each=12)
    shutil.copytree(root / "train", root / "test")
    for number, path in enumerate(sorted((root / "test").rglob("*.wav"))):
        if number:  # rows 0 to 23 are of the test part
            soundfile.write(path, tone(200 + 50 * number, 8000, 0.3, 9000 + number), 8000)
    findings = found(root)
    assert {kind: (finding.weight, list(finding.rows)) for kind, finding in findings.items()} == {
        "duplicates_across_parts": ("wrong", [0])
    }
    assert "test/high/000.wav and train/high/000.wav" in findings["duplicates_across_parts"].message


def test_rare_and_unequal_classes() -> None:
    root = classes(Path("tones"), each=2)
    for number in range(50):
        soundfile.write(root / f"low/more{number}.wav", tone(300, 8000, 0.3, 5000 + number), 8000)
    findings = found(root)
    assert set(findings) == {"rare_class", "imbalance"}
    assert list(findings["rare_class"].rows) == [0, 1]


@pytest.mark.skipif(not locate.folder("free-spoken-digit").is_dir(), reason="no free-spoken-digit in PELLUCID_DATA")
def test_the_spoken_digits_are_sound() -> None:
    root = locate.folder("free-spoken-digit") / "recordings"
    section = DataSection(source=str(root), kind="sounds", target="name_1", rate=8000, seconds=0.7)
    assert [(finding.kind, finding.weight, len(finding.rows)) for finding in of_data(section)] == [("cut", "note", 40)]
