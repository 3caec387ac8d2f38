"""Nothing that chooses may see the test part: opening the seal raises here, and every row that is gathered is noted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import make_classification

import pellucid
from pellucid.data.rows import Rows
from pellucid.data.seal import Seal

SHORT = {"train.epochs": 3, "train.patience": 2, "train.batch_size": 256, "execution.threads": 1}


class Opened(AssertionError):
    """Someone opened the seal who may not."""


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[int]]:
    """The rows that were gathered of any world, while nobody may open the seal."""
    rows: set[int] = set()
    take, raw = Rows.take, Rows.raw

    def taken(world: Rows, wanted: torch.Tensor, *more: Any) -> Any:
        rows.update(wanted.tolist())
        return take(world, wanted, *more)

    def looked_at(world: Rows, wanted: NDArray[np.int64]) -> Any:
        rows.update(wanted.tolist())
        return raw(world, wanted)

    def refuse(seal: Seal) -> None:
        raise Opened

    monkeypatch.setattr(Rows, "take", taken)
    monkeypatch.setattr(Rows, "raw", looked_at)
    monkeypatch.setattr(Seal, "open", refuse)
    yield rows
    assert not Path(".pellucid").exists()  # no look was written down


def sealed_rows(run: Path) -> set[int]:
    rows: list[int] = json.loads((run / "split.json").read_text())["rows"]["test"]
    return set(rows)


def test_training_with_patience_sees_no_test_row(gathered: set[int]) -> None:
    run = pellucid.train("digits-mlp", SHORT, quiet=True)
    assert len(sealed_rows(run.folder)) == 359
    assert gathered
    assert not gathered & sealed_rows(run.folder)


def test_seeds_see_no_test_row(gathered: set[int]) -> None:
    runs = pellucid.train("digits-mlp", SHORT, seeds=2, quiet=True)
    assert gathered
    assert not gathered & sealed_rows(runs.folder / "seed-0")


def test_choosing_by_cost_on_validation_sees_no_test_row(gathered: set[int]) -> None:
    run = pellucid.train("digits-mlp", SHORT, quiet=True)
    gathered.clear()
    run.evaluate(costs=["1:7=5"])
    assert gathered
    assert not gathered & sealed_rows(run.folder)


def test_comparing_sees_no_test_row(gathered: set[int]) -> None:
    runs = [pellucid.train(name, {"train.epochs": 2}, quiet=True) for name in ("digits-mlp", "digits-perceptron")]
    gathered.clear()
    pellucid.compare(*runs)
    pellucid.compare(runs[0])
    assert not gathered  # nor any other: all that is compared was kept
    with pytest.raises(pellucid.PellucidError, match="compare opens no seal"):
        pellucid.compare(*runs, split="test")


def test_a_size_curve_sees_no_test_row(gathered: set[int]) -> None:
    curve = pellucid.curve("digits-mlp", SHORT, sizes=[100, 300], draws=2, quiet=True)
    sealed = [sealed_rows(run.folder) for run in curve.runs]
    assert len(sealed[0]) == 359
    assert all(rows == sealed[0] for rows in sealed)
    assert gathered
    assert not gathered & sealed[0]


def test_folds_see_no_row_that_their_recipe_seals(gathered: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A fold's world has a seal for its fold, opened after the last choice; the recipe's test rows are in no world."""
    parts: list[dict[str, set[int]]] = []
    made = Rows.__init__

    def noted(world: Rows, *given: Any) -> None:
        made(world, *given)
        parts.append({part: set(rows.tolist()) for part, rows in world.split.parts.items()})

    monkeypatch.setattr(Rows, "__init__", noted)
    sealed = sealed_rows(pellucid.train("digits-mlp", SHORT, quiet=True).folder)
    gathered.clear()
    parts.clear()
    opened: list[set[int]] = []

    def open_after_choosing(seal: Seal) -> None:
        opened.append(set(gathered))
        gathered.clear()
        seal._closed = False

    monkeypatch.setattr(Seal, "open", open_after_choosing)
    folds = pellucid.crossval("digits-mlp", SHORT, folds=2, stack=False, quiet=True)
    assert len(opened) == 2
    assert parts
    assert not any(rows & sealed for each in parts for rows in each.values())
    assert not set.union(gathered, *opened) & sealed
    first, second = (sealed_rows(folds.folder / f"fold-{number}") for number in (1, 2))
    assert first | second | sealed == set(range(1797))
    assert not opened[0] & first  # the fold is gathered after its seal is opened, and not before


def test_the_seal_of_this_file_would_be_missed(gathered: set[int]) -> None:
    run = pellucid.train("digits-mlp", SHORT, quiet=True)
    with pytest.raises(Opened):
        run.evaluate("test")
    Path(".pellucid/looks.jsonl").unlink()
    Path(".pellucid").rmdir()


def test_whatever_stands_in_the_test_rows_the_weights_and_the_scores_are_the_same() -> None:
    X, y = make_classification(200, 6, random_state=0)
    runs = [pellucid.fit(X, y, epochs=3, out="first", quiet=True)]
    garbled = np.array(X)
    garbled[sorted(sealed_rows(Path("first")))] = 1e6
    runs.append(pellucid.fit(garbled, y, epochs=3, out="second", quiet=True))
    assert sealed_rows(Path("second")) == sealed_rows(Path("first"))
    first, second = ((run.folder / "artefact/model.safetensors").read_bytes() for run in runs)
    assert first == second
    results = [json.loads((run.folder / "results/validation.json").read_text()) for run in runs]
    for name in ("metrics", "baselines", "verdict"):
        assert results[0][name] == json.loads(json.dumps(results[1][name]).replace("second", "first"))
    folds = [
        pellucid.crossval("digits-mlp", {"train.epochs": 2}, data=(data, y), folds=2, quiet=True, out=f"folds-{n}")
        for n, data in enumerate((X, garbled))
    ]
    for name in ("metrics", "baselines", "folds", "pooled"):
        assert folds[0].result[name] == folds[1].result[name]
