"""Texts as worlds."""

from __future__ import annotations

from typing import Any

from pellucid.data import world as data
from pellucid.data.text import Text, columns_of
from pellucid.recipe import parse


def text_world(text: str, context: int = 4, **sections: Any) -> Text:
    """The world of a text; nothing held out where nothing else is said."""
    values: dict[str, Any] = {
        "name": "test",
        "data": {"source": "arrays"},
        "model": {"name": "lstm"},
        "task": {"name": "next_token"},
        "train": {"epochs": 1, "batch_size": 2},
        "prepare": {"context": context},
        "split": {"kind": "contiguous", "validation": 0, "test": 0},
    }
    world = data.open(parse(values | sections), columns=columns_of(text, "the text"))
    assert isinstance(world, Text)
    return world
