"""What does not fit together is refused in one sentence, before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pellucid import experiment, verbs
from pellucid.errors import PellucidError

CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a policy gradient on rows": (
        "digits-mlp",
        {"rule.name": "ppo", "model.name": "actor_critic"},
        r"learns from what it does, and Classify gives it rows",
    ),
    "a generator as a classifier": ("digits-dcgan", {"task.name": "classify"}, r"expected \(\d+, 10\)"),
    "a machine as a classifier": ("digits-rbm", {"task.name": "classify"}, r"expected \(\d+, 10\)"),
    "classes of a text": ("descriptions-lstm", {"task.name": "classify"}, r"Choose 'next_token'"),
    "numbers of a text": ("descriptions-gpt", {"task.name": "regress"}, r"Choose 'next_token'"),
    "a net of text on images": ("digits-mlp", {"model.name": "lstm"}, r"reads text, but the input is of kind 'image'"),
    "a likelihood of a classifier": (
        "digits-mlp",
        {"task.name": "density"},
        r"asks for the energy of visible and hidden units",
    ),
    "no rows side by side": ("descriptions-lstm", {"train.batch_size": "all"}, r"their number. Give one"),
    "a line search in a game": (
        "digits-dcgan",
        {"rule.generator.optimizer.name": "lbfgs"},
        r"rule\.generator\.optimizer: expected an optimizer that takes a new loss at every step",
    ),
    "a line search over samples": (
        "digits-rbm",
        {"rule.optimizer.name": "lbfgs", "train.batch_size": "all"},
        r"rule\.optimizer: expected an optimizer that takes a new loss at every step",
    ),
    "a judge that is no classifier": (
        "digits-dcgan",
        {"task.features": "digits-rbm"},
        r"trained to density; a judge is a classifier",
    ),
    "a map without lines": ("digits-som", {"task.lines": 0}, r"task\.lines = 0: expected at least 2"),
    "a map with fewer units than its baselines": (
        "digits-som",
        {"model.lines": 3, "model.columns": 3},
        r"baselines 10 x 10: more units are nearer",
    ),
    "neighbours that are not there": ("digits-dcgan", {"task.neighbours": 300}, r"none of them has a neighbour number"),
    "an opinion as classes": ("digits-mlp", {"model.name": "actor_critic"}, r"gave Opinion"),
    "numbers cut at a half": (
        "digits-rbm",
        {"data.source": "diabetes", "split.kind": "random"},
        r"prepare\.binarize cuts values of 0 to 1 at a half, and 'input' reaches from",
    ),
    "a line search over shifting windows": (
        "descriptions-gpt",
        {"rule.optimizer.name": "lbfgs", "train.batch_size": "all"},
        r"needs the same loss at every step: another optimizer",
    ),
    "one episode": ("cartpole-ppo", {"split.validation_episodes": 1}, r"expected at least 2"),
    "true steps": ("digits-mlp", {"train.epochs": None, "train.steps": True}, r"train\.steps = True: expected a whole"),
    "a true rate": ("digits-mlp", {"rule.optimizer.learning_rate": True}, r"learning_rate = True: expected a number"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_before_anything_is_written(case: str) -> None:
    name, settings, message = CASES[case]
    with pytest.raises(PellucidError, match=message):
        experiment.train(verbs.recipe_of(name, settings), Path("run"), experiment.Given(report=False, quiet=True))
    assert not Path("run").exists()
    assert not list(Path().glob(".run*"))


def test_an_environment_that_cannot_be_made() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    from pellucid.environments import gym

    gymnasium.register("NeedsWhatIsNotThere-v0", "no_such_package.place:Environment")
    with pytest.raises(PellucidError, match=r"NeedsWhatIsNotThere-v0 cannot be made: No module named"):
        gym.make("NeedsWhatIsNotThere-v0")


def test_more_text_held_out_than_trained_on() -> None:
    settings = {"split.validation": 0.6, "split.test": 0.1, "train.steps": 2, "train.epochs": None}
    recipe = verbs.recipe_of("descriptions-lstm", settings | {"execution.threads": 1})
    run = experiment.train(recipe, Path("run"), experiment.Given(report=False, quiet=True))
    assert (run / "results/validation.json").exists()


@pytest.mark.parametrize("task", ["classify", "recall", "map", "density", "generate"])
@pytest.mark.parametrize("name", ["digits-rbm", "digits-hopfield", "digits-som", "digits-dcgan"])
def test_a_task_of_another_family(name: str, task: str) -> None:
    recipe = verbs.recipe_of(name, {"task.name": task})
    if recipe.task["name"] == verbs.recipe_of(name, {}).task["name"]:
        return
    with pytest.raises(PellucidError):
        experiment.train(recipe, Path("run"), experiment.Given(report=False, quiet=True))
    assert not Path("run").exists()
