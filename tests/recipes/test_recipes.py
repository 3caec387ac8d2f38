"""The ready-made recipes: each can be carried out, and reaches what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from pellucid import environments, evaluate, experiment, train, verbs
from pellucid.data import locate, world
from pellucid.data.world import read
from pellucid.execution import decide
from pellucid.experiment import Given
from pellucid.randomness import StepNoise
from pellucid.recipe import DataSection
from pellucid.recipes import RECIPES
from tests.training.runs import QUICK

QUIET: dict[str, Any] = {"report": False, "quiet": True}
GOLDEN = Path(__file__).parent / "first_losses.json"
needs_mnist = pytest.mark.skipif(
    not locate.folder("mnist").is_dir(), reason=f"MNIST is not in {locate.folder('mnist')}; set PELLUCID_DATA"
)
needs_shakespeare = pytest.mark.skipif(
    not locate.folder("tinyshakespeare").is_dir(), reason="tiny Shakespeare is not there; set PELLUCID_DATA"
)


def first_losses(name: str, steps: int = 3) -> list[float]:
    """The loss of a recipe's first steps, one thread."""
    recipe = experiment.resolve(verbs.recipe_of(name, QUICK))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "provide", lambda *_: None)  # a judge of samples takes no part in a loss
        parts = experiment.assemble(recipe, decide(recipe.execution), Given())
    noise = StepNoise(recipe.seed)
    losses = []
    for step in range(steps):
        noise.at(step)
        losses.append(round(float(parts.rule.step(parts.source.next(parts.rule.policy))["loss"]), 5))
    return losses


def cases() -> list[Any]:
    needs = {"mnist": needs_mnist, "shakespeare": needs_shakespeare}
    return [pytest.param(name, marks=needs.get(name.partition("-")[0], ())) for name in RECIPES]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_valid_and_named_as_in_the_table(name: str) -> None:
    recipe = experiment.resolve(verbs.recipe_of(name))
    assert recipe.name == name
    of = environments if environments.is_named_by(recipe.data.source) else world
    assert of.specs(recipe.data.source).input.size > 0
    assert RECIPES[name].load().__doc__


@pytest.mark.parametrize("name", cases())
def test_first_losses_are_those_of_the_golden_file(name: str) -> None:
    """A change in data order, initial weights, losses or updates shows here. `make_first_losses.py` made the file."""
    assert first_losses(name) == pytest.approx(json.loads(GOLDEN.read_text())[name], rel=2e-3)


def test_softmax_regression_equals_scikit_learn() -> None:
    """The L2 solution, coefficient by coefficient: C = 1 / (rows * weight_decay)."""
    from sklearn.linear_model import LogisticRegression

    run = train("digits-softmax", QUICK, out="run", **QUIET)
    columns, split = read(DataSection(source="digits")), json.loads((run.folder / "split.json").read_text())
    rows = np.array(split["rows"]["train"])
    X, y = columns.values["input"].reshape(len(columns), -1)[rows].astype(np.float64), columns.values["target"][rows]
    reference = LogisticRegression(C=1 / (len(rows) * 8e-4), tol=1e-8, max_iter=10_000).fit(X, y)
    ours = load_file(run.folder / "artefact/model.safetensors")
    weight, bias = (ours[name] for name in sorted(ours, key=lambda name: -ours[name].ndim))
    assert np.abs(weight - reference.coef_).max() < 5e-3
    assert np.abs((bias - bias.mean()) - (reference.intercept_ - reference.intercept_.mean())).max() < 5e-3
    assert evaluate(run, "test")["metrics"]["accuracy"]["value"] >= 0.94


def test_digits_reaches_what_the_readme_says() -> None:
    run = train("digits", {**QUICK, "seed": 1}, out="run", **QUIET)
    assert evaluate(run, "test")["metrics"]["accuracy"]["value"] >= 0.97


@needs_mnist
def test_mnist_softmax_reaches_its_floor() -> None:
    run = train("mnist-softmax", {"evaluate.baselines": False, "train.epochs": 6}, out="run", **QUIET)
    assert evaluate(run, "test")["metrics"]["accuracy"]["value"] >= 0.92


@pytest.mark.slow
@needs_mnist
@pytest.mark.parametrize(
    ("name", "floor"),
    [("mnist-mlp", 0.983), ("mnist-lenet5", 0.991), ("mnist-lenet5-1998", 0.985), ("mnist-resnet", 0.99)],
)
def test_mnist_recipes_reach_their_floors(name: str, floor: float) -> None:
    run = train(name, {"evaluate.baselines": False}, out="run", **QUIET)
    assert evaluate(run, "test")["metrics"]["accuracy"]["value"] >= floor
