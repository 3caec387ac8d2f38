"""The benchmarks start, and the comparison after a kill sees what it must see and nothing else."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def kills(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("kills")


@pytest.fixture
def runs(tmp_path):
    """Two run folders that differ in clocks only."""
    for name, seconds in (("never", 1.0), ("killed", 2.5)):
        run = tmp_path / name
        for folder in ("artefact", "checkpoints", "results"):
            (run / folder).mkdir(parents=True)
        lines = [{"step": step, "loss": 0.5 / step, "seconds": seconds * step} for step in (1, 2)]
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        (run / "artefact/model.safetensors").write_bytes(bytes(range(64)))
        (run / "results/validation.json").write_text(json.dumps({"run": name, "metrics": {"accuracy": 0.9}}))
        (run / "checkpoints/step-2.json").write_text(
            json.dumps({"hash": name, "values": {"fit": {"seconds": seconds}}})
        )
    return tmp_path / "never", tmp_path / "killed"


@pytest.mark.parametrize(
    "script",
    [
        "race.py",
        "kills.py",
        "som_beside_minisom.py",
        "rbm_sampled.py",
        "under_load.py",
        "augmentation.py",
        "honesty.py",
    ],
)
def test_help(script):
    done = subprocess.run([sys.executable, BENCHMARKS / script, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def test_clocks_are_no_difference(kills, runs):
    assert kills.compare(*runs) == []


def test_one_changed_byte_is_found(kills, runs):
    weights = runs[1] / "artefact/model.safetensors"
    content = bytearray(weights.read_bytes())
    content[40] ^= 1
    weights.write_bytes(content)
    assert kills.compare(*runs) == ["artefact/model.safetensors differs"]


def test_a_changed_line_is_found(kills, runs):
    metrics = runs[1] / "metrics.jsonl"
    metrics.write_text(metrics.read_text().replace("0.25", "0.26"))
    (difference,) = kills.compare(*runs)
    assert difference.startswith("metrics.jsonl differs in line 2")


def test_lines_too_many_and_files_too_few_are_found(kills, runs):
    with (runs[1] / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3}\n')
    (runs[1] / "results/validation.json").unlink()
    assert kills.compare(*runs) == [
        "metrics.jsonl has 2 lines in the never killed run and 3 in the killed one",
        "results/validation.json is missing in the killed run",
    ]
