"""The ensemble of a fold's seeds is the average of their predictions on the disk, judged by other people's code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars
import pytest
from sklearn import metrics

import pellucid
from pellucid.evaluation.corrected import corrected
from pellucid.validation import page, tell
from tests.validation.test_crossval import crossval

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> pellucid.CrossValidation:
    settings = {"train.epochs": 1, "evaluate.baselines": False}
    return crossval(tmp_path_factory.mktemp("ensemble") / "out", seeds=3, settings=settings)


def averaged(folder: Path, fold: int, columns: list[str]) -> np.ndarray:
    tables = [polars.read_csv(folder / f"fold-{fold}-seed-{seed}/predictions/test.csv") for seed in SEEDS]
    return np.mean([table.select(columns).to_numpy() for table in tables], axis=0)


def truth(folder: Path, fold: int) -> np.ndarray:
    return polars.read_csv(folder / f"fold-{fold}-seed-0/predictions/test.csv")["target"].to_numpy()


def test_of_classes_the_mean_probability(classes: pellucid.CrossValidation) -> None:
    told = classes.result["ensemble"]
    found: dict[str, list[float]] = {"accuracy": [], "log_loss": [], "auc": [], "f1": []}
    for fold in (1, 2, 3):
        shares = averaged(classes.folder, fold, [f"p_{digit}" for digit in range(10)])
        shares /= shares.sum(axis=1, keepdims=True)
        target = truth(classes.folder, fold)
        found["accuracy"].append(metrics.accuracy_score(target, shares.argmax(axis=1)))
        found["log_loss"].append(metrics.log_loss(target, shares))
        found["auc"].append(metrics.roc_auc_score(target, shares, multi_class="ovr", average="macro"))
        found["f1"].append(metrics.f1_score(target, shares.argmax(axis=1), average="macro"))
    assert set(told) == set(classes.result["metrics"])
    for name, values in found.items():
        mean, low, high, _ = corrected(np.array(values), 1 / 2)
        assert told[name]["value"] == pytest.approx(mean, rel=1e-6)
        assert told[name]["spread"] == pytest.approx(np.std(values, ddof=1), rel=1e-3)
        assert (told[name]["low"], told[name]["high"]) == pytest.approx((low, min(high, 1.0)), rel=1e-2)
    singles = [fold["log_loss"] for fold in classes.result["folds"]]
    difference = told["log_loss"]["difference"]
    assert difference["value"] == pytest.approx(np.mean(found["log_loss"]) - np.mean(singles), rel=1e-4)
    assert difference["value"] < 0  # Jensen: the loss of a mean probability is below the mean loss


def test_of_numbers_their_mean(tmp_path: Path) -> None:
    found = crossval(tmp_path / "out", "diabetes-mlp", 2, seeds=3, settings={"train.epochs": 2})
    told, by_fold = found.result["ensemble"], []
    for fold in (1, 2):
        predicted = averaged(found.folder, fold, ["prediction"])[:, 0]
        by_fold.append(metrics.root_mean_squared_error(truth(found.folder, fold), predicted))
    assert told["rmse"]["value"] == pytest.approx(np.mean(by_fold), rel=1e-6)
    assert told["rmse"]["value"] <= found.metrics["rmse"]
    assert {"rmse", "mae", "r2"} == set(told)


def test_it_is_said_shown_and_drawn(classes: pellucid.CrossValidation) -> None:
    told = classes.result
    assert "ensemble of 3" in tell.rows(told)[0]
    (said,) = (each for each in tell.sentences(told) if each.startswith("Together, as an ensemble, the 3 nets"))
    shown = told["ensemble"]["accuracy"]["difference"]["p"] < 0.05
    assert ("not shown to be" in said) is not shown
    assert "an ensemble of 3" in page.page(told, classes.folder)


def test_of_one_seed_there_is_none(tmp_path: Path) -> None:
    found = crossval(tmp_path / "out", "diabetes-mlp", 2, settings={"train.epochs": 1, "evaluate.baselines": False})
    assert "ensemble" not in found.result
    assert not any("ensemble" in cell for cell in tell.rows(found.result)[0])


def test_no_interval_holds_what_cannot_be(tmp_path: Path) -> None:
    """Two folds, one of which is far better, have a t of one degree of freedom: 12.7 deviations either way."""
    found = crossval(tmp_path / "out", "diabetes-mlp", 2, settings={"train.epochs": 1}, seeds=2).result
    for entrant in (found["metrics"], found["ensemble"], *found["baselines"].values()):
        assert entrant["rmse"]["low"] >= 0
        assert entrant["mae"]["low"] >= 0
        assert entrant["r2"]["high"] <= 1
    assert found["metrics"]["r2"]["low"] < found["metrics"]["r2"]["value"] < found["metrics"]["r2"]["high"]
