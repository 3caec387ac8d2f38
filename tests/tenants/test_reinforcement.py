"""Reinforcement learning through the whole line: it learns, it dies and goes on to the same bytes, it plays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pellucid
from pellucid import experiment, verbs
from pellucid.errors import DataError, PellucidError, RunError
from pellucid.experiment import Given
from pellucid.recipe import Recipe
from tests.tenants.worlds import BANDIT
from tests.training.runs import QUICK, dying, outcome

QUIET: dict[str, Any] = {"report": False, "quiet": True}
SHORT: dict[str, Any] = {
    **QUICK,
    "train.steps": 12,
    "train.evaluate_every": 4,
    "train.checkpoint_every": 1,
    "train.log_every": 1,
    "split.validation_episodes": 4,
    "split.test_episodes": 6,
}
PPO = {"rule.num_environments": 4, "rule.rollout": 20, "rule.epochs": 2, "rule.minibatches": 2}
REINFORCE = {"rule.episodes": 3, "train.steps": 5, "rule.optimizer.learning_rate": 1e-3}
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "ppo": ("cartpole-ppo", {**PPO, "rule.scale_rewards": True, "rule.ema": 0.9}),
    "a2c": ("cartpole-a2c", {"rule.num_environments": 3, "rule.rollout": 7}),
    "reinforce": ("cartpole-reinforce", REINFORCE),
    "reinforce without a baseline": ("cartpole-reinforce", {**REINFORCE, "rule.baseline": "none"}),
}
RULES: dict[str, dict[str, Any]] = {
    "reinforce": {"episodes": 64},
    "a2c": {"num_environments": 32, "rollout": 2},
    "ppo": {"num_environments": 32, "rollout": 2, "epochs": 2, "minibatches": 2},
}


def short(form: str, **more: Any) -> Recipe:
    name, settings = FORMS[form]
    return verbs.recipe_of(name, {**SHORT, **settings, **more})


def carried_out(recipe: Recipe, out: str) -> Path:
    return experiment.train(recipe, Path(out), Given(report=False, quiet=True))


@pytest.mark.parametrize("form", FORMS)
def test_killed_runs_end_with_the_same_bytes(form: str) -> None:
    """Killed in the first rollout, in the middle of a pass, between rollouts: with episodes open wherever there are."""
    whole = outcome(carried_out(short(form), "whole"))
    for step in (1, 4) if "reinforce" in form else (1, 3, 6, 9):
        with dying(step):
            carried_out(short(form), f"killed-{step}")
        experiment.resume(Path(f"killed-{step}"), Given(report=False, quiet=True))
        assert outcome(Path(f"killed-{step}")) == whole


def test_checkpoints_far_apart_give_the_same_bytes_too() -> None:
    recipe = short("ppo", **{"train.checkpoint_every": 5})
    whole = outcome(carried_out(recipe, "whole"))
    with dying(8):
        carried_out(recipe, "killed")
    experiment.resume(Path("killed"), Given(report=False, quiet=True))
    assert outcome(Path("killed")) == whole


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_learns_the_bandit(rule: str) -> None:
    settings = {
        **QUICK,
        "data.source": f"gymnasium:{BANDIT}",
        "rule.name": rule,
        "rule.optimizer": {"name": "adam", "learning_rate": 1e-2},
        **{f"rule.{name}": value for name, value in RULES[rule].items()},
        "train.steps": 60,
        "train.evaluate_every": 60,
        "train.log_every": 1,
        "split.validation_episodes": 50,
        "task.greedy": False,
    }
    run = verbs.train("cartpole-ppo", settings, out="run", **QUIET)
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["return"] == pytest.approx(0.5, abs=0.25)
    assert run.metrics["mean_return"] >= 0.9


def test_looks_are_deterministic_and_disturb_nothing() -> None:
    """Whether and how often it is looked at changes neither the looks nor what is learned."""
    often = carried_out(short("a2c", **{"train.evaluate_every": 2, "train.keep": "last"}), "often")
    seldom = carried_out(short("a2c", **{"train.evaluate_every": 12, "train.keep": "last"}), "seldom")
    assert outcome(often)[0] == outcome(seldom)[0]
    of_training = [[line for line in outcome(run)[1] if line["kind"] == "train"] for run in (often, seldom)]
    assert of_training[0] == of_training[1]
    results = [verbs.evaluate(run, "test")["metrics"] for run in (often, often, seldom)]
    assert results[0] == results[1] == results[2]
    assert results[0]["mean_return"]["n"] == 6


def test_drawn_actions_are_judged_alike_each_time() -> None:
    run = carried_out(short("a2c", **{"task.greedy": False}), "run")
    assert verbs.evaluate(run, "test")["metrics"] == verbs.evaluate(run, "test")["metrics"]


def test_the_artefact_plays_and_advises() -> None:
    run = carried_out(short("ppo"), "run")
    played = pellucid.predict(run, settings={"episodes": 2, "seed": 5})
    assert played == [
        {**again, "file": played[0]["file"]} if "file" in played[number] else again
        for number, again in enumerate(pellucid.predict(run, settings={"episodes": 2, "seed": 5}))
    ]
    assert played[0]["length"] == played[0]["return"] > 0
    assert Path(played[0]["file"]).read_bytes()[:3] == b"GIF"
    assert "file" not in played[1]
    advised = pellucid.predict(run, np.zeros((3, 4)))
    assert [answer["prediction"] in ("left", "right") for answer in advised] == [True] * 3
    assert sum(advised[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    with pytest.raises(PellucidError, match=r"A policy is asked without files"):
        pellucid.predict(run, ["picture.png"])
    with pytest.raises(DataError, match=r"shape \(3, 5\): expected \[rows, 4\]"):
        pellucid.predict(run, np.zeros((3, 5)))


def test_the_artefact_carries_the_normaliser() -> None:
    run = carried_out(short("ppo"), "run")
    model = pellucid.load(run).model
    assert int(model.get_buffer("normaliser.count")) > 0
    assert not torch.equal(model.get_buffer("normaliser.mean"), torch.zeros(4))


def test_the_line_tells_what_there_is_to_watch() -> None:
    run = carried_out(short("ppo"), "run")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    told = {"policy_loss", "value_loss", "entropy", "kl", "clip_share", "explained_variance", "return"}
    trained = [line for line in lines if line["kind"] == "train"]
    assert told | {"episode_length", "environment_steps"} <= set(trained[-1])
    assert [line["environment_steps"] for line in trained] == [80] * 4 + [160] * 4 + [240] * 4
    split = json.loads((run / "split.json").read_text())
    assert split["kind"] == "episodes"
    assert split["counts"] == {"train": 0, "validation": 4, "test": 6}


def test_the_report_shows_an_episode_and_baselines_stand_beside() -> None:
    recipe = short("a2c", **{"evaluate.baselines": True, "train.steps": 4})
    run = experiment.train(recipe, Path("run"), Given(quiet=True))
    assert [told["kind"] for told in json.loads((run / "exhibits.json").read_text())] == ["images"]
    result = json.loads((run / "results/validation.json").read_text())
    assert set(result["baselines"]) in ({"random_actions", f"always_{side}"} for side in ("left", "right"))
    assert 5 < result["baselines"]["random_actions"]["mean_return"]["value"] < 60
    assert "An episode" in (run / "report.html").read_text()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("cartpole-ppo", {"rule.name": "backpropagation"}, "'backpropagation' needs a task with a loss"),
        ("cartpole-ppo", {"model.name": "mlp"}, "Choose model.name = 'actor_critic'"),
        ("cartpole-ppo", {"data.source": "digits", "prepare.standardize": True}, "'control' needs an environment"),
        ("cartpole-ppo", {"rule.minibatches": 5000}, "minibatches at most num_environments \\* rollout"),
        ("digits-mlp", {"data.source": "cartpole"}, "This task learns from rows of data, and this world has none"),
    ],
)
def test_what_does_not_go_together_is_refused_in_words(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PellucidError, match=message):
        verbs.train(name, settings, out="run", **QUIET)
    assert not Path("run").exists()


def test_several_seeds_are_runs_and_a_summary() -> None:
    recipe = short("a2c")
    told = verbs.train(recipe, out="many", seeds=3, **QUIET)
    values = [run.metrics["mean_return"] for run in told.runs]
    assert [each["seed"] for each in told.result["seeds"]] == [0, 1, 2]
    score = told.result["metrics"]["mean_return"]
    assert score["value"] == pytest.approx(np.mean(values))
    half = 4.302652729911275 * np.std(values, ddof=1) / np.sqrt(3)  # Student's t for two degrees of freedom
    assert (score["low"], score["high"]) == pytest.approx((np.mean(values) - half, np.mean(values) + half))
    assert (score["n"], score["interval"]) == (3, "student")
    single = carried_out(recipe.model_copy(update={"seed": 1}), "single")
    assert outcome(single) == outcome(Path("many/seed-1"))


def test_several_seeds_go_on_where_they_were_killed() -> None:
    recipe = short("a2c")
    whole = verbs.train(recipe, out="whole", seeds=2, **QUIET)
    with dying(7):
        verbs.train(recipe, out="killed", seeds=2, **QUIET)
    assert not Path("killed/seed-1").exists()
    again = verbs.train(recipe, out="killed", seeds=2, **QUIET)
    kept = Path("killed/seed-0/artefact/model.safetensors").stat().st_mtime_ns
    verbs.train(recipe, out="killed", seeds=2, **QUIET)
    assert Path("killed/seed-0/artefact/model.safetensors").stat().st_mtime_ns == kept
    assert again.metrics == whole.metrics
    with pytest.raises(RunError, match="was trained with another recipe"):
        verbs.train(short("a2c", **{"train.steps": 13}), out="killed", seeds=2, **QUIET)
    Path("killed/other").mkdir()
    with pytest.raises(RunError, match=r"holds other things than runs by seed \(other\)"):
        verbs.train(recipe, out="killed", seeds=2, **QUIET)


def test_seeds_of_any_recipe_have_a_page_and_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    from pellucid.cli.app import main

    settings = [f"{name}={json.dumps(value)}" for name, value in QUICK.items()]
    with pytest.raises(SystemExit, match="0"):
        main(["train", "digits-softmax", "train.steps=3", *settings, "--seeds", "2", "--out", "many", "--json"])
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["run"] == "many"
    assert len(answer["seeds"]) == answer["metrics"]["accuracy"]["n"] == 2
    page = Path("many/report.html").read_text()
    assert page.count("<svg") == 2  # accuracy and log loss are judged while it learns
    assert "http://" not in page.replace("http://www.w3.org", "")
