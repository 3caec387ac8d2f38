"""What there is: the tables as rows, one entry in full, a recipe as TOML to copy and change. Tables need no torch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pellucid.catalogue import Config, Entry, Table, sentences
from pellucid.errors import PellucidError, closest

if TYPE_CHECKING:
    from pellucid.spec import Spec

TABLES = {
    "recipes": "pellucid.recipes:RECIPES",
    "models": "pellucid.models:MODELS",
    "tasks": "pellucid.tasks:TASKS",
    "rules": "pellucid.rules:RULES",
    "sources": "pellucid.sources:SOURCES",
    "data": "pellucid.data:DATA",
    "augmentations": "pellucid.data.augmentations:AUGMENTATIONS",
    "environments": "pellucid.environments:ENVIRONMENTS",
    "optimizers": "pellucid.optim:OPTIMIZERS",
    "schedules": "pellucid.optim:SCHEDULES",
}


def ls(table: str = "recipes") -> list[dict[str, Any]]:
    """Return the rows of a table: name, family, paper, year and one line each."""
    return [_row(name, entry) for name, entry in _table(table).items()]


def show(name: str) -> dict[str, Any]:
    """Return one entry in full: for a recipe or a model its shapes, parameters and multiply-adds per layer.

    A model of the catalogue is shown as it would be built for its example data set. A name that stands in two tables
    is told apart by the table's: `rules/perceptron`.
    """
    chosen, _, name = name.rpartition("/")
    for table in [chosen] if chosen else TABLES:
        entry = _table(table).get(name)
        if entry is None:
            continue
        shown = {"table": table, **_row(name, entry)}
        if table == "recipes":
            return shown | _recipe(entry)
        if table in ("data", "environments"):
            return shown | {"spec": _spec(name).to_dict()}
        if table != "sources":
            shown["fields"] = _fields(entry.config())
        if table == "tasks":
            shown["fields"] |= {f"predict.{name}": about for name, about in _fields(entry.load().asking).items()}
        return shown | (_layers({"name": name}, entry.example) if table == "models" else {})
    everything = [known for table in TABLES for known in _table(table)]
    raise PellucidError(f"There is no {name!r} in any table. {closest(name, everything)}")


def _fields(config: type[Config]) -> dict[str, dict[str, Any]]:
    """The fields of a settings class, each with its default and its sentence."""
    documented = sentences(config)
    return {
        field: {"default": _plain(info.get_default(call_default_factory=True)), "meaning": documented.get(field, "")}
        for field, info in config.model_fields.items()
    }


def copy(name: str) -> str:
    """Return a recipe as TOML with a sentence above each field, to be changed and trained."""
    from pellucid.catalogue import find
    from pellucid.experiment import resolve
    from pellucid.models import MODELS
    from pellucid.recipe import to_toml
    from pellucid.recipes import RECIPES
    from pellucid.rules import RULES
    from pellucid.tasks import TASKS

    recipe = resolve(find(RECIPES, name, "recipe").load()())
    tables: dict[str, Table] = {"model": MODELS, "task": TASKS, "rule": RULES}
    settings: dict[str, type[Config]] = {}
    for part, table in tables.items():
        section = getattr(recipe, part)
        settings |= _settings(part, section, table[section["name"]].config())
    return to_toml(recipe, settings)


def _settings(path: str, section: Mapping[str, Any], config: type[Config]) -> dict[str, type[Config]]:
    """The settings class of a section and of every section inside it, by their paths."""
    from pellucid.optim import OPTIMIZERS, SCHEDULES

    found = {path: config}
    for name, inner in section.items():
        annotation = config.model_fields[name].annotation if name in config.model_fields else None
        if name in ("optimizer", "schedule"):
            table: Table = OPTIMIZERS if name == "optimizer" else SCHEDULES
            found[f"{path}.{name}"] = table[inner["name"]].config()
        elif isinstance(annotation, type) and issubclass(annotation, Config):
            found |= _settings(f"{path}.{name}", inner, annotation)
    return found


def _recipe(entry: Entry) -> dict[str, Any]:
    from pellucid.experiment import resolve

    recipe = resolve(entry.load()())
    return {"recipe": recipe.model_dump(), **_layers(recipe.model, recipe.data.source, recipe.prepare.context)}


def _layers(section: dict[str, Any], source: str, context: int | None = None) -> dict[str, Any]:
    """The layers of a model on a data set; of a text, it sees so many characters as the recipe says."""
    from pellucid.inspection.layers import describe
    from pellucid.models import build

    spec = _spec(source)
    if context is not None and spec.input.kind == "tokens":
        spec = replace(spec, input=replace(spec.input, shape=(context,)))
    plain = {
        key: value for key, value in section.items() if value != "layer_sequential"
    }  # needs data, changes no shape
    return {"data": source, **describe(build(plain, spec, seed=0), spec).to_dict()}


def _spec(source: str) -> Spec:
    """What a data set or an environment dictates."""
    from pellucid import environments
    from pellucid.data import world

    return environments.specs(source) if environments.is_named_by(source) else world.specs(source)


def _row(name: str, entry: Entry) -> dict[str, Any]:
    return {"name": name, "family": entry.family, "paper": entry.paper, "year": entry.year, "line": entry.line}


def _table(name: str) -> Table:
    if name not in TABLES:
        raise PellucidError(f"There is no table {name!r}. {closest(name, TABLES)}")
    module, _, attribute = TABLES[name].partition(":")
    table: Table = getattr(importlib.import_module(module), attribute)
    return table


def _plain(value: Any) -> Any:
    if isinstance(value, Config):  # a section with settings of its own
        return value.model_dump()
    return value if isinstance(value, str | int | float | bool | list | dict | tuple | None) else None
