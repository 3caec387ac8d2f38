"""The density of rows: probabilities that sum to one, a gap that is a difference of likelihoods, an honest interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pellucid.data import rows
from pellucid.data.columns import Columns
from pellucid.data.rows import Rows
from pellucid.errors import DataError, PellucidError
from pellucid.evaluation.intervals import with_intervals
from pellucid.models.linear import Config as LinearConfig
from pellucid.models.linear import Linear
from pellucid.recipe import parse
from pellucid.spec import Field, Spec
from pellucid.tasks.density import Config, Density, base_rates
from tests.nn.machines import machine, states


def world_of(values: np.ndarray, **settings: Any) -> Rows:
    recipe = parse(
        {
            "name": "made",
            "data": {"source": "arrays"},
            "split": {"kind": "random", "validation": 0.25, "test": 0.25},
            "prepare": {"standardize": False},
            "model": {"name": "rbm"},
            "task": {"name": "density"},
            "train": {"epochs": 1, "batch_size": "all"},
        }
    )
    return rows.open(recipe, Columns({"input": values}, {"input": Field("number", values.shape[1:])}))


def test_likelihoods_of_all_states_sum_to_one() -> None:
    rbm, task = machine(5, 3), Density(Config(), Spec(Field("number", (5,))))
    world = world_of(states(5).numpy())
    world.seal.open()
    total = 0.0
    with torch.no_grad():
        for part in ("train", "validation", "test"):
            moments = task.look(rbm, world, part).scores["log_likelihood"].moments
            total += float(np.exp(moments[:, 0]).sum())
    assert total == pytest.approx(1, abs=1e-5)


def test_the_gap_is_the_difference_of_likelihoods() -> None:
    rbm, task = machine(6, 3), Density(Config(), Spec(Field("number", (6,))))
    world = world_of(np.random.default_rng(0).integers(0, 2, (40, 6)).astype(np.float32))
    train = world.rows("train")
    with torch.no_grad():
        look = task.look(rbm, world, "validation")
        seen = task.look(rbm, world, "train").scores["log_likelihood"].moments[:, 0]
    chosen = np.arange(0, len(train), len(train) // 10)[:10]
    expected = seen[chosen].mean() - look.scores["log_likelihood"].value
    assert look.scores["free_energy_gap"].value == pytest.approx(expected, abs=1e-4)
    assert look.details()["log_z_by"] == "enumeration"


def test_an_estimated_partition_function_widens_the_interval() -> None:
    rbm, task = machine(24, 22, size=0.5), Density(Config(chains=10, temperatures=20), Spec(Field("number", (24,))))
    world = world_of(np.random.default_rng(0).integers(0, 2, (40, 24)).astype(np.float32))
    with torch.no_grad(), torch.random.fork_rng():
        look = task.look(rbm, world, "validation")
    told = look.details()
    assert told["temperatures"] == 20
    assert told["log_z_standard_error"] > 0.05
    score = look.scores["log_likelihood"]
    found = with_intervals({"with": score}, 1000)["with"]
    plain = with_intervals({"without": type(score)(score.moments, score.kind, score.better)}, 1000)["without"]
    widths = [interval["high"] - interval["low"] for interval in (found, plain)]
    expected = np.hypot(widths[1], 2 * 1.96 * told["log_z_standard_error"])
    assert widths[0] == pytest.approx(expected, rel=0.05)


def test_base_rates_are_of_the_training_rows() -> None:
    world = world_of(states(5).numpy())
    train = world.take(world.rows("train"))["input"]
    torch.testing.assert_close(base_rates(world), (train.sum(0) + 1) / (len(train) + 2))


def test_grey_rows_and_other_models_are_refused() -> None:
    task, world = Density(Config(), Spec(Field("number", (3,)))), world_of(np.full((12, 3), 0.5, np.float32))
    with pytest.raises(DataError, match=r"not all 0 or 1\. Set prepare\.binarize=true"):
        task.look(machine(3, 2), world, "validation")
    with pytest.raises(PellucidError, match=r"Linear has none\. Choose model\.name = 'rbm'"):
        task.look(Linear(LinearConfig(), Spec(Field("number", (3,)))), world, "validation")
