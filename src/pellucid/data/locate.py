"""Where the files of a published data set lie: `$PELLUCID_DATA/NAME/`, in their publishers' own formats."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pellucid.errors import DataError

VARIABLE = "PELLUCID_DATA"


def folder(name: str) -> Path:
    """Return the folder in which a data set's files belong (whether or not it is there)."""
    return Path(os.environ.get(VARIABLE) or Path.home() / "pellucid-data") / name


def find(name: str, choices: Mapping[str, tuple[str, ...]], publisher: str) -> dict[str, Path]:
    """Return the path of each file that a data set needs.

    Args:
        name: of the data set.
        choices: what each file is called; the first of its names that exists is taken.
        publisher: where the files come from, for the message.

    Raises:
        DataError: which files are missing, and where each belongs.
    """
    place = folder(name)
    found = {
        part: next((place / file for file in files if (place / file).is_file()), None)
        for part, files in choices.items()
    }
    missing = [" or ".join(choices[part]) for part, path in found.items() if path is None]
    if missing:
        where = f"${VARIABLE} is {os.environ[VARIABLE]}" if os.environ.get(VARIABLE) else f"${VARIABLE} is not set"
        raise DataError(
            f"The data set {name!r} is not there ({where}). Put these files into {place}/:\n"
            + "\n".join(f"  {file}" for file in missing)
            + f"\nThey come from {publisher}. Or set {VARIABLE} to the folder that holds {name}/."
        )
    return {part: path for part, path in found.items() if path is not None}
