"""A table's columns as one matrix at rest, and the fitted step that turns its rows into what a model meets.

At rest a row is `[features]` float32: a number as it is, a category by its code, NaN where a value is missing. The step
fills a missing number with the training rows' median and says so in a column beside it, scales numbers, and spreads a
category over as many columns as the training rows have values, and one for any other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data import table
from pellucid.data.columns import Columns, Rows
from pellucid.data.steps import Apply, seen
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from pellucid.spec import JOINED_BY, Feature, Field

if TYPE_CHECKING:
    import polars

LARGEST = float(np.finfo(np.float32).max)


def read(section: DataSection, keys: Collection[str] = ()) -> Columns:
    """Read the table of a recipe; `keys` are columns that rows are grouped or ordered by.

    Raises:
        DataError: it is no table, or has no such column.
    """
    frame = table.open(section)
    columns = columns_of(frame, table.types_of(frame, section), section.target, section.missing)
    return replace(columns, keys=table.keys(frame, keys))


def columns_of(
    frame: polars.DataFrame,
    columns: Sequence[table.Column],
    target: str | None,
    missing: tuple[str, ...] | None = None,
) -> Columns:
    """Return the rows of a table as one input matrix and one target.

    Args:
        missing: what stood for a missing value, where that was not as usual: new rows are read in the same way.

    Raises:
        DataError: nothing is left to learn from, or the target is missing somewhere or no number and no category.
    """
    used = [column for column in columns if column.type in ("number", "category") and column.name != target]
    if not used:
        raise DataError(_nothing_left([column for column in columns if column.name != target]))
    features = tuple(Feature(c.name, levels_of(frame[c.name]) if c.type == "category" else ()) for c in used)
    inputs = matrix(frame, features)
    check_digits(frame, features, inputs)
    field = Field.of_features(features, missing)
    if not any(feature.levels for feature in features) and not np.isnan(inputs).any():
        field = replace(field, features=())  # plain numbers, as any array of them
    if target is None:
        return Columns({"input": inputs}, {"input": field})
    values, target_field = target_of(frame[target], next(c for c in columns if c.name == target))
    return Columns({"input": inputs, "target": values}, {"input": field, "target": target_field})


def matrix(frame: polars.DataFrame, features: Sequence[Feature]) -> NDArray[np.float32]:
    """Return a frame's rows as they lie at rest, `[rows, features]`.

    Raises:
        DataError: a column is not there, or a value of a number column is none or too large.
    """
    held = set(frame.columns)
    missing = [feature.name for feature in features if feature.name not in held]
    if missing:
        expected = ", ".join(feature.name for feature in features)
        raise DataError(f"it lacks the columns {', '.join(map(repr, missing))}. Expected: {expected}.")
    result = np.empty((frame.height, len(features)), np.float32)
    for place, feature in enumerate(features):
        series = frame[feature.name]
        if feature.levels:
            result[:, place] = codes(series, feature.levels)
            continue
        numbers = table.as_numbers(series)
        if numbers is None:
            raise DataError(f"the column {feature.name!r} holds {table.first_text(series)!r}: expected numbers.")
        values = numbers.to_numpy()
        if (np.abs(values) > LARGEST).any():  # NaN is none
            raise DataError(
                f"the column {feature.name!r} holds infinity, or more than 3.4e38. Give it in a larger unit."
            )
        result[:, place] = values
    return result


def check_digits(frame: polars.DataFrame, features: Sequence[Feature], inputs: NDArray[np.float32]) -> None:
    """Refuse numbers whose differences a float32 cannot hold, such as seconds since 1970."""
    for feature, held in zip(features, inputs.T, strict=True):
        numbers = None if feature.levels else table.as_numbers(frame[feature.name])
        values = np.zeros(0) if numbers is None else numbers.drop_nulls().to_numpy()
        spread = float(values.std()) if len(values) else 0.0
        if spread > 0 and float(np.abs(values - held[~np.isnan(held)]).max()) > 1e-3 * spread:
            raise DataError(
                f"the column {feature.name!r} has values near {values.mean():.6g} that differ by only {spread:.3g}: "
                "less than single precision can tell apart. Subtract a constant from it first, such as its smallest "
                f"value, or leave it out: data.types.{feature.name}=ignore."
            )


def codes(series: polars.Series, levels: Sequence[str]) -> NDArray[np.float64]:
    """Return each value's place among the levels, `[rows]`; NaN where it is none of them."""
    import polars

    text = series.cast(polars.String)
    spelled = {spelling: place for place, level in enumerate(levels) for spelling in _spellings(level)}
    spelled |= {level: place for place, level in enumerate(levels)}
    places = text.replace_strict(list(spelled), list(spelled.values()), default=None, return_dtype=polars.Float64)
    return places.to_numpy().astype(np.float64)


def unseen(frame: polars.DataFrame, features: Sequence[Feature]) -> str:
    """Return in words which values of categories are none of the levels; nothing where there are none."""
    told = []
    for feature in features:
        if feature.levels:
            series = frame[feature.name]
            new = series.filter(np.isnan(codes(series, feature.levels)) & series.is_not_null().to_numpy())
            if len(new):
                told.append(f"{feature.name} = {new[0]!r} was not trained on ({len(new)} of {len(series)} rows)")
    return "; ".join(told)


def _nothing_left(columns: Sequence[table.Column]) -> str:
    """Say what the columns beside the target hold, and how they are learned from nevertheless."""
    holds = ", ".join(f"{column.name} holds {column.type}" for column in columns)
    message = f"No column is left to learn from ({holds or 'there is none beside the target'})"
    message += ": expected numbers or categories beside the target."
    texts = [column.name for column in columns if column.type == "text"]
    return f"{message} Texts are read as documents: data.input={texts[0]}." if texts else message


def _spellings(level: str) -> list[str]:
    """A level as other formats write it: true as True, 1 as 1.0."""
    if level.casefold() in ("true", "false"):
        return [level.lower(), level.upper(), level.capitalize()]
    if re.fullmatch(r"-?\d+", level):
        return [f"{level}.0"]
    return [level.removesuffix(".0")] if re.fullmatch(r"-?\d+\.0", level) else []


def recoded(values: NDArray[Any], given: Field, wanted: Field) -> NDArray[Any]:
    """Return rows at rest with the codes of another field of the same columns."""
    result = values.copy()
    for place, (old, new) in enumerate(zip(given.features, wanted.features, strict=True)):
        if old.levels != new.levels:
            known = values[:, place] == values[:, place]
            moved = np.array([new.levels.index(level) if level in new.levels else np.nan for level in old.levels])
            result[known, place] = moved[values[known, place].astype(int)]
    return result


def levels_of(series: polars.Series) -> tuple[str, ...]:
    """Return the different values of a column, sorted, as text."""
    import polars

    return tuple(series.drop_nulls().cast(polars.String).unique().sort().to_list())


def target_of(series: polars.Series, column: table.Column) -> tuple[NDArray[np.generic], Field]:
    """Return a target's values and field; raise `DataError` where some are missing or it is no number or category."""
    absent = series.null_count()
    if absent and column.type == "labels":
        raise DataError(
            f"The target {column.name!r} is missing in {absent} of {len(series)} rows. Where these rows have none of "
            f"the labels, write {JOINED_BY!r} alone; else remove them."
        )
    if absent:
        raise DataError(
            f"The target {column.name!r} is missing in {absent} of {len(series)} rows. Remove these rows first: "
            "nothing can be learned from them."
        )
    if column.type == "number":
        feature = Feature(column.name)
        frame = series.to_frame()
        values = matrix(frame, [feature])
        check_digits(frame, [feature], values)
        return values, Field("number", (1,), names=(column.name,))
    if column.type == "labels":
        return _labels_of(series)
    if column.type != "category":
        raise DataError(
            f"The target {column.name!r} is of type {column.type} ({column.why}): expected a number or a category. "
            f"Where it is one indeed, say so: data.types.{column.name}=category."
        )
    levels = levels_of(series)
    numeric = table.as_numbers(series) if series.dtype.is_numeric() or all(map(table.is_number, levels)) else None
    if numeric is not None:  # classes that are whole numbers come back as such, in their order
        levels = tuple(sorted(levels, key=float))
    whole = numeric is not None and all("." not in level for level in levels)
    return codes(series, levels).astype(np.int64), Field(
        "category", categories=levels, labels="whole" if whole else "text"
    )


def _labels_of(series: polars.Series) -> tuple[NDArray[np.float32], Field]:
    """Which labels each row has, as float32 `[rows, labels]`, from texts such as one|two; a bar alone has none."""
    import polars

    text = series.cast(polars.String)
    if not text.str.contains(JOINED_BY, literal=True).any():
        other = next((mark for mark in ";," if text.str.contains(mark, literal=True).any()), None)
        raise DataError(
            f"data.types.{series.name} = 'labels': no value holds {JOINED_BY!r}, which stands between the labels of a "
            "row, as in one|two. "
            + (f"Write it in place of {other!r}." if other else "If each row has one, choose category.")
        )
    lists = [{piece.strip() for piece in value.split(JOINED_BY)} - {""} for value in text]
    names = tuple(sorted(set().union(*lists)))
    if len(names) < 2:
        raise DataError(f"The target {series.name!r} has {len(names)} labels: expected two at least. Choose category.")
    has = np.array([[name in labels for name in names] for labels in lists], np.float32)
    return has, Field("labels", (len(names),), categories=names)


@dataclass(frozen=True)
class Features:
    """The step, fitted on training rows.

    Attributes:
        features: the columns, with the levels and gaps of the training rows.
        missing: what stands for a missing value in a file, where that is not as usual.
        fill, mean, std: one number per column, in its units; 0, 0 and 1 for a category. The median fills, mean and
            standard deviation are of the filled column; the std of a constant one is 1.
    """

    column: str
    features: tuple[Feature, ...]
    missing: tuple[str, ...] | None
    fill: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fitted_on: Mapping[str, Any]
    name = "features"

    @staticmethod
    def fit(column: str, values: NDArray[np.generic], field: Field, rows: Rows, standardize: bool) -> Features:
        """Fit on the given rows of `[N, features]` at rest."""
        train = values[rows].astype(np.float64)
        features, numbers = [], []
        for feature, of in zip(field.features, train.T, strict=True):
            present = of[~np.isnan(of)]
            if feature.levels:
                here = sorted(set(present.astype(int).tolist()))
                features.append(Feature(feature.name, tuple(feature.levels[code] for code in here) or ("(none)",)))
                numbers.append((0.0, 0.0, 1.0))
                continue
            features.append(Feature(feature.name, gaps=len(present) < len(of)))
            fill = float(np.median(present)) if len(present) else 0.0
            filled = np.where(np.isnan(of), fill, of)
            std = float(filled.std())
            constant = std <= 1e-8 * abs(float(filled.mean()))
            scaled = (float(filled.mean()), 1.0 if constant else std) if standardize else (0.0, 1.0)
            numbers.append((fill, *scaled))
        fill_of, mean, std_of = zip(*numbers, strict=True)
        return Features(column, tuple(features), field.missing, fill_of, mean, std_of, seen(rows))

    @property
    def field(self) -> Field:
        """What a model meets."""
        return Field.of_features(self.features, self.missing)

    def bind(self, device: str, raw: Field | None = None) -> Apply:
        """Return the function from rows at rest, coded as in `raw`, to `[rows, numbers]`."""
        given = (raw or self.field).features
        starts = np.cumsum([0, *(feature.width for feature in self.features)])
        numeric = [place for place, feature in enumerate(self.features) if not feature.levels]
        gaps = [place for place in numeric if self.features[place].gaps]
        fill, mean, std = (torch.tensor(of, dtype=torch.float64)[numeric].float().to(device) for of in self._scales)
        where, gaps_where = torch.tensor(starts[numeric]).to(device), torch.tensor(starts[gaps] + 1).to(device)
        spread = [
            (place, torch.tensor(_positions(given[place], feature, int(start))).to(device))
            for place, (feature, start) in enumerate(zip(self.features, starts, strict=False))
            if feature.levels
        ]
        width = int(starts[-1])

        def apply(values: Tensor) -> Tensor:
            result = values.new_zeros(len(values), width, dtype=torch.float32)
            if numeric:
                numbers = values[:, numeric]
                result[:, where] = (torch.where(numbers.isnan(), fill, numbers) - mean) / std
            if gaps:
                result[:, gaps_where] = values[:, gaps].isnan().float()
            for place, positions in spread:
                code = values[:, place].nan_to_num(-1.0).long() + 1  # the first position is that of what is missing
                result.scatter_(1, positions[code][:, None], 1.0)
            return result

        return apply

    @property
    def _scales(self) -> tuple[tuple[float, ...], ...]:
        return self.fill, self.mean, self.std

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON types."""
        features = [{"name": f.name, "levels": list(f.levels), "gaps": f.gaps} for f in self.features]
        numbers = {"fill": list(self.fill), "mean": list(self.mean), "std": list(self.std)}
        missing = None if self.missing is None else list(self.missing)
        described = {"name": self.name, "column": self.column, "features": features, "missing": missing}
        return {**described, **numbers, "fitted_on": self.fitted_on}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Features:
        """Read what `to_dict` made."""
        features = tuple(Feature(f["name"], tuple(f["levels"]), f["gaps"]) for f in values["features"])
        fill, mean, std = (tuple(values[name]) for name in ("fill", "mean", "std"))
        missing = None if values["missing"] is None else tuple(values["missing"])
        return Features(values["column"], features, missing, fill, mean, std, values["fitted_on"])


def _positions(given: Feature, fitted: Feature, start: int) -> list[int]:
    """Where a code of the raw column goes: first what is missing, then each level; what training lacks goes last."""
    last = start + len(fitted.levels)
    places = {level: start + place for place, level in enumerate(fitted.levels)}
    return [last, *(places.get(level, last) for level in given.levels)]
