"""Evaluation: equal to a hand loop, and training does not notice it; the worst mistakes first."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.data import rows as data
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.rows import Rows
from pellucid.data.split import draw
from pellucid.errors import DataError, LeakError
from pellucid.evaluation import evaluate
from pellucid.evaluation.result import describe
from pellucid.execution import Execution
from pellucid.recipe import PrepareSection, SplitSection
from pellucid.tasks import build
from pellucid.tasks.rows import RowsLook
from tests.data.worlds import blobs, numbers, open_world

EXECUTION = Execution("cpu", "fp32", 1, "channels_last", "eager")


def net(num_outputs: int = 3) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, num_outputs))


def seen(world: Rows, part: str = "validation", name: str = "classify") -> RowsLook:
    model = net(world.spec.num_outputs)
    world.seal.open()
    look = evaluate.run(model, build({"name": name}, world.spec), world, part, EXECUTION)
    assert isinstance(look, RowsLook)
    return look


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_it_equals_a_loop_by_hand(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "EVALUATION_ROWS", 11)
    world = open_world(blobs(200))
    model = net().eval()
    rows = world.split.parts[part]
    logits = []
    with torch.no_grad():
        for row in rows:  # one by one, with the arithmetic of the statistics written out
            step = world.preprocessing.steps["input"]
            x = (world.columns.values["input"][row] - np.array(step.mean)) / np.array(step.std)
            logits.append(model(torch.tensor(x, dtype=torch.float32)[None])[0])
    log_probabilities = torch.stack(logits).log_softmax(1).numpy()
    truth = world.columns.values["target"][rows]
    found = seen(world, part)
    assert np.array_equal(found.rows, rows)
    np.testing.assert_allclose(found.predictions["log_probability"], log_probabilities, atol=1e-5)
    assert found.scores["accuracy"].value == (log_probabilities.argmax(1) == truth).mean()
    assert found.scores["log_loss"].value == pytest.approx(
        -log_probabilities[np.arange(len(rows)), truth].mean(), rel=1e-5
    )
    assert found.rank == (found.scores["accuracy"].value, -found.scores["log_loss"].value)


def test_training_does_not_notice_it() -> None:
    world = open_world(blobs(100))
    model = net().train()
    model[1].eval()  # a user may have frozen one norm
    modes = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    evaluate.run(model, build({"name": "classify"}, world.spec), world, "validation", EXECUTION)
    assert torch.equal(torch.rand(3), expected)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not torch.is_inference_mode_enabled()


def test_modes_come_back_after_a_failure() -> None:
    world = open_world(blobs(100))
    model = net(5).train()  # five outputs for three classes
    with pytest.raises(ValueError, match="one number per class"):
        evaluate.run(model, build({"name": "classify"}, world.spec), world, "validation", EXECUTION)
    assert all(module.training for module in model.modules())


def test_a_part_without_rows_is_refused() -> None:
    world = open_world(blobs(100), split={"test": 0})
    with pytest.raises(DataError) as caught:
        seen(world, "test")
    assert str(caught.value) == (
        "The test part has no rows: the recipe's split.test is 0. Give it a share, and train again."
    )


def test_steps_fitted_on_other_rows_are_refused() -> None:
    world = open_world(blobs(100))
    other = Preprocessing.fit(PrepareSection(), world.columns, draw(SplitSection(seed=9), world.columns))
    with pytest.raises(LeakError, match="rows that are held out here may have been seen"):
        seen(world.with_preprocessing(other))


def test_the_worst_mistakes_are_wrong_rows_by_falling_loss() -> None:
    world = open_world(blobs(300))
    found = seen(world)
    judged = found.task.judge(found.predictions, found.targets)
    places = found.worst(10**6)
    assert set(places) == set(np.flatnonzero(~judged["correct"]))
    assert np.all(np.diff(judged["loss"][places]) <= 0)
    assert found.worst(3) == places[:3]
    told = found.details()["worst"]
    assert len(told) == min(16, len(places))
    first = told[0]
    assert first["row"] == found.rows[places[0]]
    assert first["loss"] == pytest.approx(judged["loss"].max())
    codes = {name: code for code, name in enumerate("abc")}
    log_probability = found.predictions["log_probability"][places[0]]
    assert first["probability"] == pytest.approx(np.exp(log_probability[codes[first["prediction"]]]))
    assert first["loss"] == pytest.approx(-log_probability[codes[first["target"]]])


def test_a_model_without_mistakes_has_no_worst() -> None:
    world = open_world(blobs(100))
    found = seen(world)
    right = dict(found.predictions) | {"class": found.targets}
    assert dataclasses.replace(found, predictions=right).details()["worst"] == []


def test_of_numbers_every_row_is_judged() -> None:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(100, 4))
    world = open_world(numbers(inputs[:, :1] * 3 + 50, inputs), task={"name": "regress"})
    found = seen(world, name="regress")
    told = found.details()["worst"]
    errors = np.abs(found.predictions["number"][:, 0] - world.columns.values["target"][found.rows, 0])
    assert told[0]["row"] == found.rows[errors.argmax()]
    assert told[0]["loss"] == pytest.approx(errors.max() ** 2, rel=1e-5)
    assert told[0]["target"] == pytest.approx(world.columns.values["target"][told[0]["row"], 0], rel=1e-6)


def test_the_description_is_whole_and_of_json_types() -> None:
    world = open_world(blobs(200))
    found, task = seen(world, "test"), build({"name": "classify"}, world.spec)
    told = json.loads(json.dumps(describe(found, task, resamples=200)))
    assert (told["split"], told["primary"], told["class_names"]) == ("test", task.primary, ["a", "b", "c"])
    assert list(told["metrics"]) == list(told["directions"]) == list(found.all_scores)
    assert list(told["metrics"]) == ["accuracy", "balanced_accuracy", "log_loss", "brier", "f1", "auc"]
    assert list(found.scores) == ["accuracy", "log_loss"]
    for score in told["metrics"].values():
        assert score["low"] <= score["value"] <= score["high"]
        assert score["n"] <= len(found.rows)
    confusion = np.array(told["confusion"])
    assert confusion.sum() == len(found.rows)
    for code, name in enumerate("abc"):
        recall = told["recall"][name]
        assert (recall["value"], recall["n"]) == (confusion[code, code] / confusion[code].sum(), confusion[code].sum())
