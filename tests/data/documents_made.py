"""Documents made for the tests: each class has words of its own among those that all have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WORDS = {"neg": ("awful", "dull", "tedious"), "pos": ("wonderful", "moving", "superb")}
COMMON = tuple("the film was a story of some people who went there and had an end".split(" "))  # noqa: SIM905


def document(name: str, seed: int) -> str:
    """A few dozen common words, and one or two that tell the class."""
    random = np.random.default_rng(seed)
    words = [*random.choice(COMMON, random.integers(5, 60)), *random.choice(WORDS[name], random.integers(1, 3))]
    return " ".join(random.permutation(words)) + "."


def classes(root: Path, each: int = 6) -> Path:
    """Make a folder per class with `each` documents."""
    for place, name in enumerate(WORDS):
        (root / name).mkdir(parents=True)
        for number in range(each):
            (root / name / f"{number:03}.txt").write_text(document(name, 1000 * place + number), encoding="utf-8")
    return root
