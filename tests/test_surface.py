"""What `import pellucid` shows, and what it must not cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pellucid


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh process has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_public_names() -> None:
    assert pellucid.__all__ == [
        "Artefact",
        "ArtefactError",
        "CrossValidation",
        "Curve",
        "DataError",
        "LeakError",
        "PellucidError",
        "Recipe",
        "RecipeError",
        "Run",
        "RunError",
        "Runs",
        "ShapeError",
        "TrainingFailed",
        "check",
        "compare",
        "copy",
        "crossval",
        "curve",
        "evaluate",
        "fit",
        "load",
        "ls",
        "predict",
        "propose",
        "replay",
        "resume",
        "resume_crossval",
        "show",
        "train",
    ]
    for name in pellucid.__all__:
        assert getattr(pellucid, name).__doc__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        pellucid.trian  # noqa: B018


def test_import_loads_nothing() -> None:
    assert not {"torch", "numpy", "pydantic", "sklearn"} & loaded_by("import pellucid")


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"], ["ls"], ["ls", "models"]])
def test_help_and_ls_load_no_torch(arguments: list[str]) -> None:
    code = f"""
from pellucid.cli.app import main
try:
    main({arguments!r})
except SystemExit as end:
    assert end.code == 0
"""
    assert not {"torch", "sklearn", "matplotlib", "polars"} & loaded_by(code)


def test_training_without_a_report_loads_no_slow_library() -> None:
    code = """
import numpy as np, pellucid
X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
pellucid.fit(X, X[:, 0] > 0, epochs=1, report=False, quiet=True, settings={"evaluate.baselines": False})
"""
    assert not {"sklearn", "matplotlib", "torch._dynamo", "torchmetrics"} & loaded_by(code)
