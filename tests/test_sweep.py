"""Every row of every catalogue, through the whole line: trained, killed, resumed, saved, loaded, written as TOML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid
from pellucid import experiment, verbs
from pellucid import recipe as recipes
from pellucid.data import DATA, locate
from pellucid.data.augmentations import AUGMENTATIONS
from pellucid.data.embedded import SPECS
from pellucid.data.world import read, specs
from pellucid.experiment import Given
from pellucid.listing import TABLES
from pellucid.models import MODELS
from pellucid.optim import OPTIMIZERS, SCHEDULES
from pellucid.recipe import DataSection, Recipe
from pellucid.rules import RULES
from pellucid.sources import SOURCES
from pellucid.tasks import TASKS
from tests.training.runs import QUICK, dying, outcome

SHORT = {**QUICK, "train.steps": 9, "train.evaluate_every": 3, "train.checkpoint_every": 2}
MODEL_SETTINGS = {"resnet": {"model.depth": 8, "model.width": 4}}
OPTIMIZER_SETTINGS = {"lbfgs": {"train.batch_size": "all"}}
ACTING: dict[str, Any] = {"split.validation_episodes": 3}
AUGMENTED: dict[str, tuple[str, list[dict[str, Any]]]] = {
    **dict.fromkeys(
        ("flip", "crop", "resize_crop", "affine", "colour", "erase", "mixup"),
        (
            "digits-mlp",
            [
                {"name": "flip"},
                {"name": "crop", "pad": 1},
                {"name": "resize_crop"},
                {"name": "affine"},
                {"name": "colour"},
                {"name": "erase"},
                {"name": "mixup"},
            ],
        ),
    ),
    "cutmix": ("digits-mlp", [{"name": "cutmix"}]),
    "feature_noise": ("diabetes-mlp", [{"name": "feature_noise"}]),
}
"""The recipe in which an augmentation is swept, and the list that it stands in."""
OWN_RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    **dict.fromkeys(("rbm", "contrastive_divergence", "density"), ("digits-rbm", {})),
    **dict.fromkeys(("hopfield", "hebb", "recall"), ("digits-hopfield", {})),
    **dict.fromkeys(("som", "competitive", "map"), ("digits-som", {})),
    **dict.fromkeys(("dcgan", "adversarial", "generate"), ("digits-dcgan", {})),
    **dict.fromkeys(("lstm", "next_token"), ("descriptions-lstm", {})),
    "gpt": ("descriptions-gpt", {}),
    "text_convnet": ("paragraphs", {}),
    "reinforce": ("cartpole-reinforce", ACTING),
    "a2c": ("cartpole-a2c", ACTING),
    **dict.fromkeys(
        ("actor_critic", "ppo"),
        ("cartpole-ppo", {**ACTING, "rule.rollout": 8, "rule.epochs": 2, "rule.minibatches": 2}),
    ),
    "control": ("cartpole-a2c", {**ACTING, "task.greedy": False}),
}
"""Rows of models, rules and tasks that no classifier is made of, and the recipe in which they are swept."""


ELSEWHERE = {"model lenet5", "model unet", "task segment", "task multi_label"}
"""Rows that suit no recipe's data: one is made for larger images than the digits, see below; of masks, see
tests/test_own_masks.py, of labels tests/test_own_labels.py."""
ANSWERS = {
    **dict.fromkeys(("classify", "regress", "recall", "map"), 8),
    **dict.fromkeys(("next_token", "density", "generate", "control"), 1),
}
"""How many answers a task gives to no input: the golden rows, or one text, one picture of samples, one episode."""


def rows() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every row of the tables, and the recipe and settings in which it is swept."""
    for name in MODELS:
        if f"model {name}" not in ELSEWHERE and name not in OWN_RECIPES:
            yield f"model {name}", "digits-mlp", {"model.name": name, **MODEL_SETTINGS.get(name, {})}
    for name in OPTIMIZERS:
        settings = {"rule.optimizer.name": name, "model.hidden": [16, 16], **OPTIMIZER_SETTINGS.get(name, {})}
        yield f"optimizer {name}", "digits-mlp", settings
    for name in SCHEDULES:
        yield f"schedule {name}", "digits-mlp", {"rule.schedule.name": name, "rule.schedule.warmup": 2}
    for name in RULES:
        if name not in OWN_RECIPES:
            yield f"rule {name}", "digits-mlp", {"rule.name": name, "model.name": "perceptron"}
    for name, recipe in (("classify", "digits-mlp"), ("regress", "diabetes-mlp")):
        yield f"task {name}", recipe, {}
    for kind, table in (("model", MODELS), ("rule", RULES), ("task", TASKS)):
        for name in table:
            if name in OWN_RECIPES:
                yield f"{kind} {name}", *OWN_RECIPES[name]
    for name, (recipe, augment) in AUGMENTED.items():
        yield f"augmentation {name}", recipe, {"augment": augment}
    yield "bf16", "digits-mlp", {"execution.precision": "bf16"}


def cases() -> list[Any]:
    """One small run per recipe that comes of them; its id says every row that it covers."""
    found: dict[str, tuple[Recipe, list[str]]] = {}
    for row, name, settings in rows():
        recipe = experiment.resolve(verbs.recipe_of(name, {**SHORT, **settings}))
        found.setdefault(recipes.to_toml(recipe), (recipe, []))[1].append(row)
    return [pytest.param(recipe, id=", ".join(covered)) for recipe, covered in found.values()]


@pytest.mark.parametrize("recipe", cases())
def test_every_row_goes_the_whole_line(recipe: Recipe) -> None:
    whole = experiment.train(recipe, Path("whole"), Given(report=False, quiet=True))
    assert experiment.resolve(recipes.read(whole / "recipe.toml")) == recipe

    with dying(6):
        experiment.train(recipe, Path("killed"), Given(report=False, quiet=True))
    experiment.resume(Path("killed"), Given(report=False, quiet=True))
    assert outcome(Path("killed")) == outcome(whole)

    assert len(pellucid.predict(whole)) == ANSWERS[recipe.task["name"]]


def test_every_row_is_swept() -> None:
    swept = {row for row, _, _ in rows()} | ELSEWHERE
    # No ready-made recipe is of sounds: see tests/data/augmentations/test_training.py.
    swept |= {f"augmentation {name}" for name in ("speed", "shift", "noise", "equalise", "spec_augment")}
    tables = {"model": MODELS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES, "rule": RULES, "task": TASKS}
    tables["augmentation"] = AUGMENTATIONS
    assert swept == {f"{kind} {name}" for kind, table in tables.items() for name in table} | {"bf16"}


@pytest.mark.parametrize("form", ["modern", "1998"])
def test_lenet_goes_the_whole_line(form: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(40, 28, 28), dtype=np.uint8)
    settings = {**SHORT, "model.form": form, "train.batch_size": 8}
    whole = pellucid.fit(images, np.arange(40) % 2, model="lenet5", settings=settings, report=False, quiet=True)
    assert [answer["prediction"] in (0, 1) for answer in whole.predict(images[:3])] == [True] * 3
    with dying(6):
        pellucid.fit(
            images, np.arange(40) % 2, model="lenet5", settings=settings, out="killed", report=False, quiet=True
        )
    experiment.resume(Path("killed"), Given(report=False, quiet=True))
    assert outcome(Path("killed")) == outcome(whole.folder)


def test_bf16_is_near_fp32() -> None:
    losses = []
    for precision in ("fp32", "bf16"):
        settings = {**SHORT, "execution.precision": precision}
        run = pellucid.train("digits-mlp", settings, out=precision, report=False, quiet=True)
        losses.append(run.metrics["log_loss"])
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


@pytest.mark.parametrize("name", DATA)
def test_every_data_set_is_as_its_spec_says(name: str) -> None:
    spec = specs(name)
    if name not in (*SPECS, "descriptions") and not locate.folder(name).is_dir():
        pytest.skip(f"{name} is not in {locate.folder(name)}; set PELLUCID_DATA")
    columns = read(DataSection(source=name))
    assert columns.hash == read(DataSection(source=name)).hash
    if columns.schema["input"].kind == "tokens":  # what a text dictates are its characters
        assert tuple(map(chr, np.unique(columns.values["input"]))) == spec.input.categories[:-1]
        return
    if columns.schema["input"].kind == "text":  # what documents dictate are their tokens
        assert (spec.input.kind, spec.target) == ("tokens", columns.schema["target"])
        return
    assert columns.values["input"].shape[1:] == spec.input.shape
    assert columns.schema["input"] == spec.input
    assert columns.schema["target"] == spec.target


def test_every_table_is_listed() -> None:
    assert {name for table in TABLES for name in (row["name"] for row in pellucid.ls(table))} >= {
        *MODELS,
        *TASKS,
        *SOURCES,
    }
    for table in TABLES:
        for row in pellucid.ls(table):
            assert pellucid.show(f"{table}/{row['name']}")["line"] == row["line"]
            assert pellucid.show(row["name"])["name"] == row["name"]
