"""What a run left in its folder, read once. Everything that the page says comes from here."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.errors import RunError
from pellucid.exhibit import Exhibit, Signal, from_files
from pellucid.rundir import check, read_json, read_lines

PARTS = ("train", "validation", "test")
Result = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """A run, as its folder tells it.

    Attributes:
        recipe, recipe_text: the resolved recipe, as values and as written.
        split: who is in which part, how it was drawn, counts per part and class.
        layers: the network layer by layer; None where it was not described.
        trained, validated: the two kinds of lines of metrics.jsonl.
        results: by part, those that hold scores.
        steps: the fitted preprocessing, each with the rows that it saw.
        looks: when the test part was opened.
        signals: what the rule and the task ask to be watched.
        exhibits: what the task shows of the kept weights.
    """

    folder: Path
    recipe: Mapping[str, Any]
    recipe_text: str
    environment: Mapping[str, Any]
    execution: Mapping[str, Any]
    split: Mapping[str, Any]
    layers: Mapping[str, Any] | None
    trained: Sequence[Mapping[str, Any]]
    validated: Sequence[Mapping[str, Any]]
    results: Mapping[str, Result]
    account: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    looks: Sequence[str]
    signals: Sequence[Signal] = ()
    exhibits: Sequence[Exhibit] = ()

    @property
    def main(self) -> Result | None:
        """The result that counts: test once it was opened, else validation."""
        return self.results.get("test") or self.results.get("validation")

    @property
    def detailed(self) -> Result | None:
        """The result whose mistakes are shown: validation, so that nobody is led to tune on the test rows."""
        return self.results.get("validation") or self.results.get("test")

    @property
    def clock(self) -> tuple[str, str]:
        """What the curves are drawn against: the key of a line, and its name."""
        lines = (*self.trained, *self.validated)
        return ("epoch", "epoch") if all(line.get("epoch") is not None for line in lines) else ("step", "step")

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The validation that was the best, where one was."""
        return next((line for line in reversed(self.validated) if line.get("best")), None)

    @property
    def keeps_best(self) -> bool:
        """Whether validation chose the weights; otherwise they are the last."""
        return bool(self.recipe.get("train", {}).get("keep", "best") == "best" and self.best is not None)

    def predictions(self, part: str, only: Collection[int] | None = None) -> dict[str, list[str]]:
        """Return the columns of a part's predictions (of some row ids `only`); empty where they were not kept."""
        path = self.folder / f"predictions/{part}.csv"
        if not path.exists():
            return {}
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            names = next(lines, [])
            wanted = None if only is None else {str(row) for row in only}
            place = names.index("row") if "row" in names else 0
            rows = [line for line in lines if wanted is None or line[place] in wanted]
        return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def read(folder: Path) -> Record:
    """Read a run folder.

    Raises:
        RunError: `folder` is not a run, or a file that every run has is missing or damaged.
    """
    check(folder)
    text = (folder / "recipe.toml").read_text(encoding="utf-8")
    try:
        recipe = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RunError(f"{folder / 'recipe.toml'} cannot be read: it is damaged ({error}).") from None
    if not (folder / "metrics.jsonl").exists():
        raise RunError(
            f"{folder} cannot be reported: it has no metrics.jsonl, so nothing was trained there yet. "
            f"Go on with it first: pellucid train --resume {folder}"
        )
    lines = read_lines(folder / "metrics.jsonl")
    found = {part: _optional(folder / f"results/{part}.json") for part in ("validation", "test")}
    return Record(
        folder=folder,
        recipe=recipe,
        recipe_text=text,
        environment=read_json(folder / "environment.json"),
        execution=read_json(folder / "execution.json"),
        split=read_json(folder / "split.json"),
        layers=_optional(folder / "layers.json"),
        trained=[line for line in lines if line["kind"] == "train"],
        validated=[line for line in lines if line["kind"] == "validation"],
        results={part: result for part, result in found.items() if result and result.get("metrics")},
        account=next((result for result in found.values() if result), {}),
        steps=(_optional(folder / "artefact/preprocessing.json") or {}).get("steps", []),
        signals=[Signal(**values) for values in _optional(folder / "signals.json") or []],
        exhibits=_exhibits(folder),
        looks=[line["when"] for line in read_lines(folder / "looks.jsonl") if line.get("split") == "test"],
    )


def _exhibits(folder: Path) -> list[Exhibit]:
    told = _optional(folder / "exhibits.json")
    if not told:
        return []
    pixels = folder / "exhibits.safetensors"
    if not pixels.exists():
        return from_files([each for each in told if each["kind"] != "images"], {})
    from safetensors.numpy import load_file

    return from_files(told, load_file(pixels))


def _optional(path: Path) -> Any:
    return read_json(path) if path.exists() else None
