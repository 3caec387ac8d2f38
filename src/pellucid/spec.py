"""What the world dictates to a model and a task: the shapes, classes and scales that no recipe may choose.

A `Spec` comes from the data (or from an environment), never from the recipe: `Model(config, spec)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["number", "category", "labels", "image", "mask", "audio", "series", "text", "tokens"]


JOINED_BY = "|"
"""What stands between the labels of a row, where they are written as one text."""


@dataclass(frozen=True)
class Feature:
    """One column of a user's table, as its rows are read; a model meets it as `width` numbers.

    Attributes:
        levels: of a category, its values in the order of their codes, from 0; none for a number. A value that is none
            of them, or is missing, is read as NaN. Of a fitted feature they are those of the training rows.
        gaps: whether training rows lack a value, so that a column beside it says where.
    """

    name: str
    levels: tuple[str, ...] = ()
    gaps: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What each of the numbers is called that a model meets; a category's last one stands for any other value."""
        if self.levels:
            return (*(f"{self.name} = {level}" for level in self.levels), f"{self.name}: another value")
        return (self.name, f"{self.name} is missing") if self.gaps else (self.name,)

    @property
    def width(self) -> int:
        """How many numbers a model meets."""
        return len(self.levels) + 1 if self.levels else 1 + self.gaps


@dataclass(frozen=True)
class Clock:
    """How a series runs, as new tables of it are read.

    Attributes:
        time: the columns that say when.
        every, unit: how much time lies between steps.
        features: the columns that are read, the target first; `gaps` where a channel says that a value was missing.
        cycles: the turns of the calendar whose sine and cosine are channels.
        season: how many steps a season has.
        series: the column that says which of several a row belongs to; empty for one.
        horizon: how many steps after a window its target lies; 0 before windows are cut.
    """

    time: tuple[str, ...]
    every: int
    unit: Literal["second", "month", "number"]
    features: tuple[Feature, ...]
    cycles: tuple[str, ...]
    season: int
    series: str = ""
    horizon: int = 0


@dataclass(frozen=True)
class Field:
    """One named column as the model meets it.

    Attributes:
        kind: what the values mean.
        shape: of one row: `(features,)`, `(channels, height, width)`, `()` for a category, `(labels,)` for labels,
            `(targets,)` for numbers, `(height, width)` for a mask, `(samples,)` for audio, `(features, steps)` for a
            series, `(longest,)` for tokens, `()` for a text.
        names: of the features of a table or a series, in their order.
        categories: the names of a category's values, in the order of their codes; the names of labels.
        labels: the type that the user's classes had, in which predictions come back.
        counts: how many training rows each category has, or each label.
        unit: of an image's values: "byte" is 0 to 255, "share" is 0 to 1, "own" is anything else.
        mean, std: of the training rows, in the user's units, for number targets that are standardised; of labels the
            mean alone, the share of training rows that have each.
        features: of a table with categories or missing values: its columns as they are read, `[rows, features]`, of
            which the model meets `shape` numbers.
        missing: what stands for a missing value in such a table, where that is not as usual.
        rate: samples per second of audio.
        clock: of a series, how it runs.
    """

    kind: Kind
    shape: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    labels: Literal["text", "whole", "number", "truth"] = "text"
    counts: tuple[int, ...] = ()
    unit: Literal["byte", "share", "own"] = "share"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    features: tuple[Feature, ...] = ()
    missing: tuple[str, ...] | None = None
    rate: int = 0
    clock: Clock | None = None

    @staticmethod
    def of_features(features: tuple[Feature, ...], missing: tuple[str, ...] | None = None) -> Field:
        """Return the field of a table of such columns."""
        names = tuple(name for feature in features for name in feature.names)
        return Field("number", (len(names),), names=names, features=features, missing=missing)

    @property
    def is_picture(self) -> bool:
        """Whether rows can be shown: images with one channel or three."""
        return self.kind == "image" and len(self.shape) == 3 and self.shape[0] in (1, 3)

    @property
    def size(self) -> int:
        """How many numbers one row holds."""
        return math.prod(self.shape)

    def classes(self) -> list[str | int | float | bool]:
        """The categories as the user has them: text, whole numbers, numbers or truth values."""
        if self.labels == "truth":
            return [name == "True" for name in self.categories]
        convert = {"text": str, "whole": int, "number": float}[self.labels]
        return [convert(name) for name in self.categories]

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Field:
        """Read a field from JSON types, as `dataclasses.asdict` made them."""
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        clock = plain.pop("clock", None)
        if clock is not None:
            lists: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in clock.items()}
            clock = Clock(**lists | {"features": _features(clock["features"])})
        return Field(**plain | {"features": _features(plain.get("features", ()))}, clock=clock)


def _features(values: Iterable[dict[str, Any]]) -> tuple[Feature, ...]:
    return tuple(Feature(each["name"], tuple(each["levels"]), each["gaps"]) for each in values)


@dataclass(frozen=True)
class Spec:
    """What goes in and, where something is asked for, what comes out.

    Attributes:
        input: what a model reads.
        target: what is asked for, or the actions that can be taken.
        environment: what Gymnasium calls the environment that shows the input and takes the actions; empty for data.
    """

    input: Field
    target: Field | None = None
    environment: str = ""

    @property
    def num_outputs(self) -> int:
        """How many numbers a model must give per row (per pixel of a mask): one per class, label or target."""
        if self.target is None:
            return self.input.size
        return len(self.target.categories) if self.target.kind in ("category", "mask") else self.target.size

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as JSON types."""
        values = asdict(self)
        if not self.environment:
            del values["environment"]
        return values

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Spec:
        """Read a spec that `to_dict` made."""
        fields = {name: Field.from_dict(values[name]) for name in ("input", "target") if values.get(name) is not None}
        return Spec(**fields, environment=values.get("environment", ""))
