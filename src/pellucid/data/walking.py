"""The files below a folder, whatever they hold: none is opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path


def endings_in(root: Path) -> Counter[str]:
    """Return how many files below a folder end in what, in lower case; hidden ones are not counted."""
    found: Counter[str] = Counter()
    for _, names in _walk(root, Counter()):
        found.update(Path(name).suffix.lower() for name in names if not name.startswith("."))
    return found


def files_in(root: Path, endings: Collection[str], left_out: Counter[str]) -> Iterator[str]:
    """Yield the paths of files below a folder; `left_out` counts what is passed over."""
    for below, names in _walk(root, left_out):
        for name in names:
            ending = Path(name).suffix.lower()
            if name.startswith("."):
                left_out["hidden files"] += 1
            elif ending not in endings:
                left_out[f"files that end in {ending}" if ending else "files without an ending"] += 1
            else:
                yield (below / name).as_posix()
    for what in [what for what, count in left_out.items() if count == 0]:
        del left_out[what]


def _walk(root: Path, left_out: Counter[str]) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder's path below the root, and the names of its files.

    A link to a folder is followed where it stands for a part or a class, unless it leads back to where it stands.
    """
    for place, folders, names in os.walk(root, followlinks=True):
        below = Path(place).relative_to(root)
        hidden = [name for name in folders if name.startswith(".")]
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        above = [*Path(place).resolve().parents, Path(place).resolve()]
        passed = [name for name in links if len(below.parts) >= 2 or (Path(place) / name).resolve() in above]
        folders[:] = [name for name in folders if name not in hidden and name not in passed]
        left_out["hidden folders"] += len(hidden)
        left_out["links to folders"] += len(passed)
        yield below, names
