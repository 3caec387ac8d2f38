"""What runs were told differently: the fields of their recipes, and the machines and versions that they ran on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pellucid.rundir import read_json

ABSENT = None
"""The value of a field that a recipe does not have."""
_AFTER = ("settled", "environment")
_OF_EVERY_RUN = ("created", "recipe_sha256")


def differing(runs: Sequence[Path]) -> dict[str, list[Any]]:
    """Return the fields in which the runs differ, by their dotted names, with the value of each run.

    Fields of the recipe come first, in its order; then the execution as it was `settled.`, and the `environment.`.
    """
    told = [_settings(run) for run in runs]
    every = dict.fromkeys(name for settings in told for name in settings)
    sections = list(dict.fromkeys(map(_section, every)))
    names = sorted(every, key=lambda name: (_section(name) in _AFTER, sections.index(_section(name))))
    found = {name: [settings.get(name, ABSENT) for settings in told] for name in names}
    return {name: values for name, values in found.items() if any(value != values[0] for value in values[1:])}


def _settings(run: Path) -> dict[str, Any]:
    path = run / "recipe.toml"
    settings = flattened(tomllib.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
    for name, before in (("execution", "settled"), ("environment", "environment")):
        if (run / f"{name}.json").is_file():
            values = {key: value for key, value in read_json(run / f"{name}.json").items() if key not in _OF_EVERY_RUN}
            settings |= flattened(values, f"{before}.")
    return settings


def _section(name: str) -> str:
    return name.partition(".")[0]


def flattened(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested values by dotted names.

    Example:
        >>> flattened({"rule": {"name": "adam", "schedule": {"warmup": 3}}})
        {'rule.name': 'adam', 'rule.schedule.warmup': 3}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flattened(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found
