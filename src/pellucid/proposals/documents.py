"""A first recipe for documents with a class each: a convolutional net over their words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pellucid import recipe as recipes
from pellucid.data import documents
from pellucid.data.tokens import LONGEST, VOCABULARY
from pellucid.proposals import Proposal, batch_size, name_of
from pellucid.recipe import DataSection

PASSES, TOKENS = (2, 20), 20_000_000
"""Epochs over documents, at least and at most, between which about so many tokens are read."""
BYTES_PER_TOKEN = 5
"""Of English, with the space behind a word."""


def propose(path: Path, section: DataSection, model: str | None) -> Proposal:
    """Return a convolutional net over the words of a folder's, or of a table's, documents."""
    because = []
    if path.is_file():
        columns = documents.read(section)
        target = columns.schema["target"]
        because = [f"documents: {len(columns):,}, in the column {section.input}", f"target: {section.target}"]
        has_parts, classes, rows = False, target.kind == "category", int(0.7 * len(columns))
        sizes = columns.values["input"].lengths  # type: ignore[union-attr]
    else:
        found = documents.find(path, section.target)
        because, of = documents.told(found), found.folder
        has_parts, classes = of.has_parts, True
        drawn = len({"validation", "test"} - {of.part_of(file) for file in of.files})
        rows = int((1 - 0.15 * drawn) * sum(of.part_of(file) == "train" for file in of.files))
        sizes = np.array(
            [len(line) for line in found.lines] if found.lines else [(path / f).stat().st_size for f in of.files]
        )
    longest = LONGEST
    tokens = max(1, rows) * float(np.minimum(sizes / BYTES_PER_TOKEN, longest).mean())
    made = recipes.parse(
        {
            "name": name_of(path.resolve().stem) or "documents",
            "data": section.model_dump(),
            "split": {"kind": "given" if has_parts else "stratified" if classes else "random"},
            "prepare": {"tokenizer": "words", "vocabulary": VOCABULARY, "longest": longest},
            "model": {"name": model or "text_convnet"},
            "task": {"name": "classify" if classes else "regress"},
            "rule": {
                "name": "backpropagation",
                "optimizer": {"name": "adamw", "learning_rate": 2e-3, "weight_decay": 1e-2},
                "schedule": {"name": "one_cycle"},
            },
            "train": {
                "epochs": min(PASSES[1], max(PASSES[0], round(TOKENS / tokens))),
                "batch_size": batch_size(max(1, rows), 64),
            },
        },
        where=str(path),
    )
    return Proposal(made, because)
