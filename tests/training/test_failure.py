"""A loss or gradient that is not finite stops the run, names the culprit, and can be seen again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from pellucid import experiment, fit, train, verbs
from pellucid.errors import TrainingFailed
from pellucid.training import failure
from tests.training.runs import QUICK


class Planted(nn.Module):
    """A net whose second layer overflows for rows whose first feature is large."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 8)
        self.overflow = Overflow()
        self.second = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.overflow(self.first(x), x))


class Overflow(nn.Module):
    def forward(self, hidden: Tensor, x: Tensor) -> Tensor:
        return hidden + torch.where(x[:, :1] > 50, torch.inf, 0.0)


class InfiniteGradient(nn.Module):
    """sqrt(0) is finite, its slope is not."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(3, 4)
        self.output = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.sqrt(self.hidden(x) * 0.0))


def data() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    return X, (X[:, 1] > 0).astype(np.int64)


def test_the_layer_the_rows_and_the_step_are_named() -> None:
    X, y = data()
    X[17, 0] = X[61, 0] = 100.0
    settings = {"prepare.standardize": False, "split.validation": 0.0, "split.test": 0.0, **QUICK}
    with pytest.raises(TrainingFailed) as caught:
        fit(X, y, model=Planted(), epochs=2, settings=settings, report=False, quiet=True, out="run")
    message = str(caught.value)
    failed = json.loads(next(Path("run/failures").glob("*/failure.json")).read_text())
    assert "the first layer whose output is not finite is 'overflow'" in message
    assert set(failed["sample_rows"]) <= {17, 61}
    assert failed["sample_rows"]
    assert f"Rows: {', '.join(map(str, failed['sample_rows']))}." in message
    assert "See it again: pellucid.replay('run/failures/step-" in message
    assert verbs.replay(next(Path("run/failures").iterdir()), model=Planted()) == message
    assert "learning rate 0.001" in message


def test_an_infinite_gradient_is_told_from_an_infinite_output() -> None:
    X, y = data()
    with pytest.raises(
        TrainingFailed, match=r"the forward pass is finite; the first gradient that is not is that of 'hidden"
    ):
        fit(X, y, model=InfiniteGradient(), epochs=1, settings=QUICK, report=False, quiet=True)


def test_the_weights_are_those_before_the_step() -> None:
    settings = {**QUICK, "rule.optimizer.name": "sgd", "rule.optimizer.learning_rate": 1e20, "train.log_every": 1}
    with pytest.raises(TrainingFailed, match=r"Before that:\n  step 1: loss \d"):
        train("digits-mlp", settings, out="run", report=False, quiet=True)
    place = next(Path("run/failures").iterdir())
    kept = load_file(next(place.glob("step-*.safetensors")))
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())
    assert not Path("run/artefact").exists()


def test_replay_shows_the_same_failure_again() -> None:
    settings = {**QUICK, "model.dropout": 0.5, "rule.optimizer.learning_rate": 1e30}
    with pytest.raises(TrainingFailed) as caught:
        train("digits-mlp", settings, out="run", report=False, quiet=True)
    place = next(Path("run/failures").iterdir())
    assert verbs.replay(place) == str(caught.value)


def test_replay_of_no_failure() -> None:
    run = train("digits-mlp", {**QUICK, "train.epochs": 1}, out="run", report=False, quiet=True)
    with pytest.raises(ValueError, match=r"holds no failed step. Give a folder RUN/failures/step-N"):
        verbs.replay(run.folder / "failures" / "step-000000003")


def test_all_finite_is_said_as_such() -> None:
    from pellucid.data.batch import Batch
    from pellucid.execution import decide
    from pellucid.experiment import Given
    from pellucid.randomness import StepNoise

    recipe = experiment.resolve(verbs.recipe_of("digits-mlp", QUICK))
    parts = experiment.assemble(recipe, decide(recipe.execution), Given())
    batch = parts.source.next()
    assert isinstance(batch, Batch)
    assert failure.diagnose(parts.rule, batch, StepNoise(0), 0)["where"] == "nowhere"
