"""A text as a world: cut in order, coded by what the training part has, refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import text as texts
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.text import columns_of, read
from pellucid.data.vocabulary import UNKNOWN, Vocabulary, code_points
from pellucid.errors import DataError, LeakError
from tests.data.texts import text_world

HELD_OUT: dict[str, Any] = {"split": {"kind": "contiguous", "validation": 0.2, "test": 0.2}}


def test_parts_are_pieces_of_the_text_in_its_order() -> None:
    world = text_world("abcabcabcabcabcabcXYabcZ", **HELD_OUT)  # 24 characters: 14, 5, 5
    assert {part: world.size(part) for part in ("train", "validation", "test")} == {
        "train": 14,
        "validation": 5,
        "test": 5,
    }
    assert "".join(map(chr, world.raw("test"))) == "YabcZ"
    assert world.first("test") == 19
    assert world.to_dict()["unit"] == "character"


def test_the_vocabulary_has_seen_the_training_part_alone() -> None:
    world = text_world("abcabcabcabcabcabcXYabcZ", **HELD_OUT)
    assert world.spec.input.categories == ("a", "b", "c", UNKNOWN)
    world.seal.open()
    assert world.tokens("test").tolist() == [3, 0, 1, 2, 3]
    assert world.tokens("train").tolist() == [0, 1, 2] * 4 + [0, 1]
    world.check()
    everything = Vocabulary.fit("input", world.columns.values["input"], np.arange(24))
    with pytest.raises(LeakError, match="'vocabulary' of 'input' was fitted on other rows"):
        world.with_preprocessing(Preprocessing({"input": everything})).check()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), st.text(max_size=20))
def test_any_character_has_a_code_and_comes_back(seen: str, other: str) -> None:
    vocabulary = Vocabulary.fit("input", code_points(seen), np.arange(len(seen)))
    apply = vocabulary.bind("cpu")
    codes = apply(torch.from_numpy(code_points(seen)))
    assert "".join(vocabulary.categories[code] for code in codes.tolist()) == seen
    safe = "".join(character for character in other if not 0xD800 <= ord(character) < 0xE000)
    for character, code in zip(safe, apply(torch.from_numpy(code_points(safe))).tolist(), strict=True):
        assert vocabulary.categories[code] == (character if character in seen else UNKNOWN)
    kept = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert kept == vocabulary


def test_a_file_of_any_system_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_bytes("naïve\r\n日本\n".encode())
    assert "".join(map(chr, read(path).values["input"].tolist())) == "naïve\n日本\n"


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    latin, empty = tmp_path / "latin.txt", tmp_path / "empty.txt"
    latin.write_bytes("für".encode("latin-1"))
    empty.write_text("")
    with pytest.raises(DataError, match=r"latin.txt is not UTF-8 text: byte 1 cannot be read"):
        read(latin)
    with pytest.raises(DataError, match=r"empty.txt is empty: there is no character to learn from"):
        read(empty)
    with pytest.raises(DataError, match=r"nowhere.txt cannot be read: No such file"):
        read(tmp_path / "nowhere.txt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PELLUCID_DATA", str(tmp_path))
        with pytest.raises(DataError, match="'tinyshakespeare' is not there"):
            texts.tinyshakespeare()


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(DataError, match=r"A text is cut in its order: split.kind = 'contiguous'"):
        text_world("abc" * 20, split={"kind": "random"})
    with pytest.raises(DataError, match=r"The train part of the text has 7 characters, and at least 8 are needed"):
        text_world("abcdefg")
    with pytest.raises(DataError, match=r"The test part of the text has 1 characters, and at least 2"):
        text_world("abc" * 20, split={"kind": "contiguous", "validation": 0, "test": 0.02})


def test_a_sample_is_windows_of_the_training_part() -> None:
    world = text_world("abcdefghij" * 600, context=10)
    assert world.sample().shape == (256, 10) or world.sample().shape[0] <= 256
    assert torch.equal(world.sample()[0], torch.arange(10))
    assert columns_of("ab", "it").hash != columns_of("ba", "it").hash
