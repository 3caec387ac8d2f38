"""The run folder: whole or not there, one writer, cut back on resume."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid import rundir
from pellucid.errors import RunError


def test_a_new_folder_has_recipe_and_environment() -> None:
    with rundir.create("demo", "name = 'demo'\n", None) as folder:
        assert folder.path == Path("runs/demo")
        assert (folder / "recipe.toml").read_text() == "name = 'demo'\n"
        assert set(rundir.read_json(folder / "environment.json")) >= {
            "pellucid",
            "torch",
            "python",
            "processor",
            "cores",
        }
    assert [path.name for path in Path("runs").iterdir()] == ["demo"]


def test_taken_names_get_a_number() -> None:
    paths = []
    for _ in range(3):
        with rundir.create("demo", "", None) as folder:
            paths.append(str(folder.path))
    assert paths == ["runs/demo", "runs/demo-2", "runs/demo-3"]


def test_a_place_that_is_taken_is_refused() -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("ten months of work")
    with pytest.raises(RunError, match=r"mine exists already. Choose another --out, or go on with it: .*--resume mine"):
        rundir.create("demo", "", Path("mine"))
    assert sorted(path.name for path in Path().iterdir()) == ["mine"]
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


def test_a_second_writer_is_refused() -> None:
    with rundir.create("demo", "", None) as folder:
        code = f"from pathlib import Path; from pellucid import rundir; rundir.lock(Path({str(folder.path)!r}))"
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert f"runs/demo is being written by process {os.getpid()}. Wait for it, or stop it." in second.stderr
    with rundir.lock(folder.path):
        pass  # free again


@pytest.mark.parametrize(
    ("make", "message"), [(False, "there is no such run folder"), (True, "is not a run folder: it has no")]
)
def test_what_is_no_run_folder_is_said(make: bool, message: str) -> None:
    if make:
        Path("elsewhere").mkdir()
    with pytest.raises(RunError, match=message):
        rundir.check(Path("elsewhere"))


def test_lines_are_cut_back() -> None:
    with rundir.create("demo", "", None) as folder:
        folder.append("metrics.jsonl", [{"step": step} for step in range(5)])
        with (folder / "metrics.jsonl").open("a") as file:
            file.write('{"step": 5, "lo')  # torn by a kill
        assert len(rundir.read_lines(folder / "metrics.jsonl")) == 5
        folder.keep_lines("metrics.jsonl", 3)
        assert [line["step"] for line in rundir.read_lines(folder / "metrics.jsonl")] == [0, 1, 2]


def test_not_a_number_is_not_json() -> None:
    with rundir.create("demo", "", None) as folder:
        with pytest.raises(ValueError, match="not JSON compliant"):
            folder.write_json("result.json", {"loss": float("nan")})
        assert not (folder / "result.json").exists()


def test_a_damaged_file_is_named() -> None:
    Path("split.json").write_text('{"kind": ')
    with pytest.raises(RunError, match=r"split.json cannot be read: it is damaged"):
        rundir.read_json(Path("split.json"))
    Path("split.json").write_text("[]")
    with pytest.raises(RunError, match=r"split.json cannot be read: it is damaged \(there is no 'hash' in it\)"):
        rundir.read_json(Path("split.json"), "hash")
    Path("looks.jsonl").write_text('{"at": 1}\nnonsense\n{"at": 2}\n')
    with pytest.raises(RunError, match=r"looks.jsonl cannot be read: it is damaged"):
        rundir.read_lines(Path("looks.jsonl"))


def test_an_old_file_stays_when_a_new_one_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("weights.bin")
    rundir.write_atomically(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        rundir.DiskFull, match=r"The disk is full: weights.bin could not be written .* Make room, then resume."
    ):
        rundir.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in Path().iterdir()] == ["weights.bin"]


def test_environment_is_json_without_torch() -> None:
    code = "import sys; from pellucid import rundir; rundir.environment(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert json.loads(json.dumps(rundir.environment()))["torch"].startswith("2.")
