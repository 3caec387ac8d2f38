"""The runs of a cross-validation: every fold of every repeat, with every seed, each a recipe and a split of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.data import inner
from pellucid.data.columns import Columns
from pellucid.data.folds import folds as deal_folds
from pellucid.data.split import Split
from pellucid.errors import PellucidError
from pellucid.recipe import Recipe


@dataclass(frozen=True)
class Plan:
    """How often, and on how many folds, a recipe is carried out."""

    folds: int = 5
    repeats: int = 1
    seeds: int = 1

    def check(self) -> None:
        """Raise `PellucidError` where there is nothing to validate by."""
        wanted = {"folds": (self.folds, 2), "repeats": (self.repeats, 1), "seeds": (self.seeds, 1)}
        for name, (given, least) in wanted.items():
            if given < least:
                raise PellucidError(f"{name} = {given}: expected {least} or more.")

    @property
    def told(self) -> str:
        """In words."""
        parts = [f"{self.folds} folds"]
        if self.repeats > 1:
            parts.append(f"dealt {self.repeats} times")
        if self.seeds > 1:
            parts.append(f"{self.seeds} seeds each")
        return ", ".join(parts)


@dataclass(frozen=True)
class Member:
    """One run: a fold, a seed.

    Attributes:
        name: of its folder: "fold-2", "repeat-1-fold-2-seed-0".
        fold, repeat: counted from 1.
        recipe: with its seed.
        split: its `test` is the fold, its `validation` is inside the rest.
        outside: how many rows are not of the fold: what a fold's score is a score of.
    """

    name: str
    fold: int
    repeat: int
    recipe: Recipe
    split: Split
    outside: int


def members(recipe: Recipe, columns: Columns, plan: Plan) -> list[Member]:
    """Return every run, fold after fold, repeat after repeat, seed after seed.

    Args:
        columns: whose rows the folds are dealt of.

    Raises:
        DataError: they cannot be dealt into so many folds.
    """
    dealt = deal_folds(recipe.split, columns, plan.folds, plan.repeats)
    made = []
    for place, fold in enumerate(dealt):
        repeat, number = divmod(place, plan.folds)
        name = f"fold-{number + 1}" if plan.repeats == 1 else f"repeat-{repeat + 1}-fold-{number + 1}"
        split = inner.judged_apart(fold, columns, name)
        made += [
            Member(
                name if plan.seeds == 1 else f"{name}-seed-{seed}",
                number + 1,
                repeat + 1,
                recipe.model_copy(update={"seed": seed}),
                split,
                len(fold.parts["train"]),
            )
            for seed in range(recipe.seed, recipe.seed + plan.seeds)
        ]
    return made


def judged_to_training(made: Sequence[Member]) -> float:
    """Return how many rows judge a fold for each one outside it, on average over the folds."""
    return sum(len(member.split.parts["test"]) / member.outside for member in made) / len(made)
