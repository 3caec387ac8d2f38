"""The ledger of test parts: every look at one, by whichever run, in the folder that one works in.

A test part that many runs are judged on, of which the best is told, is a validation part by another name (Dwork et al.
2015, "The reusable holdout"). So looks are counted by the rows that are judged, not by run, a line each in
`.pellucid/looks.jsonl`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pellucid.rundir import now, read_lines

FILE = Path(".pellucid") / "looks.jsonl"
"""Below the folder that one works in."""


def enter(test_hash: str, run: Path) -> int:
    """Write a look down before its answer is known, and return how many there have been at this test part.

    Where the folder cannot be written in, that is said, and looks are counted in the run alone.
    """
    line = json.dumps({"when": now(), "test": test_hash, "run": str(run.resolve())}) + "\n"
    try:
        FILE.parent.mkdir(exist_ok=True)
        with FILE.open("ab") as file:  # short lines are appended whole, by several processes too
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        print(f"{FILE} cannot be written ({error.strerror}): this look is counted in the run alone.", file=sys.stderr)
    return looks(test_hash)


def looks(test_hash: str) -> int:
    """Return how many looks at a test part were written down in the folder that one works in."""
    return sum(line.get("test") == test_hash for line in read_lines(FILE))
