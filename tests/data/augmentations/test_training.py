"""Augmentation through the whole line: training alone sees it, it is resumed to the byte, and misuse is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from pellucid import experiment, propose, verbs
from pellucid import recipe as recipes
from pellucid.data import augmentations
from pellucid.data.augmentations import AUGMENTATIONS
from pellucid.data.world import read
from pellucid.errors import RecipeError
from pellucid.execution import decide
from pellucid.experiment import Given
from pellucid.recipe import DataSection
from pellucid.rules.backpropagation import Backpropagation
from pellucid.sources import shuffled
from pellucid.sources.shuffled import Shuffled
from tests.data.noises import classes
from tests.training.runs import QUICK, dying, outcome

PICTURES: list[dict[str, Any]] = [
    {"name": name} | ({"pad": 1} if name == "crop" else {}) | ({"outside": "reflect"} if name == "affine" else {})
    for name in AUGMENTATIONS
    if "pictures" in AUGMENTATIONS[name].family and name != "cutmix"
]
SHORT = {**QUICK, "train.steps": 9, "train.evaluate_every": 3, "train.checkpoint_every": 2}
QUIET = Given(report=False, quiet=True)


def recipe_of(name: str, augment: list[dict[str, Any]], **more: Any) -> recipes.Recipe:
    return experiment.resolve(verbs.recipe_of(name, {**SHORT, "augment": augment, **more}))


def parts_of(recipe: recipes.Recipe) -> experiment.Parts:
    return experiment.assemble(recipe, decide(recipe.execution), QUIET)


@pytest.mark.parametrize(
    ("name", "augment", "more"),
    [
        ("digits-mlp", [{"name": "cutmix"}], {"rule.accumulate": 3, "task.class_weights": "balanced"}),
        ("diabetes-mlp", [{"name": "feature_noise"}], {"train.batch_size": "all"}),
    ],
)
def test_a_killed_run_ends_as_the_unbroken_one(name: str, augment: list[dict[str, Any]], more: dict[str, Any]) -> None:
    recipe = recipe_of(name, augment, **more)
    whole = experiment.train(recipe, Path("whole"), QUIET)
    assert experiment.resolve(recipes.read(whole / "recipe.toml")) == recipe
    with dying(6):
        experiment.train(recipe, Path("killed"), QUIET)
    experiment.resume(Path("killed"), QUIET)
    assert outcome(Path("killed")) == outcome(whole)
    plain = experiment.train(recipe_of(name, [], **more), Path("plain"), QUIET)
    assert outcome(plain)[0] != outcome(whole)[0]


def test_a_run_on_sounds_is_resumed_too() -> None:
    pytest.importorskip("soundfile")
    proposed = propose(classes(Path("tones"), each=12)).recipe
    settings = {**SHORT, "model.widths": [4, 8], "prepare.mels": 16, "train.batch_size": 8, "train.epochs": None}
    augment = [{"name": "speed"}, {"name": "shift"}, {"name": "noise"}, {"name": "equalise"}, {"name": "spec_augment"}]
    recipe = experiment.resolve(recipes.override(proposed, {**settings, "augment": augment}))
    whole = experiment.train(recipe, Path("whole"), QUIET)
    with dying(6):
        experiment.train(recipe, Path("killed"), QUIET)
    experiment.resume(Path("killed"), QUIET)
    assert outcome(Path("killed")) == outcome(whole)


def test_a_recorded_gradient_is_that_of_the_chain_rule() -> None:
    captured, eager = (
        experiment.train(
            recipe_of("digits-mlp", [{"name": "mixup", "alpha": 1}], **{"execution.variant": variant}),
            Path(variant),
            QUIET,
        )
        for variant in ("captured", "eager")
    )
    weights = [load_file(run / "artefact/model.safetensors") for run in (captured, eager)]
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_mixed_batch_is_recorded() -> None:
    parts = parts_of(recipe_of("digits-mlp", [{"name": "mixup"}], **{"execution.variant": "captured"}))
    assert isinstance(parts.rule, Backpropagation)
    for _ in range(4):
        parts.rule.step(parts.source.next())
    assert parts.rule.gradient.captured
    assert not parts.rule.gradient.reason


def test_training_sees_it_and_nobody_else() -> None:
    """Whatever is judged, shown to a baseline or kept as an example is as without it."""
    seen: list[Any] = []
    for augment in (PICTURES, []):
        parts = parts_of(recipe_of("digits-mlp", augment))
        world = parts.world
        world.seal.open()
        assert isinstance(parts.source, Shuffled)
        first = parts.source.next()
        rows = first.rows
        looked = [batch["input"] for part in ("train", "validation", "test") for batch in world.batches(part)]
        seen.append((first["input"], rows, [world.sample(), parts.source.example()["input"], *looked]))
    (augmented, rows, others), (plain, same_rows, same) = seen
    assert torch.equal(rows, same_rows)
    assert not torch.equal(augmented, plain)
    assert all(torch.equal(one, other) for one, other in zip(others, same, strict=True))


@pytest.mark.parametrize("gathered", [1, 100_000, 1 << 30])
def test_rows_change_from_epoch_to_epoch_and_not_with_what_is_gathered(
    gathered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def epochs() -> list[dict[int, torch.Tensor]]:
        source = parts_of(recipe_of("digits-mlp", PICTURES[:4], **{"train.batch_size": 200})).source
        batches = [[source.next() for _ in range(source.steps_per_epoch or 0)] for _ in range(2)]
        return [
            {row: values for batch in epoch for row, values in zip(batch.rows.tolist(), batch["input"], strict=True)}
            for epoch in batches
        ]

    usual = epochs()
    monkeypatch.setattr(shuffled, "GATHER_BYTES", gathered)
    again = epochs()
    for one, other in zip(usual, again, strict=True):
        assert all(torch.allclose(one[row], other[row], atol=1e-5) for row in one)
    assert np.mean([torch.equal(usual[0][row], usual[1][row]) for row in usual[0]]) < 0.02


def test_the_one_batch_of_an_epoch_is_drawn_anew() -> None:
    source = parts_of(recipe_of("diabetes-mlp", [{"name": "feature_noise"}], **{"train.batch_size": "all"})).source
    first, second = source.next(), source.next()
    assert torch.equal(first.rows, second.rows)
    assert not torch.equal(first["input"], second["input"])
    source.load_state_dict({"step": 1})
    assert torch.equal(source.next()["input"], second["input"])


def test_what_training_sees_is_shown_in_the_report() -> None:
    run = experiment.train(recipe_of("digits", PICTURES), Path("run"), Given(quiet=True))
    pixels = load_file(run / "exhibits.safetensors")["augmented"]
    assert pixels.shape == (6, 8, 1, 8, 8)
    labels = json.loads((run / "exhibits.json").read_text())[0]["row_labels"]
    digits = read(DataSection(source="digits")).dense("input")
    rows = [int(label.removeprefix("row ")) for label in labels]
    assert pixels[:, 0] == pytest.approx(digits[rows].astype(np.float32), abs=1e-5)
    assert "What training sees" in (run / "report.html").read_text()


def refused(name: str, augment: list[dict[str, Any]], **more: Any) -> str:
    with pytest.raises(RecipeError) as told:
        parts_of(recipe_of(name, augment, **more))
    return str(told.value)


def test_every_mistake_of_the_list_is_told_at_once() -> None:
    told = refused(
        "digits-mlp", [{"name": "flipp"}, {"pad": 3}, {"name": "crop", "pads": 3}, {"name": "crop", "pad": 0}]
    )
    assert "augment.0.name: there is no 'flipp'. Did you mean 'flip'?" in told
    assert "augment.1.name: must be given" in told
    assert "augment.2.pads: there is no such field. Did you mean 'pad'?" in told
    assert "augment.3.pad = 0: expected at least 1" in told


def test_what_has_no_meaning_for_the_data_is_refused() -> None:
    told = refused("diabetes-mlp", [{"name": "flip"}, {"name": "crop"}])
    assert "augment.0.name = 'flip': it changes pictures, and the input is number. Leave it out." in told
    assert "augment.1.name = 'crop'" in told
    assert "this task learns from none" in refused("descriptions-lstm", [{"name": "flip"}])
    assert "this task learns from none" in refused("cartpole-ppo", [{"name": "feature_noise"}])


def test_mixed_rows_are_for_cross_entropy_alone() -> None:
    assert "task.name = 'density'" in refused("digits-rbm", [{"name": "mixup"}], **{"train.batch_size": 64})
    assert "rule.name = 'perceptron'" in refused("digits-perceptron", [{"name": "mixup"}])
    assert "mixup and cutmix both mix rows" in refused("digits-mlp", [{"name": "mixup"}, {"name": "cutmix"}])


def test_a_line_search_is_refused() -> None:
    assert "no augment" in refused("digits-softmax", [{"name": "crop", "pad": 1}])


def test_a_list_of_the_command_line_is_kept_as_toml() -> None:
    recipe = verbs.recipe_of("digits-mlp", ['augment=[{name="flip"}, {name="crop", pad=2}]'])
    assert [section["name"] for section in recipe.augment] == ["flip", "crop"]
    full = experiment.resolve(recipe)
    assert full.augment[1] == {"name": "crop", "pad": 2, "outside": "zeros"}
    Path("recipe.toml").write_text(recipes.to_toml(full))
    assert experiment.resolve(recipes.read(Path("recipe.toml"))) == full
    assert experiment.resolve(full) == full
    assert augmentations.resolve(()) == ()
