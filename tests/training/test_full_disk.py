"""A full disk: one clear error, and the last good checkpoint goes on to the same end once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pellucid import experiment, verbs
from pellucid.experiment import Given
from pellucid.rundir import DiskFull
from tests.training.runs import QUICK, outcome

QUIET = Given(report=False, quiet=True)
SETTINGS = {**QUICK, "train.epochs": 3, "train.checkpoint_every": 10, "model.hidden": [256]}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that holds three megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    recipe = verbs.recipe_of("digits-mlp", SETTINGS)
    whole = experiment.train(recipe, Path("whole"), QUIET)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"0" * 2_600_000)
    with pytest.raises(
        DiskFull, match=r"The disk is full: .* could not be written .* Nothing that was saved before is lost."
    ):
        experiment.train(recipe, small_disk / "run", QUIET)
    kept = sorted(path.name for path in (small_disk / "run/checkpoints").iterdir())
    assert any(name.endswith(".json") for name in kept)
    assert not any(name.endswith(".part") for name in kept)
    ballast.unlink()
    experiment.resume(small_disk / "run", QUIET)
    assert outcome(small_disk / "run") == outcome(whole)
