"""The commands that a report tells can be typed: each run answers what its page says that it may be asked."""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid import experiment, verbs
from pellucid.artefacts.card import card
from pellucid.cli.app import main
from pellucid.execution import decide
from pellucid.listing import show
from pellucid.recipe import Recipe
from pellucid.reporting import provenance, record
from pellucid.spec import Spec
from pellucid.tasks import TASKS
from tests.data.masked import masked
from tests.training.runs import QUICK

RECIPES = {
    "classify": "digits-mlp",
    "regress": "diabetes-mlp",
    "next_token": "descriptions-lstm",
    "generate": "digits-dcgan",
    "density": "digits-rbm",
    "recall": "digits-hopfield",
    "map": "digits-som",
    "control": "cartpole-a2c",
}


def recipe_of(task: str) -> str | Recipe:
    """A recipe for the task: a ready-made one, or what is proposed for pictures with masks, or for labels."""
    if task == "multi_label":
        has = np.random.default_rng(0).integers(0, 2, (60, 3))
        np.savez("labels.npz", X=has + np.linspace(0, 1, 60)[:, None], y=has)
        return pellucid.propose("labels.npz", settings={"data.types.y": "labels"}).recipe
    return pellucid.propose(masked(Path("shapes"), num=20)).recipe if task == "segment" else RECIPES[task]


@pytest.mark.parametrize("task", TASKS)
def test_every_command_of_the_report_is_understood(task: str) -> None:
    if task == "control":
        pytest.importorskip("gymnasium")
    settings = {**QUICK, "train.steps": 2, "split.validation_episodes": 2, "split.test_episodes": 2}
    run = pellucid.train(recipe_of(task), settings, out="run", quiet=True)
    np.save("rows.npy", pellucid.load(run).golden)
    told = [command.text for command in provenance.commands(record.read(run.folder))]
    page = [html.unescape(text) for text in re.findall(r'<pre class="copy">(.*?)</pre>', run.report.read_text())]
    ill = [finding["next"] for finding in run.result()["verdict"] if finding["kind"] != "fits"]
    assert page == ill + told
    asked = [shlex.split(text)[1:] for text in told if text.startswith("pellucid predict")]
    assert len(asked) == 2
    for words in [*asked, ["evaluate", "run", "--split", "test"]]:
        with pytest.raises(SystemExit) as end:
            main(["rows.npy" if word == "INPUT" else word for word in words if word != "..."])
        assert not end.value.code, words


@pytest.mark.parametrize("task", TASKS)
def test_a_card_promises_classes_and_numbers_of_none_but_supervised_tasks(task: str) -> None:
    if task == "control":
        pytest.importorskip("gymnasium")
    recipe = experiment.resolve(verbs.recipe_of(recipe_of(task)))
    if task in ("segment", "multi_label"):
        spec = experiment.open_world(recipe, decide(recipe.execution)).spec
    else:
        table = "environments" if task == "control" else "data"
        spec = Spec.from_dict(show(f"{table}/{recipe.data.source}")["spec"])
    told = card(recipe, spec)
    assert ("the probability of each of 10 classes" in told) == (task == "classify")
    assert ("number(s), in the units of the data" in told) == (task == "regress")
    assert (TASKS[task].line in told) == (TASKS[task].family != "supervised")


def test_arrays_go_on_in_python() -> None:
    X = np.random.default_rng(0).normal(size=(60, 4))
    run = pellucid.fit(X, X[:, 0] > 0, epochs=1, out="run", report=False, quiet=True)
    texts = [command.text for command in provenance.commands(record.read(run.folder))]
    assert texts[:2] == ["pellucid.fit(X, y, recipe='run/recipe.toml')", "pellucid.fit(X, y, resume='run')"]
    again = pellucid.fit(X, X[:, 0] > 0, recipe="run/recipe.toml", out=Path("again"), report=False, quiet=True)
    assert again.metrics == run.metrics
