"""Readers of files that others wrote: whatever the bytes, they are read or refused, soon and in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.mutations import SEEDS

ROOT = Path(__file__).parents[2]


def read_many(reader: str, count: int, seed: int) -> dict[str, object]:
    """In a process of its own: a limit of memory is for good, and what ends the process must not end the tests."""
    source = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": source, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.data.mutations", reader, str(count), str(seed)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, object] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("reader", SEEDS)
def test_damaged_files_are_read_or_refused(reader: str) -> None:
    told = read_many(reader, 300, 0)
    assert told["wrong"] == []
    assert set(told["outcomes"]) == {"read", "refused"}


@pytest.mark.slow
@pytest.mark.parametrize("reader", SEEDS)
def test_ten_thousand_damaged_files_are_read_or_refused(reader: str) -> None:
    assert read_many(reader, 10_000, 1)["wrong"] == []
