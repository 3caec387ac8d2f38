"""Recipes: TOML both ways, every mistake at once with the nearest names, settings in any order."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid import listing, recipe
from pellucid.errors import RecipeError
from pellucid.experiment import resolve
from pellucid.recipe import FORMAT, Recipe, override, parse, read, to_toml
from pellucid.recipes import RECIPES

DIGITS: Recipe = RECIPES["digits-mlp"].load()()


def values(**changed: Any) -> dict[str, Any]:
    return {**DIGITS.model_dump(), **changed}


def problems(**changed: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        resolve(parse(values(**changed)))
    return caught.value.problems


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_comes_back_from_its_toml(name: str) -> None:
    made: Recipe = RECIPES[name].load()()
    assert parse(tomllib.loads(to_toml(made))) == made
    resolved = resolve(made)
    assert resolve(parse(tomllib.loads(to_toml(resolved)))) == resolved
    commented = listing.copy(name)
    assert resolve(parse(tomllib.loads(commented))) == resolved
    assert resolve(resolved) == resolved


def test_copied_toml_explains_every_field() -> None:
    commented = listing.copy("digits-mlp")
    for sentence in ("# Passes over the training rows.", "# Units of each hidden layer", "# Largest norm of the whole"):
        assert sentence in commented
    assert "# patience =" in commented  # a field that is left out
    assert max(map(len, commented.splitlines())) <= 120


@given(
    st.integers(0, 2**62),
    st.floats(0, 0.49),
    st.integers(1, 10**9) | st.just("all"),
    st.text(st.characters(codec="utf-8"), max_size=20),
)
def test_any_values_come_back(seed: int, share: float, batch_size: Any, text: str) -> None:
    made = parse(
        values(
            seed=seed,
            split={"validation": share, "test": share},
            train={"steps": 3, "batch_size": batch_size},
            model={"name": text, "list": [text, text], "below": {"flag": True, "x": share}},
        )
    )
    assert parse(tomllib.loads(to_toml(made))) == made


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"sed": 1}, "sed: there is no such field. Did you mean 'seed'?"),
        ({"epochs": 3}, "epochs: there is no such field. Did you mean 'train.epochs'?"),
        ({"split": {"tst": 0.1}}, "split.tst: there is no such field. Did you mean 'test'?"),
        ({"data": {}}, "data.source: must be given."),
        ({"data": "digits"}, "data = 'digits': expected a section with fields of its own."),
        ({"seed": -1}, "seed = -1: expected at least 0."),
        ({"train": {"epochs": 2.5}}, "train.epochs = 2.5: expected a whole number."),
        ({"train": {"epochs": 1, "batch_size": "al"}}, "train.batch_size = 'al': expected a whole number, or 'all'."),
        (
            {"train": {"epochs": 1, "steps": 1}},
            "train: expected exactly one of train.epochs and train.steps (here both).",
        ),
        ({"train": {}}, "train: expected exactly one of train.epochs and train.steps (here neither)."),
        (
            {"split": {"validation": 0.5, "test": 0.5}},
            "split: expected validation + test below 1, so that rows are left to train on (here 0.5 + 0.5).",
        ),
        (
            {"split": {"kind": "strat"}},
            "split.kind = 'strat': expected 'stratified', 'random', 'given', 'grouped', 'time' or 'contiguous'.",
        ),
        (
            {"name": "../x"},
            "name = '../x': expected letters, digits, '.', '_' and '-', a letter or a digit first: "
            "it is what a folder is called.",
        ),
        ({"model": {}}, "model.name: must be given."),
        ({"task": {"name": 3}}, "task.name = 3: expected text."),
        ({"model": {"name": "mpl"}}, "model.name: there is no 'mpl'. Did you mean 'mlp'?"),
        ({"model": {"name": "mlp", "widht": 1}}, None),
        (
            {"rule": {"name": "backpropagation", "optimizer": {"name": "adam", "lerning_rate": 1}}},
            "rule.optimizer.lerning_rate: there is no such field. Did you mean 'learning_rate'?",
        ),
        (
            {"rule": {"name": "backpropagation", "optimizer": {"name": "adm"}}},
            "rule.optimizer.name: there is no 'adm'. Did you mean 'adam' or 'adamw'?",
        ),
        ({"rule": {"name": "backpropagation", "clip": 0}}, "rule.clip = 0: expected greater than 0."),
        (
            {"format": FORMAT + 1, "new": 3},
            f"format = {FORMAT + 1}: this Pellucid reads recipes up to format {FORMAT}. Install a newer Pellucid.",
        ),
    ],
)
def test_a_mistake_is_told_in_words(changed: dict[str, Any], expected: str | None) -> None:
    found = problems(**changed)
    assert len(found) == 1
    assert expected is None or found == [expected]


@pytest.mark.parametrize(
    ("rate", "expected"), [(-1, "greater than 0"), (0, "greater than 0"), (float("nan"), "a finite number"),
                           (float("inf"), "a finite number"), ("fast", "a number")]
)  # fmt: skip
def test_a_learning_rate_is_a_finite_number_above_0(rate: Any, expected: str) -> None:
    rule = {"name": "backpropagation", "optimizer": {"name": "sgd", "learning_rate": rate}}
    assert problems(rule=rule) == [f"rule.optimizer.learning_rate = {rate!r}: expected {expected}."]


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(name="a b", seed=-1, model={}, train={"epochs": 0, "pateince": 1}, data={"source": 3})
    assert len(found) == 6
    sections = problems(model={"name": "x"}, task={"name": "classify", "x": 1}, rule={"name": "y"})
    assert [line.partition(":")[0] for line in sections] == ["model.name", "task.x", "rule.name"]


def refusal(call: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        call()
    return str(caught.value)


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert refusal(lambda: read(path)) == f"{path}: 1 problem\n  cannot be read: No such file or directory."
    path.write_bytes(b"\xff\xfe")
    assert refusal(lambda: read(path)).endswith("cannot be read: it is not UTF-8 text.")
    path.write_text("seed = = 3")
    assert refusal(lambda: read(path)).endswith("is not TOML: Invalid value (at line 1, column 8).")
    path.write_text(to_toml(DIGITS).replace("seed = 0", "sed = 0", 1))
    assert refusal(lambda: read(path)).startswith(f"{path}: 1 problem\n  sed: there is no such field.")
    path.write_text(to_toml(DIGITS), encoding="utf-8")
    assert read(path) == DIGITS


SETTINGS = ("model.hidden=[8, 4]", "model.name=mlp", "rule.optimizer.name=sgd", "rule.optimizer.momentum=0.5", "seed=3")


@pytest.mark.parametrize("order", list(itertools.permutations(SETTINGS))[::7])
def test_settings_mean_the_same_in_any_order(order: tuple[str, ...]) -> None:
    convnet = RECIPES["digits"].load()()
    changed = resolve(override(convnet, order))
    assert (changed.model["hidden"], changed.seed) == ((8, 4), 3)
    optimizer = changed.rule["optimizer"]
    assert (optimizer["name"], optimizer["momentum"]) == ("sgd", 0.5)
    assert "widths" not in changed.model  # the convolutional net's own


@pytest.mark.parametrize("settings", [("rule.optimizer.name=sgd", "rule.name=backpropagation"),
                                      ("rule.name=backpropagation", "rule.optimizer.name=sgd")])  # fmt: skip
def test_outer_names_come_before_inner_ones(settings: tuple[str, ...]) -> None:
    perceptron = RECIPES["digits-perceptron"].load()()
    assert resolve(override(perceptron, settings)).rule["optimizer"]["name"] == "sgd"


def test_the_same_name_keeps_its_fields() -> None:
    assert override(DIGITS, ["model.name=mlp"]) == DIGITS


def test_the_other_length_gives_way() -> None:
    for settings in (["train.steps=7"], iter(["train.steps=7"]), {"train.steps": 7}):
        train = override(DIGITS, settings).train
        assert (train.steps, train.epochs) == (7, None)
    assert "here both" in refusal(lambda: override(DIGITS, ["train.steps=7", "train.epochs=3"]))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("model.x=3", 3),
        ("model.x=1e-3", 1e-3),
        ("model.x=true", True),
        ("model.x=[64, 'a']", [64, "a"]),
        ("model.x=plain text", "plain text"),
        ("model.x=a=b", "a=b"),
        ('model.x="3"', "3"),
        ("model.x=2026-01-01", "2026-01-01"),
        ("model.x.y=3", {"y": 3}),
        ("model.x=", None),
        (" model.x = 3", 3),
    ],
)
def test_values_are_toml_or_text(setting: str, value: Any) -> None:
    assert override(DIGITS, [setting]).model["x"] == value


def test_an_empty_value_leaves_a_field_out() -> None:
    assert override(RECIPES["diabetes-mlp"].load()(), ["train.patience="]).train.patience is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["epochs"], "'epochs': expected section.field=value, such as train.epochs=3."),
        (["=3"], "'=3': expected section.field=value, such as train.epochs=3."),
        (["train..epochs=3"], "'train..epochs': expected section.field, such as train.epochs."),
        (["seed.x=3"], "seed.x: 'seed' is a value, it has no fields."),
        (["train.epochs=5", "train=3"], "train.epochs: 'train' is a value, it has no fields."),
        (["data.name=mnist"], "data.name: there is no such field. Known: header, ignore, input,"),
        (["foo.bar=3"], "foo: there is no such field. Known: augment, data, evaluate,"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(settings: list[str], message: str) -> None:
    assert message in refusal(lambda: override(DIGITS, settings))


def test_a_recipe_is_not_changed_by_settings() -> None:
    before = DIGITS.model_dump()
    changed = override(DIGITS, {"model.hidden": (given := [3])})
    given.append(4)
    assert (DIGITS.model_dump(), changed.model["hidden"]) == (before, [3])
    assert DIGITS.format == recipe.FORMAT
