"""Baselines: what scikit-learn gives when asked directly, answered once per question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from pellucid.data import world as data
from pellucid.data.columns import Columns
from pellucid.data.rows import Rows
from pellucid.evaluation import baselines
from pellucid.recipe import parse
from pellucid.spec import Field
from pellucid.tasks import baselines as of_rows
from pellucid.tasks import build, trees
from tests.data.worlds import blobs, classes, numbers, open_world


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def raw(world: Rows, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The users' own arrays, standardised by scikit-learn."""
    values, rows = world.columns.values, world.split.parts
    scaler = StandardScaler().fit(values["input"][rows["train"]])
    return scaler.transform(values["input"][rows[part]]), values["target"][rows[part]]


def ask(world: Rows, name: str = "classify", part: str = "validation") -> dict[str, dict[str, Any]]:
    return baselines.describe(baselines.run(build({"name": name}, world.spec), {"name": name}, world, part), 200, None)


def values_of(world: Rows, name: str = "classify", part: str = "validation") -> dict[str, dict[str, float]]:
    found = ask(world, name, part)
    return {row: {metric: score["value"] for metric, score in scores.items()} for row, scores in found.items()}


def test_classifiers_are_scikit_learns() -> None:
    world = open_world(blobs(300))
    (X, y), (new, truth) = raw(world, "train"), raw(world, "validation")
    found = values_of(world)
    assert list(found) == ["majority", "linear", "k_nearest", "boosted_trees"]
    prior = DummyClassifier(strategy="prior").fit(X, y)
    linear = LogisticRegression(C=1.0).fit(X, y)
    nearest = KNeighborsClassifier(5).fit(X, y)
    for name, model in (("majority", prior), ("linear", linear)):
        assert found[name]["accuracy"] == pytest.approx(metrics.accuracy_score(truth, model.predict(new)))
        assert found[name]["log_loss"] == pytest.approx(metrics.log_loss(truth, model.predict_proba(new)), rel=1e-3)
    assert found["k_nearest"]["accuracy"] == pytest.approx(metrics.accuracy_score(truth, nearest.predict(new)))
    shares = (nearest.predict_proba(new) * 5 + 1 / 3) / 6  # one vote more, shared by all classes
    assert found["k_nearest"]["log_loss"] == pytest.approx(metrics.log_loss(truth, shares))
    boosted = HistGradientBoostingClassifier(random_state=0).fit(X, y)  # to a tree standardised numbers are as good
    told = {
        "accuracy": metrics.accuracy_score(truth, boosted.predict(new)),
        "log_loss": metrics.log_loss(truth, boosted.predict_proba(new)),
        "auc": metrics.roc_auc_score(truth, boosted.predict_proba(new), multi_class="ovr"),
    }
    assert {name: found["boosted_trees"][name] for name in told} == pytest.approx(told, rel=1e-3)


@pytest.mark.parametrize("num_targets", [1, 2])
@pytest.mark.parametrize("standardize", [True, False])
def test_regressors_are_scikit_learns_in_the_users_units(num_targets: int, standardize: bool) -> None:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(150, 4))
    targets = inputs @ random.normal(size=(4, num_targets)) * 10 + 40 + random.normal(size=(150, num_targets))
    sections: dict[str, Any] = {"task": {"name": "regress"}, "prepare": {"standardize": standardize}}
    world = open_world(numbers(targets, inputs), **sections)
    (X, y), (new, truth) = raw(world, "train"), raw(world, "validation")
    if not standardize:
        values, rows = world.columns.values["input"], world.split.parts
        X, new = values[rows["train"]], values[rows["validation"]]
    found = values_of(world, "regress")
    mean, std = (y.mean(axis=0), y.std(axis=0)) if standardize else (0, 1)
    boosted = HistGradientBoostingRegressor(random_state=0)
    for name, predicted in (
        ("mean", np.tile(y.mean(axis=0), (len(new), 1))),
        ("linear", Ridge(1.0).fit(X, (y - mean) / std).predict(new).reshape(truth.shape) * std + mean),
        ("k_nearest", KNeighborsRegressor(5).fit(X, y).predict(new)),
        ("boosted_trees", np.stack([boosted.fit(X, each).predict(new) for each in y.T], axis=1)),
    ):
        assert found[name]["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, predicted), rel=1e-4)
        assert found[name]["mae"] == pytest.approx(metrics.mean_absolute_error(truth, predicted), rel=1e-4)
        assert found[name]["r2"] == pytest.approx(metrics.r2_score(truth, predicted), rel=1e-3, abs=1e-4)


def test_every_score_has_an_interval_and_says_on_how_many_rows_it_was_fitted() -> None:
    world = open_world(blobs(100))
    world.seal.open()
    found = ask(world, part="test")
    for scores in found.values():
        for score in scores.values():
            assert score["low"] <= score["value"] <= score["high"]
            assert (score["n"], score["fitted_on"]) == (15, 70)


def test_too_much_work_is_done_on_a_sample_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_rows, "MAX_LINEAR", 4 * 110)
    monkeypatch.setattr(of_rows, "MAX_NEIGHBOUR", 1)
    monkeypatch.setattr(of_rows, "MAX_TREES", 4 * 3 * 100 * 120)  # features, classes, rounds, rows
    world = open_world(blobs(400))
    found = ask(world)
    fitted = {name: scores["accuracy"]["fitted_on"] for name, scores in found.items()}
    assert fitted == {"majority": 280, "linear": 110, "k_nearest": 100, "boosted_trees": 120}
    assert found["linear"]["accuracy"]["value"] > found["majority"]["accuracy"]["value"]


def test_rows_that_nothing_is_fitted_on_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training part of a folder of photographs is far larger than memory."""
    monkeypatch.setattr(of_rows, "MAX_LINEAR", 4 * 110)
    monkeypatch.setattr(of_rows, "MAX_NEIGHBOUR", 1)
    taken: list[int] = []
    take = Rows.take

    def counted(world: Rows, rows: Any, augmented: Any = None) -> Any:
        taken.append(len(rows))
        return take(world, rows, augmented)

    world = open_world(blobs(1000))
    monkeypatch.setattr(Rows, "take", counted)
    values_of(world)
    assert sorted(taken) == [100, 110, 150]


def test_a_sample_has_rows_of_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_rows, "MAX_LINEAR", 4 * 100)
    inputs = np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)
    labels = np.zeros(2000, np.int64)
    labels[:4] = 1  # of 100 rows drawn from 1,400, most likely none
    found = ask(open_world(classes(labels, inputs)))
    assert found["linear"]["accuracy"]["fitted_on"] == 101


def test_the_same_question_is_answered_once(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answer = of_rows.fit_and_judge

    def counted(task: Any, world: Rows, part: str) -> Any:
        asked.append(part)
        return answer(task, world, part)

    monkeypatch.setattr(of_rows, "fit_and_judge", counted)
    first = values_of(open_world(blobs(100)))
    assert values_of(open_world(blobs(100))) == first
    assert asked == ["validation"]
    unsealed = open_world(blobs(100))
    unsealed.seal.open()
    values_of(unsealed, part="test")
    values_of(open_world(blobs(100, seed=1)))  # other data
    values_of(open_world(blobs(100), split={"seed": 1}))  # other rows
    values_of(open_world(blobs(100), prepare={"standardize": False}))  # other steps
    assert len(asked) == 5
    files = list((own_cache / "pellucid" / "baselines").iterdir())
    assert len(files) == 2 * 5
    for file in files:
        file.write_text("{ cut short")
    assert values_of(open_world(blobs(100))) == first  # a damaged answer is made again
    assert len(asked) == 6


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "file"))
    assert "linear" in values_of(open_world(blobs(60)))


def test_trees_are_given_a_table_as_it_is(tmp_path: Path) -> None:
    """Categories as categories, missing values as missing; what was fitted on training rows is only the trees."""
    random = np.random.default_rng(0)
    a, colour = random.normal(size=300), random.choice(["red", "green", "blue"], 300)
    y = np.where(np.isin(colour, ["red", "blue"]) ^ (a > 0), "yes", "no")
    missing = random.random(300) < 0.1
    lines = [f"{'' if none else x},{c},{t}" for x, none, c, t in zip(a, missing, colour, y, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,colour,y", *lines]))
    made = parse(
        {
            "name": "table",
            "data": {"source": str(tmp_path / "t.csv"), "target": "y"},
            "model": {"name": "tabular"},
            "task": {"name": "classify"},
            "train": {"epochs": 1, "batch_size": 8},
        }
    )
    world = data.open(made)
    assert isinstance(world, Rows)
    train, held_out = (world.split.parts[part] for part in ("train", "validation"))
    codes = np.unique(colour, return_inverse=True)[1]
    X = np.stack([np.where(missing, np.nan, a.astype(np.float32)), codes], axis=1)
    boosted = HistGradientBoostingClassifier(categorical_features=[1], random_state=0).fit(X[train], y[train])
    found = values_of(world)["boosted_trees"]
    assert found["accuracy"] == metrics.accuracy_score(y[held_out], boosted.predict(X[held_out]))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y[held_out], boosted.predict_proba(X[held_out])))
    assert found["accuracy"] > 0.85
    assert found["accuracy"] > values_of(world)["linear"]["accuracy"] + 0.1


def test_trees_grow_fewer_where_they_cost_more() -> None:
    assert trees.rounds(10, 1) == trees.rounds(10, 6) == 100
    assert trees.rounds(10, 20) == 30
    assert trees.rounds(2000, 1) == 50
    assert trees.rounds(50_000, 1000) == 10
    assert (trees.outputs_of(2), trees.outputs_of(3)) == (1, 3)


def test_what_is_not_a_table_has_no_trees() -> None:
    images = np.random.default_rng(0).random((60, 1, 4, 4)).astype(np.float32)
    labels = np.arange(60) % 3
    schema = {"input": Field("image", (1, 4, 4)), "target": Field("category", categories=("a", "b", "c"))}
    columns = Columns({"input": images, "target": labels}, schema)
    assert list(values_of(open_world(columns))) == ["majority", "linear", "k_nearest"]


def test_beside_a_quantile_stand_quantiles() -> None:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(400, 2))
    y = (inputs[:, :1] + random.exponential(size=(400, 1))) * 10
    section = {"name": "regress", "loss": "pinball", "quantile": 0.9}
    world = open_world(numbers(y, inputs), task=section)
    found = baselines.run(build(section, world.spec), section, world, "validation")
    assert list(found) == ["quantile", "linear", "k_nearest", "boosted_trees"]
    (X, y), (new, truth) = raw(world, "train"), raw(world, "validation")
    linear = Ridge(1.0).fit(X, y[:, 0])
    nearest = KNeighborsRegressor(5).fit(X, y).kneighbors(new, return_distance=False)
    boosted = HistGradientBoostingRegressor(loss="quantile", quantile=0.9, random_state=0).fit(X, y[:, 0])
    for name, predicted in (
        ("quantile", np.full(truth.shape, np.quantile(y, 0.9))),
        ("linear", linear.predict(new) + np.quantile(y[:, 0] - linear.predict(X), 0.9)),
        ("k_nearest", np.quantile(y[nearest], 0.9, axis=1)),
        ("boosted_trees", boosted.predict(new)[:, None]),
    ):
        expected = metrics.mean_pinball_loss(truth, predicted.reshape(truth.shape), alpha=0.9)
        assert found[name][0]["pinball"].value == pytest.approx(expected, rel=1e-3)
