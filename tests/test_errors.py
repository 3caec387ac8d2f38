"""Errors: each kind has a name and an exit code, and is a ValueError for library users."""

from __future__ import annotations

import pytest

from pellucid import errors
from pellucid.errors import PellucidError, RecipeError, closest


def kinds() -> list[type[PellucidError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PellucidError)]


def test_every_kind_has_a_name_of_its_own() -> None:
    assert len({kind.kind for kind in kinds()}) == len(kinds())
    assert all(issubclass(kind, ValueError) and kind.__doc__ for kind in kinds())


def test_only_failed_work_exits_with_one() -> None:
    assert {kind.__name__ for kind in kinds() if kind.exit_code != 2} == {"TrainingFailed"}


def test_a_recipes_problems_are_listed() -> None:
    assert str(RecipeError(["a: must be given."], where="x.toml")) == "x.toml: 1 problem\n  a: must be given."
    two = RecipeError(["a", "b"])
    assert str(two) == "recipe: 2 problems\n  a\n  b"
    assert two.problems == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "known", "answer"),
    [
        ("digit", ["digits", "mnist-mlp"], "Did you mean 'digits'?"),
        ("adm", ["adam", "adamw", "sgd"], "Did you mean 'adam' or 'adamw'?"),
        ("zzz", ["b", "a"], "Known: a, b."),
        ("zzz", [], "There are none."),
    ],
)
def test_the_nearest_names_are_offered(name: str, known: list[str], answer: str) -> None:
    assert closest(name, known) == answer
