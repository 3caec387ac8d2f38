"""Tables of what there is, and the typed settings that each row takes. Listing a table imports nothing else.

Each room that offers a choice has a literal table `name -> Entry` in its `__init__.py`. A row's class is imported
when it is used; its settings are the frozen `Config` that stands in the class's own file.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pellucid.errors import RecipeError, closest


class Config(BaseModel):
    """Base of every settings class: frozen, and no field that it does not know. Each field has a sentence under it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Entry:
    """One row of a catalogue."""

    target: str
    """`"module:name"` of the class or function."""
    family: str
    paper: str
    year: int
    line: str
    """What it is, in one line."""
    example: str = ""
    """For a model: the data set whose spec shows its shapes."""

    def load(self) -> Any:
        """Import and return the class or function."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)

    def config(self) -> type[Config]:
        """Import and return the settings class that stands beside the target."""
        module, _, _ = self.target.partition(":")
        config: type[Config] = importlib.import_module(module).Config
        assert issubclass(config, Config)
        return config


Table = Mapping[str, Entry]
C = TypeVar("C", bound=BaseModel)


def find(table: Table, name: str, what: str) -> Entry:
    """Return the row called `name`; raise `RecipeError` with the closest names where there is none."""
    if name not in table:
        raise RecipeError([f"{what}: there is no {name!r}. {closest(name, table)}"], where=what)
    return table[name]


def configure(table: Table, section: Mapping[str, Any], where: str) -> Config:
    """Validate a recipe's section (a name and that row's own fields) against the row's settings.

    Raises `RecipeError` with every problem of the section, each naming the field as the recipe spells it.
    """
    values = dict(section)
    entry = find(table, str(values.pop("name", "")), f"{where}.name")
    return validate(entry.config(), values, where)


def validate(config: type[C], values: Mapping[str, Any], where: str = "") -> C:
    """Build `config` from plain values, turning pydantic's errors into ours: all at once, with the closest names."""
    try:
        return config.model_validate(dict(values))
    except ValidationError as error:
        raise RecipeError(problems(error, config, where), where=where or "recipe") from None


def problems(error: ValidationError, config: type[BaseModel], where: str) -> list[str]:
    """One line per mistake: the field, what was given, what was expected."""
    lines: list[str] = []
    for item in error.errors():
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, RecipeError):  # a nested section that was looked up in a table of its own
            lines += [f"{where}.{problem}" if where else problem for problem in cause.problems]
            continue
        path = ".".join(str(part) for part in item["loc"])
        field = f"{where}.{path}" if where and path else where or path
        if item["type"] == "extra_forbidden":
            known = _fields_at(config, item["loc"][:-1])
            lines.append(f"{field}: there is no such field. {closest(str(item['loc'][-1]), known)}")
        elif item["type"] == "missing":
            lines.append(f"{field}: must be given.")
        else:
            expected = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            lines.append(f"{field} = {item['input']!r}: expected {expected}.")
    return lines


def _fields_at(config: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The field names of the settings class that `path` leads to."""
    for part in path:
        annotation = config.model_fields[str(part)].annotation if str(part) in config.model_fields else None
        if not (inspect.isclass(annotation) and issubclass(annotation, BaseModel)):
            return []
        config = annotation
    return list(config.model_fields)


@cache
def sentences(config: type[BaseModel]) -> dict[str, str]:
    """Return the sentence that stands under each field of a settings class, read from its source."""
    found: dict[str, str] = {}
    for base in reversed(config.__mro__):
        if not (issubclass(base, BaseModel) and base is not BaseModel and base is not Config):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for line, following in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
            ):
                found[line.target.id] = " ".join(str(following.value.value).split())
    return found
