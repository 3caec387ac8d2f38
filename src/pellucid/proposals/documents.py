"""A first recipe for documents with a class each: a convolutional net over their words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pellucid import recipe as recipes
from pellucid.data import documents
from pellucid.data.ragged import Ragged
from pellucid.data.tokens import LONGEST, VOCABULARY
from pellucid.proposals import TASKS_OF, Proposal, batch_size, name_of, trained_rows
from pellucid.recipe import DataSection

PASSES, TOKENS = (2, 20), 20_000_000
"""Epochs over documents, at least and at most, between which about so many tokens are read."""
BYTES_PER_TOKEN = 5
"""Of English, with the space behind a word."""


def propose(path: Path, section: DataSection, model: str | None) -> Proposal:
    """Return a convolutional net over the words of a folder's, or of a table's, documents."""
    because = []
    asked: str
    if path.is_file():
        columns = documents.read(section)
        because = [f"documents: {len(columns):,}, in the column {section.input}", f"target: {section.target}"]
        asked, has_parts, rows = columns.schema["target"].kind, False, max(1, int(0.7 * len(columns)))
        texts = columns.values["input"]
        assert isinstance(texts, Ragged)
        sizes = texts.lengths
    else:
        found = documents.find(path, section.target)
        because, of = documents.told(found), found.folder
        asked, has_parts, rows = "category", of.has_parts, trained_rows(of)
        sizes = np.array([len(line) for line in found.lines] if found.lines else [_size(path / f) for f in of.files])
    tokens = max(1.0, rows * float(np.minimum(sizes / BYTES_PER_TOKEN, LONGEST).mean()))
    made = recipes.parse(
        {
            "name": name_of(path.resolve().stem) or "documents",
            "data": section.model_dump(),
            "split": {"kind": "given" if has_parts else "random" if asked == "number" else "stratified"},
            "prepare": {"tokenizer": "words", "vocabulary": VOCABULARY, "longest": LONGEST},
            "model": {"name": model or "text_convnet"},
            "task": {"name": TASKS_OF[asked]},
            "rule": {
                "name": "backpropagation",
                "optimizer": {"name": "adamw", "learning_rate": 2e-3, "weight_decay": 1e-2},
                "schedule": {"name": "one_cycle"},
            },
            "train": {
                "epochs": min(PASSES[1], max(PASSES[0], round(TOKENS / tokens))),
                "batch_size": batch_size(rows, 64),
            },
        },
        where=str(path),
    )
    return Proposal(made, because)


def _size(path: Path) -> int:
    """The bytes of a file; of one that cannot be opened none, for training names it."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
