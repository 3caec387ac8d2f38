"""What a recipe's augmentations need of its world, its task and its rule; what cannot learn from them is refused."""

from __future__ import annotations

from pellucid.data.augmentations import build
from pellucid.data.augmentations.augmentation import Augmentations
from pellucid.data.rows import Rows
from pellucid.data.world import World
from pellucid.errors import RecipeError
from pellucid.recipe import Recipe
from pellucid.spec import Spec


def augmentations(source: str, recipe: Recipe, world: World) -> Augmentations:
    """Return what a recipe's `augment` lists, made for this world.

    Args:
        source: what gives the batches.

    Raises:
        RecipeError: batches are no rows, one has no meaning for these rows, or the task or the rule cannot learn
            from rows that are mixed.
    """
    if source != "shuffled" or not isinstance(world, Rows):
        raise _refused(recipe, ["augment: it changes rows of data, and this task learns from none. Leave it out."])
    schema = world.columns.schema
    found = build(recipe.augment, Spec(schema["input"], schema.get("target")), world.spec)
    mixing = [section["name"] for section, step in zip(recipe.augment, found.steps, strict=True) if step.mixes]
    learning = {"task": recipe.task["name"], "rule": recipe.rule["name"]}
    problems = []
    if mixing and learning != {"task": "classify", "rule": "backpropagation"}:
        told = " and ".join(f"{part}.name = {name!r}" for part, name in learning.items())
        problems.append(
            f"augment: {mixing[0]} mixes rows, and so their classes, which is learned from by task.name = 'classify' "
            f"with rule.name = 'backpropagation' alone (here {told}). Leave it out."
        )
    if len(mixing) > 1:
        problems.append(f"augment: {' and '.join(mixing)} both mix rows in pairs. Choose one of them.")
    if problems:
        raise _refused(recipe, problems)
    return found


def _refused(recipe: Recipe, problems: list[str]) -> RecipeError:
    return RecipeError(problems, where=f"recipe {recipe.name!r}")
