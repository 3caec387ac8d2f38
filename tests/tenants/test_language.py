"""Language models through the whole line, and what they learn where all can be known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import pellucid
from pellucid import experiment, verbs
from pellucid.errors import DataError, RecipeError
from pellucid.experiment import Given
from tests.training.runs import QUICK, dying, outcome

QUIET: dict[str, Any] = {"report": False, "quiet": True}
SHORT = {**QUICK, "train.epochs": 2, "train.checkpoint_every": 7, "train.evaluate_every": 15}
CASES = {
    "lstm": ("descriptions-lstm", {}),
    "lstm, two layers, dropout, accumulation": (
        "descriptions-lstm",
        {"model.layers": 2, "model.dropout": 0.2, "model.hidden": 24, "rule.accumulate": 3, "rule.ema": 0.9},
    ),
    "gpt": ("descriptions-gpt", {"model.dropout": 0.1}),
    "lstm, bf16": ("descriptions-lstm", {"execution.precision": "bf16"}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_died_in_mid_epoch_ends_with_the_same_bytes(case: str) -> None:
    name, settings = CASES[case]
    recipe = verbs.recipe_of(name, {**SHORT, **settings})
    whole = experiment.train(recipe, Path("whole"), Given(**QUIET))
    for number, step in enumerate((5, 12)):  # before the first checkpoint, and after one in the middle of a stream
        killed = Path(f"killed-{number}")
        with dying(step):
            experiment.train(recipe, killed, Given(**QUIET))
        experiment.resume(killed, Given(**QUIET))
        assert outcome(killed) == outcome(whole)


def test_the_memory_is_in_the_checkpoint() -> None:
    """Without it the resumed run would go on as if every stream had no past."""
    recipe = verbs.recipe_of("descriptions-lstm", SHORT)
    whole = experiment.train(recipe, Path("whole"), Given(**QUIET))
    with dying(12):
        experiment.train(recipe, Path("killed"), Given(**QUIET))
    with pytest.MonkeyPatch.context() as patch:
        from pellucid.rules.backpropagation import Backpropagation

        load = Backpropagation.load_state_dict

        def forgetful(self: Any, state: Any) -> None:
            assert state["carry"][0].shape == (1, 16, 96)
            load(self, {**state, "carry": None})

        patch.setattr(Backpropagation, "load_state_dict", forgetful)
        experiment.resume(Path("killed"), Given(**QUIET))
    assert outcome(Path("killed"))[0] != outcome(whole)[0]


@pytest.mark.parametrize("name", ["descriptions-lstm", "descriptions-gpt"])
def test_whole_line(name: str) -> None:
    run = pellucid.train(name, {"train.epochs": 4, "execution.threads": 1}, out="run", quiet=True)
    result = run.result()
    score = result["metrics"]["nats_per_character"]
    assert score["low"] < score["value"] < score["high"]
    assert score["value"] < result["baselines"]["unigram"]["nats_per_character"]["value"]
    assert result["unit"] == "window"
    page = run.report.read_text()
    assert "What it writes" in page
    assert "Am I fine?" in page
    assert run.evaluate("test")["metrics"]["nats_per_character"]["value"] < 5
    first, second = pellucid.predict(run, ["The data", "The data"], {"length": 20, "seed": 3})
    assert first == second
    assert len(first["prediction"]) == 20
    (refused,) = pellucid.predict(run, ["naïve 日"])
    assert refused["error"] == "the training text has no 'ï', '日'. Leave such characters out."
    assert pellucid.predict(run, [""])[0]["error"].startswith("it is empty")
    assert len(pellucid.predict(run, None, {"length": 5, "samples": 3})) == 3
    with pytest.raises(RecipeError, match=r"predict.temperature = -1"):
        pellucid.predict(run, ["a"], {"temperature": -1})


@pytest.mark.parametrize(
    ("model", "batch_size"), [({"name": "lstm", "embedding": 16, "hidden": 32}, 4), ({"name": "gpt", "width": 32}, 8)]
)
def test_learns_a_string_that_repeats(model: dict[str, Any], batch_size: int) -> None:
    """ "ab" may be followed by c or d: which of them, only what stands seven characters before tells."""
    Path("own.txt").write_text("abcxyz.abdxyz." * 160)
    settings = {f"model.{key}": value for key, value in model.items()} | {
        "data.source": "own.txt",
        "prepare.context": 16,
        "split.validation": 0.1,
        "split.test": 0,
        "train.batch_size": batch_size,
        "train.epochs": 25,
        "rule.optimizer.learning_rate": 1e-2,
        **QUICK,
    }
    run = pellucid.train("descriptions-lstm", settings, **QUIET)
    assert run.metrics["nats_per_character"] < 0.1
    (answer,) = pellucid.predict(run, ["abcxyz.ab"], {"temperature": 0, "length": 12})
    assert answer["prediction"] == "dxyz.abcxyz."


def test_accumulation_is_the_big_batch() -> None:
    weights = []
    for parts in (1, 4):
        settings = {**QUICK, "train.steps": 6, "rule.accumulate": parts, "rule.optimizer.name": "sgd"}
        run = pellucid.train("descriptions-lstm", settings, out=f"run-{parts}", **QUIET)
        weights.append(pellucid.load(run).model.state_dict())
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], rtol=1e-4, atol=1e-6)


def test_what_cannot_be_learned_from_is_refused_before_a_folder_is_made() -> None:
    Path("empty.txt").write_text("")
    with pytest.raises(DataError, match=r"empty.txt is empty"):
        pellucid.train("descriptions-lstm", {"data.source": "empty.txt"}, out="run", **QUIET)
    with pytest.raises(DataError, match=r"'next_token' continues a text"):
        pellucid.train(
            "descriptions-lstm",
            {"data.source": "digits", "split.kind": "random", "model.name": "mlp"},
            out="run",
            **QUIET,
        )
    with pytest.raises(DataError, match=r"cut in its order: split.kind = 'contiguous'"):
        pellucid.train("descriptions-lstm", {"split.kind": "random"}, out="run", **QUIET)
    assert not Path("run").exists()


def test_a_run_knows_its_text_again() -> None:
    Path("own.txt").write_text("to be or not to be " * 60)
    settings = {**QUICK, "data.source": "own.txt", "prepare.context": 8, "train.steps": 3, "train.batch_size": 4}
    run = pellucid.train("descriptions-lstm", settings, out="run", **QUIET)
    assert json.loads(Path("run/split.json").read_text())["rows"]["test"]["stop"] == 19 * 60
    Path("own.txt").write_text("to be or not to bee " * 60)
    with pytest.raises(pellucid.PellucidError, match="is not what run was trained on"):
        run.evaluate("test")
