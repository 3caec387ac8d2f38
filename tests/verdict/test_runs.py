"""No illness is missed, and none is found where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

import pellucid
from pellucid.size_curve import summary
from pellucid.verdict import VERDICTS, of_curve
from tests.verdict.cases import HEALTHY, ILL, STEADY, UNSTABLE


def kinds(result: dict[str, object]) -> list[str]:
    found = result["verdict"]
    assert isinstance(found, list)
    for finding in found:
        assert finding["message"]
        assert finding["next"]
        assert all(isinstance(number, float) for number in finding["evidence"].values())
    return [finding["kind"] for finding in found]


def test_every_illness_of_one_run_has_three_runs_at_least() -> None:
    assert set(ILL) == set(VERDICTS)
    assert all(len(cases) >= 3 for cases in ILL.values())
    assert len(HEALTHY) >= 10


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, cases in ILL.items() for name in cases])
def test_an_illness_is_found(kind: str, name: str, tmp_path: Path) -> None:
    assert kind in kinds(ILL[kind][name].train(tmp_path / "run").result())


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_fits(name: str, tmp_path: Path) -> None:
    result = HEALTHY[name].train(tmp_path / "run").result()
    assert kinds(result) == ["fits"], result["verdict"]


@pytest.mark.parametrize(("name", "is_unstable"), [*((n, True) for n in UNSTABLE), *((n, False) for n in STEADY)])
def test_seeds_that_disagree_are_found_and_those_that_agree_are_not(
    name: str, is_unstable: bool, tmp_path: Path
) -> None:
    recipe, settings = (UNSTABLE if is_unstable else STEADY)[name]
    settings = {**settings, "evaluate.baselines": False, "execution.threads": 1}
    runs = pellucid.train(recipe, settings, out=tmp_path / "runs", seeds=4, report=False, quiet=True)
    assert ("unstable" in kinds(runs.result)) == is_unstable, runs.result["seeds"]


def _law(n: Any, a: float, b: float, c: float) -> Any:
    return c + a * n**-b


@pytest.mark.parametrize(
    ("data", "learner", "is_limited"),
    [
        ("digits", KNeighborsClassifier(5), True),
        ("a chessboard", KNeighborsClassifier(3), True),
        ("faces of a cube", KNeighborsClassifier(5), True),
        ("moons", GaussianNB(), False),
        ("two blobs", GaussianNB(), False),
    ],
)
def test_learners_that_want_more_rows_are_data_limited(data: str, learner: Any, is_limited: bool) -> None:
    random = np.random.default_rng(0)
    if data == "digits":
        X, y = datasets.load_digits(return_X_y=True)
    elif data == "moons":
        X, y = datasets.make_moons(6000, noise=0.3, random_state=0)
    elif data == "a chessboard":
        X = random.uniform(0, 4, (6000, 2))
        y = X.astype(int).sum(axis=1) % 2
    elif data == "two blobs":
        X, y = datasets.make_blobs(6000, 2, centers=2, cluster_std=3, random_state=0)
    else:
        X = random.uniform(-1, 1, (6000, 4))
        y = np.abs(X).argmax(axis=1)
    held, num = len(X) // 3, 12
    sizes = np.array([20, 40, 80, 160, 320] if data != "digits" else [60, 120, 240, 480, 960])
    errors = np.empty((len(sizes), num))
    for place, size in enumerate(sizes):
        for draw in range(num):
            rows = held + random.permutation(len(X) - held)[:size]
            errors[place, draw] = 1 - learner.fit(X[rows], y[rows]).score(X[:held], y[:held])
    rows, scores = np.repeat(sizes, num), 1 - errors.ravel()
    law, _ = summary._law(
        rows.astype(float), scores, rows, np.zeros((1000, len(rows))), summary.errors_of("accuracy", "max")
    )
    fit = None if law is None else summary._fit(law, summary.errors_of("accuracy", "max"), sizes.astype(float))
    points = [{"rows": int(size), "value": 1 - error} for size, error in zip(sizes, errors.mean(axis=1), strict=True)]
    assert [found.kind for found in of_curve(points, fit)] == ["data_limited"] * is_limited, fit
