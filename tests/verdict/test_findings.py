"""What each finding says of a recording made by hand, how often chance alone is found ill, and what is never raised."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

from pellucid.evaluation.calibration import log_loss
from pellucid.tasks.certainty import tempered
from pellucid.verdict import VERDICTS, judge, of_folds, of_seeds
from pellucid.verdict.calibration import poorly_calibrated
from pellucid.verdict.leaks import suspiciously_good
from pellucid.verdict.overfitting import overfits
from pellucid.verdict.record import POINT_ROWS, Record, Told
from pellucid.verdict.underfitting import underfits
from tests.verdict.made import RECIPE, record, score


def test_a_made_record_fits() -> None:
    (found,) = judge(record())
    assert found.kind == "fits"
    assert found.evidence == {"validation": 0.85, "train": 0.87}
    assert found.next == "pellucid evaluate runs/made --split test"


def test_the_turn_is_told_with_its_epoch_and_what_was_kept() -> None:
    losses = [0.6, 0.5, 0.4, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8]
    (found,) = judge(record(losses, list(np.linspace(0.6, 0.05, 10))))
    assert found.kind == "overfits"
    assert found.evidence["step"] == 40
    assert (found.evidence["best"], found.evidence["end"]) == (0.35, 0.8)
    assert "best at epoch 4 (0.35) and ended at 0.8" in found.message
    assert "The weights kept are those of epoch 4, the best by accuracy." in found.message
    assert "model.dropout=0.3" in shlex.split(found.next)


def test_a_rise_within_the_noise_is_none() -> None:
    losses = [0.6, 0.5, 0.4, 0.35, 0.35, 0.36, 0.37, 0.37, 0.38, 0.384]
    training = list(np.linspace(0.6, 0.05, 10))
    assert overfits(record(losses, training)) is None
    assert overfits(record([*losses[:-1], 0.386], training)) is not None


def test_a_rise_of_validation_while_training_rises_too_is_no_overfitting() -> None:
    losses = [0.6, 0.5, 0.4, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8]
    assert overfits(record(losses, losses)) is None


def test_knowing_the_training_rows_and_nothing_else_is_learned_by_heart() -> None:
    made = record()
    result = {**made.result, "metrics": {"accuracy": score(0.51, 0.05), "log_loss": score(0.3, 0.05)}}
    (found,) = judge(replace(made, result=result))
    assert found.kind == "overfits"
    assert "learned by heart" in found.message
    fitted = {"metrics": {"accuracy": score(0.51, 0.02)}, "units": {}}
    (found,) = judge(replace(made, result={**result, "baselines": _without_linear(result)}, fitted=fitted))
    assert found.kind == "underfits"
    assert "not shown to know more than a constant does" in found.message


def _without_linear(result: dict[str, Any]) -> dict[str, Any]:
    return {name: scores for name, scores in result["baselines"].items() if name != "linear"}


def test_a_run_stopped_while_it_fell_is_told_to_go_on() -> None:
    losses = list(np.linspace(0.69, 0.4, 10))
    found = underfits(record(losses, losses))
    assert found is not None
    assert "trained too briefly" in found.message
    assert shlex.split(found.next) == [
        "pellucid", "train", "runs/made/recipe.toml", "train.epochs=30", "--out", "runs/made-longer",
    ]  # fmt: skip


def test_points_of_the_training_curve_hold_enough_rows() -> None:
    made = record()
    assert len(made.training_losses) == 10  # lines of ten steps of 64 rows
    one_by_one = {**RECIPE, "train": {**RECIPE["train"], "batch_size": 8}}
    few = replace(made, recipe=one_by_one)
    assert POINT_ROWS == 512
    assert len(few.training_losses) == 1
    assert few.training_losses[0] == pytest.approx(np.mean([line["loss"] for line in made.trained[:7]]))


def _predictions(rows: int, temperature: float, seed: int) -> tuple[Any, Any]:
    """Log-probabilities of three classes, `temperature` times too flat, and targets drawn from the true ones."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (rows, 3))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = (true.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    stated = logits / temperature
    return stated - np.log(np.exp(stated).sum(axis=1, keepdims=True)), targets


def test_a_temperature_is_found_again() -> None:
    for temperature in (0.4, 2.5):
        logits, targets = _predictions(2000, temperature, 0)
        found = poorly_calibrated(record(log_probability=logits, targets=targets))
        assert found is not None
        by_scipy = minimize_scalar(
            lambda t, x=logits, y=targets: log_loss(tempered(x, t), y).mean(), bounds=(0.1, 10), method="bounded"
        )
        assert found.evidence["temperature"] == pytest.approx(by_scipy.x, rel=1e-3)
        assert found.evidence["temperature"] == pytest.approx(1 / temperature, rel=0.1)
        assert ("too sure" in found.message) == (temperature < 1)


def test_the_truth_is_seldom_found_poorly_calibrated() -> None:
    found = 0
    for seed in range(200):
        rows = (60, 150, 500)[seed % 3]
        logits, targets = _predictions(rows, 1.0, seed)
        found += poorly_calibrated(record(log_probability=logits, targets=targets)) is not None
    assert found <= 2


def test_rows_of_one_group_are_judged_as_if_each_were_alone() -> None:
    for seed in range(20):
        logits, targets = _predictions(60, 0.75, seed)
        made = record(log_probability=logits, targets=targets)
        assert poorly_calibrated(replace(made, clusters=np.full(60, 3))) == poorly_calibrated(made)


def _results(values: Any, halves: Any) -> list[dict[str, Any]]:
    return [
        {"primary": "accuracy", "metrics": {"accuracy": score(float(v), float(h))}}
        for v, h in zip(values, np.broadcast_to(halves, np.shape(values)), strict=True)
    ]


def test_seeds_that_disagree_are_unstable_and_folds_by_cochrans_q() -> None:
    values, half = np.array([0.9, 0.62, 0.85, 0.4, 0.91]), 0.04
    (found,) = of_seeds(_results(values, half), RECIPE, "s/seed-0", "s")
    assert found.kind == "unstable"
    assert found.evidence["deviation"] == pytest.approx(values.std(ddof=1))
    words = shlex.split(found.next)
    assert words[2] == "s/seed-0/recipe.toml"
    assert words[-4:] == ["--seeds", "5", "--out", "s-steadier"]
    (found,) = of_folds(_results(values, half), RECIPE, "s")
    q = float((((values - values.mean()) / (half / 1.959964)) ** 2).sum())
    assert found.evidence["q"] == pytest.approx(q, rel=1e-6)
    assert found.evidence["p"] == pytest.approx(float(chi2.sf(q, 4)), rel=1e-6)
    assert found.next == "pellucid crossval s/recipe.toml --folds 5 --seeds 3 --out s-seeds"


def test_seeds_and_folds_that_agree_are_seldom_unstable() -> None:
    random = np.random.default_rng(0)
    error, of_each = 0.02, {"seeds": 0, "folds": 0}
    for _ in range(500):
        # Folds differ by their rows. Seeds are judged by the same rows, and differ by half as much.
        of_each["folds"] += bool(of_folds(_results(random.normal(0.8, error, 5), 1.96 * error), RECIPE, "f"))
        of_each["seeds"] += bool(of_seeds(_results(random.normal(0.8, error / 2, 3), 1.96 * error), RECIPE, "s", "s"))
    assert of_each["folds"] <= 0.02 * 500
    assert of_each["seeds"] <= 0.02 * 500


def test_copies_are_told_from_rows_that_are_alike_by_chance() -> None:
    random = np.random.default_rng(0)
    fine, coarse = random.normal(size=(500, 6)), random.integers(0, 2, (500, 6)).astype(np.float32)
    y = random.integers(0, 2, 500)
    for X, is_copied in ((fine, False), (coarse, False), (fine[np.arange(500) % 450], True)):
        told = Told(X[:400], y[:400], X[400:], y[400:])
        found = suspiciously_good(record(told=told))
        assert (found is not None) == is_copied
    named = Told(np.c_[fine[:400], y[:400]], y[:400], np.c_[fine[400:], y[400:]], y[400:], [*"abcdef", "told"])
    found = suspiciously_good(record(told=named))
    assert found is not None
    assert "the feature told alone" in found.message
    assert "data.types.told=ignore" in shlex.split(found.next)


ODD: dict[str, Callable[[Record], Record]] = {
    "no lines": lambda made: replace(made, lines=[]),
    "one line of each": lambda made: replace(made, lines=made.lines[:2]),
    "a loss that was not finite": lambda made: replace(
        made,
        lines=[
            {**line, "loss": None, "gradient_norm": None} if line["kind"] == "train" else line for line in made.lines
        ],
    ),
    "no instruments": lambda made: replace(
        made,
        lines=[{k: v for k, v in line.items() if k not in ("gradient_norms", "update_ratios")} for line in made.lines],
    ),
    "instruments that were not finite": lambda made: replace(
        made,
        lines=[
            {**line, "gradient_norms": [None] * 4, "update_ratios": [None, 1.0, None, 1.0]}
            if line["kind"] == "train"
            else line
            for line in made.lines
        ],
    ),
    "instruments of another model": lambda made: replace(made, parameter_names=["weight"]),
    "nothing of the training rows": lambda made: replace(made, fitted={}),
    "no baselines": lambda made: replace(made, result={**made.result, "baselines": {}}),
    "no interval": lambda made: replace(
        made, result={**made.result, "metrics": {"accuracy": {"value": 0.8, "low": None, "high": None, "n": 1}}}
    ),
    "another score alone": lambda made: replace(
        made,
        lines=[{**line, "metrics": {"mean_return": 3.0}} for line in made.lines],
        result={
            "primary": "mean_return",
            "directions": {"mean_return": "max"},
            "metrics": {"mean_return": score(3, 1)},
        },
    ),
    "a rule without optimizer": lambda made: replace(made, recipe={**made.recipe, "rule": {"name": "hebb"}}),
    "no epochs": lambda made: replace(
        made,
        recipe={**made.recipe, "train": {"steps": 100, "batch_size": "all", "epochs": None}},
        lines=[{**line, "epoch": None} for line in made.lines],
    ),
    "a loss of zero": lambda made: replace(
        made, result={**made.result, "metrics": {"accuracy": score(1, 0), "log_loss": score(0, 0)}}
    ),
    "one validation row": lambda made: replace(made, log_probability=np.log([[0.5, 0.5]]), targets=np.array([0])),
    "one row of each part": lambda made: replace(
        made, told=Told(np.ones((1, 3)), np.ones(1), np.ones((1, 3)), np.ones(1))
    ),
    "missing values": lambda made: replace(
        made, told=Told(np.full((50, 3), np.nan), np.ones(50), np.full((50, 3), np.nan), np.arange(50.0))
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_recording_is_judged_without_an_error(name: str) -> None:
    made = ODD[name](record())
    for look in VERDICTS.values():
        look(made)
    assert judge(made)


def test_nothing_is_said_where_nothing_was_validated() -> None:
    assert judge(record(result={"metrics": {}})) == []
