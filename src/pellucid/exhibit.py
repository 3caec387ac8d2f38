"""What a run shows of itself beyond scores: signals to watch while it learns; pictures, texts and curves to look at.

A rule and a task name their signals; a task makes exhibits of the kept weights. The run folder holds both as plain
files, and the report draws them without knowing whose they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Signal:
    """A number of metrics.jsonl, what it means, and the range in which all is well.

    Attributes:
        name: its key in the lines of training, or among the scores of validation.
        title: its name in words.
        meaning: what it says, in a sentence or two.
        low, high: where all is well; None is no limit.
        when_low, when_high: what is wrong beyond a limit, and what to do.
    """

    name: str
    title: str
    meaning: str
    low: float | None = None
    high: float | None = None
    when_low: str = ""
    when_high: str = ""


@dataclass(frozen=True)
class Images:
    """A grid of pictures, `[rows, columns, channels, height, width]`: uint8, or floats in 0 to 1."""

    name: str
    title: str
    caption: str
    pixels: NDArray[Any]
    row_labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Texts:
    """Passages of text, each with a label."""

    name: str
    title: str
    caption: str
    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Curves:
    """Lines over one axis.

    Attributes:
        lines: the heights over `x` by name.
        bands: of some lines, the lower and the upper edge of what surrounds them.
        marks: places on the axis to point out, by name.
    """

    name: str
    title: str
    caption: str
    x_label: str
    y_label: str
    x: Sequence[float]
    lines: Mapping[str, Sequence[float]]
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)
    marks: Mapping[str, float] = field(default_factory=dict)


Exhibit = Images | Texts | Curves
_KINDS: dict[str, type[Exhibit]] = {"images": Images, "texts": Texts, "curves": Curves}


def to_files(exhibits: Sequence[Exhibit]) -> tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]:
    """Return exhibits as JSON types, and the pixels of the pictures by name."""
    told: list[dict[str, Any]] = []
    pixels: dict[str, NDArray[Any]] = {}
    for exhibit in exhibits:
        kind = next(name for name, of_kind in _KINDS.items() if isinstance(exhibit, of_kind))
        values = dict(vars(exhibit))
        if isinstance(exhibit, Images):
            pixels[exhibit.name] = np.ascontiguousarray(values.pop("pixels"))
        told.append({"kind": kind, **values})
    return told, pixels


def from_files(told: Sequence[Mapping[str, Any]], pixels: Mapping[str, NDArray[Any]]) -> list[Exhibit]:
    """Return the exhibits that `to_files` wrote."""
    exhibits = []
    for each in told:
        values = {name: value for name, value in each.items() if name != "kind"}
        if each["kind"] == "images":
            values["pixels"] = pixels[each["name"]]
        exhibits.append(_KINDS[each["kind"]](**values))
    return exhibits
