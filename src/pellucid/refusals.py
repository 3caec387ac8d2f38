"""What a recipe cannot ask for: settings against one another, the data or the model, or without effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from pellucid.artefacts.artefact import OWN
from pellucid.data.columns import Columns
from pellucid.data.world import World
from pellucid.errors import PellucidError, RecipeError, RunError
from pellucid.recipe import Recipe
from pellucid.tasks.task import Borrower, Task


def check_given(recipe: Recipe, columns: Columns | None, module: nn.Module | None) -> None:
    """Refuse a recipe that speaks of another model or other data than what was given, and settings without effect."""
    own = recipe.model["name"] == OWN
    if own and module is None:
        raise RunError(
            f"This run trains your own model ({recipe.model.get('class', 'a class')}), whose code it does not keep. "
            "Go on in Python: pellucid.fit(X, y, model=YourModel(), resume=RUN)."
        )
    problems = []
    if module is not None and any(map(is_lazy, module.parameters())):
        problems.append("model: it has lazy layers whose sizes are not known yet. Run one batch through it first.")
    if module is not None and (not own or set(recipe.model) != {"name", "class"}):
        problems.append("model: you gave a model of your own, so the recipe's model has no name or fields to set.")
    if columns is not None and recipe.data.source != "arrays":
        problems.append(f"data.source = {recipe.data.source!r}: you gave arrays, so it is 'arrays'.")
    if problems:
        raise RecipeError(problems, where=f"recipe {recipe.name!r}")


def check_validated(recipe: Recipe, world: World) -> None:
    """Refuse what waits for validations where nothing is validated."""
    if world.size("validation") > 0:
        return
    problems = [
        f"{where}.schedule.name = 'plateau': it waits for validations, and split.validation = 0."
        for where, update in _updates(recipe)
        if update.get("schedule", {}).get("name") == "plateau"
    ]
    if recipe.train.patience is not None:
        problems.insert(0, "train.patience: nothing is validated (split.validation = 0), so nothing can be waited for.")
    if problems:
        raise RecipeError(problems, where=f"recipe {recipe.name!r}")


def check_line_search(recipe: Recipe, task: Task, model: nn.Module) -> None:
    """Refuse what compares losses from step to step where they are not of the same rows."""
    if recipe.rule.get("optimizer", {}).get("name") == "lbfgs" and (
        recipe.train.batch_size != "all" or task.source(model) != "shuffled" or recipe.augment
    ):
        remedy = 'train.batch_size="all"' if task.source(model) == "shuffled" else "another optimizer, such as adam"
        remedy = "no augment, which changes the rows in every epoch" if recipe.augment else remedy
        message = f"rule.optimizer.name = 'lbfgs' needs the same loss at every step: {remedy}."
        raise RecipeError([message], where=f"recipe {recipe.name!r}")


def _updates(recipe: Recipe) -> list[tuple[str, Mapping[str, Any]]]:
    """The sections of a rule that may hold an optimizer and a schedule: its own, and one for each of its updates."""
    inner = [(f"rule.{name}", section) for name, section in recipe.rule.items() if isinstance(section, Mapping)]
    return [("rule", recipe.rule), *inner]


def check_alone(recipe: Recipe, task: Task) -> None:
    """Refuse to take a fold, or a piece of the rows, where scores are by what another run learned: each would have a
    yardstick of its own."""
    if isinstance(task, Borrower):
        raise PellucidError(
            f"task.name = {recipe.task['name']!r} judges by what another run learned of the same rows, and there is "
            "none for a fold or another piece of them. Use pellucid train RECIPE --seeds 5."
        )


def check_beside_a_run(overruled: Sequence[str]) -> None:
    """Refuse what a resumed run's recipe overrules."""
    if overruled:
        told = ", ".join(_argument(field) for field in overruled)
        raise PellucidError(f"A resumed run keeps its own recipe: leave out {told}, or fit a new run.")


def check_beside_a_recipe(overruled: Mapping[str, Any]) -> None:
    """Refuse what a recipe says itself, and tell how to change it there."""
    if overruled:
        told = ", ".join(_argument(field) for field in overruled)
        raise PellucidError(
            f"A recipe says itself what you gave beside it: {told}. Leave that out, or change the recipe: "
            f"settings={dict(overruled)!r}."
        )


def _argument(field: str) -> str:
    """What `fit` calls a recipe's field: `model` for `model.name`, `test` for `split.test`."""
    return field.removesuffix(".name").rpartition(".")[2]
