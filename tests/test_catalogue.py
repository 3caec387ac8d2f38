"""The tables: every row loads, every field has its sentence, listing needs no torch, mistakes are told all at once."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from pellucid import listing, recipe
from pellucid.catalogue import Config, Entry, Table, configure, find, sentences, validate
from pellucid.errors import RecipeError

WITHOUT_SETTINGS = ("recipes", "sources", "data", "environments")


def table(name: str) -> Table:
    module, _, attribute = listing.TABLES[name].partition(":")
    found: Table = getattr(importlib.import_module(module), attribute)
    return found


ROWS = [pytest.param(entry, name, id=f"{name}:{row}") for name in listing.TABLES for row, entry in table(name).items()]


@pytest.mark.parametrize(("entry", "name"), ROWS)
def test_every_row_loads_and_is_described(entry: Entry, name: str) -> None:
    assert callable(entry.load())
    assert entry.load().__doc__
    assert entry.line
    assert entry.family
    assert 1700 < entry.year < 2100
    if name not in WITHOUT_SETTINGS:
        assert issubclass(entry.config(), Config)
        validate(entry.config(), {})  # every field has a default that is valid


def sections() -> dict[str, type[BaseModel]]:
    found = {
        name: thing for name, thing in vars(recipe).items() if name.endswith("Section") and isinstance(thing, type)
    }
    return found | {
        f"{name}:{row}": entry.config()
        for name in listing.TABLES
        if name not in WITHOUT_SETTINGS
        for row, entry in table(name).items()
    }


@pytest.mark.parametrize("config", [pytest.param(config, id=name) for name, config in sections().items()])
def test_every_field_has_its_sentence(config: type[BaseModel]) -> None:
    told = sentences(config)
    assert set(told) >= set(config.model_fields)
    for sentence in told.values():
        assert sentence[-1] in ".:)"
        assert "\n" not in sentence


def test_every_plain_field_of_a_recipe_has_its_sentence() -> None:
    plain = {"format", "name", "seed"}
    assert set(sentences(recipe.Recipe)) >= plain


def test_tables_are_listed_without_torch() -> None:
    modules = ", ".join(sorted({target.partition(":")[0] for target in listing.TABLES.values()}))
    code = (
        f"import sys, {modules}\n"
        "from pellucid import listing\n"
        "assert all(listing.ls(table) for table in listing.TABLES)\n"
        "heavy = {'torch', 'sklearn', 'polars', 'matplotlib', 'pandas', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


class Inner(Config):
    """Settings inside settings."""

    depth: int = Field(3, ge=1)
    """How deep."""


class Example(Config):
    """One field of every kind."""

    rate: float = Field(0.1, gt=0, le=1)
    """How fast."""
    size: Annotated[int, Field(ge=1)] | Literal["all"] = 4
    """How many, or "all"
    of them."""
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field((4,), min_length=1)
    """How wide."""
    names: list[str] = Field([])
    """What they are called."""
    kind: Literal["one", "two"] = "one"
    """Which."""
    fast: bool = False
    """Whether."""
    title: str = ""
    """What it is called."""
    inner: Inner = Inner()
    more: dict[str, Any] = Field({})
    """Anything."""
    limit: int | None = Field(None, le=9)
    """Where it ends."""


def problems(**values: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        validate(Example, values, "section")
    return caught.value.problems


def test_sentences_stand_under_their_fields() -> None:
    assert sentences(Inner) == {"depth": "How deep."}
    assert sentences(Example)["size"] == 'How many, or "all" of them.'
    assert "inner" not in sentences(Example)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"rate": 0}, "section.rate = 0: expected greater than 0."),
        ({"rate": 2}, "section.rate = 2: expected at most 1."),
        ({"rate": float("nan")}, "section.rate = nan: expected a finite number."),
        ({"rate": float("inf")}, "section.rate = inf: expected a finite number."),
        ({"rate": "fast"}, "section.rate = 'fast': expected a number."),
        ({"rate": None}, "section.rate = None: expected a number."),
        ({"size": 0}, "section.size = 0: expected at least 1, or 'all'."),
        ({"size": "some"}, "section.size = 'some': expected a whole number, or 'all'."),
        ({"widths": [8, 0]}, "section.widths.1 = 0: expected at least 1."),
        ({"widths": [0]}, "section.widths.0 = 0: expected at least 1."),
        ({"widths": []}, "section.widths = []: expected at least 1 value."),
        ({"widths": 8}, "section.widths = 8: expected a list in square brackets."),
        ({"names": "x"}, "section.names = 'x': expected a list in square brackets."),
        ({"names": [1]}, "section.names.0 = 1: expected text."),
        ({"kind": "three"}, "section.kind = 'three': expected 'one' or 'two'."),
        ({"fast": "maybe"}, "section.fast = 'maybe': expected true or false."),
        ({"title": 3}, "section.title = 3: expected text."),
        ({"inner": 3}, "section.inner = 3: expected a section with fields of its own."),
        ({"more": 3}, "section.more = 3: expected a section with fields of its own."),
        ({"inner": {"depth": 0}}, "section.inner.depth = 0: expected at least 1."),
        ({"inner": {"depth": 1.5}}, "section.inner.depth = 1.5: expected a whole number."),
        ({"inner": {"dept": 1}}, "section.inner.dept: there is no such field. Did you mean 'depth'?"),
        ({"ratee": 1}, "section.ratee: there is no such field. Did you mean 'rate'?"),
        ({"depth": 1}, "section.depth: there is no such field. Did you mean 'inner.depth'?"),
        ({"limit": 10}, "section.limit = 10: expected at most 9."),
    ],
)
def test_a_mistake_says_what_was_given_and_what_was_expected(values: dict[str, Any], expected: str) -> None:
    assert problems(**values) == [expected]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems(rate=0, size=0, widths=[0, 0], kind="x", inner={"depth": 0, "x": 1})) == 7


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Example().rate = 3  # type: ignore[misc]


def test_rows_are_found_by_name() -> None:
    rows = {"mlp": Entry("pellucid.models.mlp:MultilayerPerceptron", "dense", "", 1986, "")}
    assert find(rows, "mlp", "model") is rows["mlp"]
    with pytest.raises(RecipeError, match=r"model: there is no 'mpl'\. Did you mean 'mlp'\?"):
        find(rows, "mpl", "model")
    with pytest.raises(RecipeError, match=r"model\.name: there is no ''\. Known: mlp\."):
        configure(rows, {}, "model")
    assert configure(rows, {"name": "mlp", "hidden": [3]}, "model").model_dump()["hidden"] == (3,)
