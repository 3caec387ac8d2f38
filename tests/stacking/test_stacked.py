"""Stacked or one after another: the same losses, the same early stops, the same predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid import stacking
from pellucid.execution import Execution
from tests.stacking.members import alone, classes, folder, members

CASES: dict[str, dict[str, Any]] = {
    "dropout, Adam, patience": {"model.dropout": 0.3, "train.patience": 2, "rule.optimizer.learning_rate": 0.02},
    "batch norm, AdamW": {
        "model.norm": "batch",
        "rule.optimizer.name": "adamw",
        "rule.optimizer.weight_decay": 0.1,
    },
    "momentum, decay, clipping, recorded": {
        "rule.optimizer.name": "sgd",
        "rule.optimizer.learning_rate": 0.05,
        "rule.optimizer.weight_decay": 0.01,
        "rule.clip": 0.5,
        "execution.variant": "captured",
    },
    "batch norm and dropout, recorded": {
        "model.norm": "batch",
        "model.dropout": 0.2,
        "execution.variant": "captured",
    },
    "moving average, one-cycle, last weights, patience": {
        "rule.ema": 0.9,
        "rule.schedule.name": "one_cycle",
        "train.keep": "last",
        "train.patience": 2,
        "train.evaluate_every": 5,
        "rule.optimizer.learning_rate": 0.03,
    },
    "balanced classes, all rows at once": {
        "task.class_weights": "balanced",
        "train.batch_size": "all",
        "train.epochs": 60,
    },
}


@pytest.mark.parametrize("case", CASES)
def test_stacked_and_one_after_another_are_the_same(case: str, tmp_path: Path) -> None:
    some, execution = members(CASES[case])
    expected = [alone(member, execution, tmp_path / member.name) for member in some]
    some, execution = members(CASES[case])
    sizes = {len(member.parts.source._rows) for member in some}  # type: ignore[attr-defined]
    assert len(sizes) == 2, "folds of unequal size"
    (group,) = stacking.group(some, execution)
    assert group.draws == ("dropout" in case)
    with folder(tmp_path / "together", some[0].recipe) as run:
        found = stacking.fit(group, execution, run, quiet=True)
    _same(some, expected, found, execution)
    if "patience" in case:
        assert len({own.account["steps"] for own in found}) > 1, "they stop at different steps"


OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "a convolutional net": (
        "digits",
        {
            "model.name": "convnet",
            "model.norm": "batch",
            "model.dropout": 0.3,
            "model.widths": [4, 8],
            "train.epochs": 2,
        },
    ),
    "numbers": ("diabetes", {"model.norm": "batch", "model.activation": "tanh", "split.test": 0.3}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_nets_and_tasks_are_the_same_too(case: str, tmp_path: Path) -> None:
    name, settings = OTHERS[case]
    some, execution = members(settings, name=name)
    expected = [alone(member, execution, tmp_path / member.name) for member in some]
    some, execution = members(settings, name=name)
    (group,) = stacking.group(some, execution)
    with folder(tmp_path / "together", some[0].recipe) as run:
        found = stacking.fit(group, execution, run, quiet=True)
    _same(some, expected, found, execution)


def _same(
    members: list[stacking.Member],
    expected: list[stacking.Trained],
    found: list[stacking.Trained],
    execution: Execution,
) -> None:
    for member, one, own in zip(members, expected, found, strict=True):
        _same_lines(one.lines, own.lines)
        for key in ("steps", "best_step", "stopped_early"):
            assert own.account[key] == one.account[key], key
        assert own.weights.keys() == one.weights.keys()
        predicted = [classes(member, trained.weights, execution) for trained in (one, own)]
        close = torch.isclose(predicted[0].double(), predicted[1].double(), rtol=1e-3)
        assert close.double().mean() >= 0.99


def _same_lines(expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    assert [(line["kind"], line["step"]) for line in found] == [(line["kind"], line["step"]) for line in expected]
    for one, own in zip(expected, found, strict=True):
        assert own.keys() == one.keys()
        if one["kind"] == "train" and one["step"] <= 50:
            assert own["loss"] == pytest.approx(one["loss"], rel=1e-5, abs=1e-5)
            assert own["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-3, abs=1e-5)
            assert own["learning_rate"] == one["learning_rate"]
            assert own["gradient_norms"] != []
            assert len(own["update_ratios"]) == len(own["gradient_norms"])
