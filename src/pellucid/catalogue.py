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
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from pellucid.errors import RecipeError, closest


class Config(BaseModel):
    """Base of every settings class: frozen, and no field that it does not know. Each field has a sentence under it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_not_one(cls, value: Any, info: ValidationInfo) -> Any:
        """Python counts with true and false; whoever writes them as a number has mistaken the field."""
        kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
        if isinstance(value, bool) and bool not in kinds and kinds & {int, float}:
            raise ValueError("a whole number" if float not in kinds else "a number")
        return value


def _kinds(annotation: Any) -> set[Any]:
    """The plain types that an annotation allows, through unions and `Annotated`; not those inside a list."""
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return {kind for part in get_args(annotation) for kind in _kinds(part)}
    return {annotation} if isinstance(annotation, type) else set()


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
    for path, item, expected in _mistakes(error, config):
        field = ".".join(filter(None, (where, *path)))
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, RecipeError):  # a nested section that was looked up in a table of its own
            section = ".".join(filter(None, (where, *path[:-1])))  # its problems begin with the field's own name
            lines += [f"{section}.{problem}" if section else problem for problem in cause.problems]
        elif item["type"] == "extra_forbidden":
            lines.append(f"{field}: there is no such field. {_nearest(config, path)}")
        elif item["type"] == "missing":
            lines.append(f"{field}: must be given.")
        elif isinstance(item["input"], Mapping) and item["type"] == "value_error":  # fields that do not go together
            lines.append(f"{field}: expected {expected}." if field else f"expected {expected}.")
        else:
            lines.append(f"{field} = {item['input']!r}: expected {expected}.")
    return lines


def _mistakes(error: ValidationError, config: type[BaseModel]) -> list[tuple[tuple[str, ...], Any, str]]:
    """The field, pydantic's item and what was expected, once per field where one of several types was possible."""
    found: dict[tuple[str, ...], tuple[Any, list[str]]] = {}
    for item in error.errors():
        path = _path(config, item["loc"])
        found.setdefault(path, (item, []))[1].append(_expected(item))
    return [
        (path, item, ", or ".join(dict.fromkeys(expected)))
        for path, (item, expected) in found.items()
        # What is wrong inside a list says more than that the list as a whole is none of the possible types
        if not any(len(other) > len(path) and other[: len(path)] == path for other in found)
    ]


def _path(config: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Where a mistake is as a recipe spells it: pydantic also names the branch of a union that it tried."""
    path: list[str] = []
    inner: type[BaseModel] | None = config
    for part in location:
        if isinstance(part, int) or inner is not None:
            path.append(str(part))
        inner = _section(inner, str(part)) if inner is not None else None
    return tuple(path)


def _section(config: type[BaseModel], field: str) -> type[BaseModel] | None:
    """The settings class of a field that is a section of its own."""
    annotation = config.model_fields[field].annotation if field in config.model_fields else None
    return annotation if inspect.isclass(annotation) and issubclass(annotation, BaseModel) else None


def _nearest(config: type[BaseModel], path: tuple[str, ...]) -> str:
    """The known fields nearest to one that is not there; at the top also a field of a section."""
    *parents, name = path
    inner: type[BaseModel] | None = config
    for parent in parents:
        inner = _section(inner, parent) if inner is not None else None
    known = inner.model_fields if inner is not None else {}
    for section in known:
        if inner is not None and name in getattr(_section(inner, section), "model_fields", ()):
            return f"Did you mean '{section}.{name}'?"
    return closest(name, known)


_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list in square brackets",
    "tuple": "a list in square brackets",
    "dict": "a section with fields of its own",
    "model": "a section with fields of its own",
}


def _expected(item: Any) -> str:
    """What was expected, in a newcomer's words where pydantic's are a programmer's."""
    kind, limits = str(item["type"]), item.get("ctx", {})
    name, _, how = kind.partition("_")
    if how in ("type", "parsing", "from_float") and name in _TYPES:
        return _TYPES[name]
    if kind == "too_short":
        return f"at least {limits['min_length']} {'value' if limits['min_length'] == 1 else 'values'}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"at least {limits['ge']:g}" if "ge" in limits else f"at most {limits['le']:g}"
    return str(item["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")


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
