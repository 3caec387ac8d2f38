"""Scores on a disk: the same numbers come back, in as few bytes as hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from pellucid.errors import RunError
from pellucid.evaluation import kept
from pellucid.evaluation.kept import Kept
from pellucid.tasks.score import Score

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("moments", "held_as"),
    [
        (RANDOM.integers(0, 256, size=(30, 4)), np.uint8),
        (RANDOM.integers(0, 257, size=(300, 4)) + 200, np.float32),
        (RANDOM.integers(-5, 5, size=(30, 4)), np.float32),
        (RANDOM.normal(size=(30, 2)).astype(np.float32), np.float32),
        (RANDOM.normal(size=(30, 2)), np.float64),
        (np.array([[1e300, 1.0]]), np.float64),
        (np.array([[2.0**24 + 1, 1.0]]), np.float64),
        (np.empty((0, 2)), np.float64),
    ],
)
def test_moments_come_back_bit_for_bit(moments: np.ndarray, held_as: type, tmp_path: Path) -> None:
    score = Score(moments.astype(np.float64), "ratio", "min", standard_error=0.5)
    path = tmp_path / "predictions/test-scores.safetensors"
    kept.write(path, Kept({"net": {"x": score}}, rows=np.arange(len(moments)), fitted_on={"mean": 3}))
    found = kept.read(path)
    again = found.entrants["net"]["x"]
    assert again.moments.dtype == np.float64
    assert again.moments.tobytes() == score.moments.tobytes()
    assert (again.kind, again.better, again.interval, again.standard_error) == ("ratio", "min", "bootstrap", 0.5)
    assert found.fitted_on == {"mean": 3}
    assert load_file(path)["net/x"].dtype == held_as


def test_a_file_that_is_missing_or_damaged_is_told(tmp_path: Path) -> None:
    path = tmp_path / "test-scores.safetensors"
    kept.write(path, Kept({"net": {"x": Score(np.ones((3, 2)), "ratio", "min")}}))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match=r"test-scores\.safetensors cannot be read: .* Evaluate the run again\."):
        kept.read(path)
