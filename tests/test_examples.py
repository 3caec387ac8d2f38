"""The examples run, and reach what they say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str) -> float:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return float(module.main())


def test_own_arrays() -> None:
    assert run("01_own_arrays") >= 0.9


def test_own_network() -> None:
    assert run("02_own_network") >= 0.95


def test_recipes() -> None:
    assert run("03_recipes") < 0.5


def test_own_text() -> None:
    assert run("04_own_text") < 2.2


def test_energy() -> None:
    assert run("05_energy") > 4  # nats above pixels on their own


def test_adversarial() -> None:
    assert run("06_adversarial") < 0.6  # of the distance of pixels on their own


def test_control() -> None:
    pytest.importorskip("gymnasium")
    assert run("07_control") > 3  # times the return of random actions


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60


def test_own_table() -> None:
    assert run("08_own_table") >= 0.9


def test_leaks() -> None:
    assert run("09_leaks") > 0.4  # of R2, more than an honest split is off


def test_honest() -> None:
    assert run("10_honest") > 5  # of RMSE, surely better than the mean
