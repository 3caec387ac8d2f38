"""From what a user holds in memory (NumPy, torch, pandas, polars, lists) to columns, with nothing guessed silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import Columns
from pellucid.errors import DataError
from pellucid.spec import Field

Question = Literal["classify", "regress"]


def from_parts(parts: Mapping[str, tuple[Any, Any]], task: Question | None = None) -> Columns:
    """Return columns of inputs and targets, `{"train": (X, y)}` or with parts of the user's own: `"validation"`, `"test"`.

    Args:
        parts: X is `[N, features]`, images `[N, H, W]`, `[N, C, H, W]` or `[N, H, W, C]` (uint8, or floats in 0 to 1),
            or a data frame of numbers; y is `[N]` or `[N, 1]` labels of any kind, or numbers `[N]` or `[N, targets]`.
        task: what is asked. Left out: floats that are not all whole are numbers to predict, all else is classes.

    Raises:
        DataError: shapes or types that cannot be used, naming the column.
    """
    read = {part: (_values(X, "X"), _values(y, "y")) for part, (X, y) in parts.items()}
    (first, names), (_, target_names) = read["train"]
    given, start = {}, 0
    for part, ((inputs, part_names), (targets, _)) in read.items():
        if len(inputs) != len(targets):
            raise DataError(f"X has {len(inputs)} rows and y has {len(targets)}. Each row of X needs one target.")
        if inputs.shape[1:] != first.shape[1:] or part_names != names:
            raise DataError(
                f"The {part} X has shape {inputs.shape} and the train X {first.shape}: expected equal columns, in equal order."
            )
        given[part] = np.arange(start, start + len(inputs))
        start += len(inputs)
    inputs, input_field = _inputs(_join([X for (X, _), _ in read.values()]), names)
    targets, target_field = _targets(_join([y for _, (y, _) in read.values()]), target_names, task)
    return Columns(
        {"input": inputs, "target": targets},
        {"input": input_field, "target": target_field},
        given if len(parts) > 1 else {},
    )


def _join(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def inputs_like(X: Any, field: Field) -> NDArray[np.generic]:
    """Return new inputs `X` as an array that fits `field`, or raise `DataError` saying what does not fit."""
    array, names = _values(X, "X")
    if names and field.names and names != field.names:
        missing = [name for name in field.names if name not in names]
        if missing:
            raise DataError(f"X lacks the columns {', '.join(map(repr, missing))}. Expected: {', '.join(field.names)}.")
        array = array[:, [names.index(name) for name in field.names]]
    if array.shape == field.shape:
        array = array[None]
    if field.kind == "image" and array.ndim in (3, 4):
        array = _images(array)
    if array.shape[1:] != field.shape:
        raise DataError(f"X has shape {array.shape}: expected {('N', *field.shape)}, as the model was trained on.")
    return array if array.dtype == np.uint8 and field.kind == "image" else _floats(array, "X")


def _values(data: Any, what: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """An array of what the user gave, and the column names of a data frame."""
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):  # pandas and polars share this much, neither is imported
        names = tuple(str(name) for name in data.columns)
        for name in data.columns:
            values = data[name].to_numpy()
            if what == "X" and values.dtype.kind not in "fiub":
                raise DataError(
                    f"X: column {str(name)!r} holds {values.dtype} values, not numbers. "
                    "Encode it as numbers, or leave the column out."
                )
        return np.asarray(data.to_numpy()), names
    if hasattr(data, "detach"):
        data = data.detach().cpu().numpy()
    elif hasattr(data, "to_numpy"):
        return np.asarray(data.to_numpy()), (str(data.name),) if getattr(data, "name", None) else ()
    try:
        return np.asarray(data), ()
    except ValueError:
        raise DataError(
            f"{what} is a list of rows of different lengths. Every row needs the same number of values."
        ) from None


def _inputs(array: NDArray[Any], names: tuple[str, ...]) -> tuple[NDArray[Any], Field]:
    if array.ndim == 2:
        return _floats(array, "X"), Field("number", (array.shape[1],), names=names)
    if array.ndim in (3, 4):
        images = _images(array)
        return images if images.dtype == np.uint8 else _floats(images, "X"), Field("image", images.shape[1:])
    raise DataError(
        f"X has shape {array.shape}. Expected [N, features], or images [N, H, W] or [N, C, H, W]. "
        + ("One feature: X.reshape(-1, 1)." if array.ndim == 1 else "")
    )


def _images(array: NDArray[Any]) -> NDArray[Any]:
    """Images as `[N, C, H, W]`: a last axis of 1, 3 or 4 is channels, unless the second axis is that small as well."""
    if array.ndim == 3:
        return array[:, None]
    if array.shape[3] in (1, 3, 4) and array.shape[1] not in (1, 3, 4):
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2))
    return array


def _floats(array: NDArray[Any], what: str) -> NDArray[np.float32]:
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what} holds {array.dtype} values: expected numbers. Encode text as numbers first.")
    return np.ascontiguousarray(array, dtype=np.float32)


def _targets(array: NDArray[Any], names: tuple[str, ...], task: Question | None) -> tuple[NDArray[Any], Field]:
    if task is None:
        fractional = array.dtype.kind == "f" and not np.all(array == np.floor(array))  # NaN counts as fractional
        task = "regress" if fractional or (array.ndim == 2 and array.shape[1] > 1) else "classify"
    if task == "regress":
        if array.ndim > 2:
            raise DataError(f"y has shape {array.shape}: expected numbers [N] or [N, targets].")
        columns = _floats(array, "y").reshape(len(array), -1)
        return columns, Field("number", (columns.shape[1],), names=names)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"y has shape {array.shape}: expected one class per row, [N]. For one-hot rows give y.argmax(1)."
        )
    missing: NDArray[np.int64] | list[int] = (
        np.flatnonzero([value is None or value != value for value in array.tolist()])
        if array.dtype.kind in "Of"
        else []
    )
    if len(missing):
        raise DataError(
            f"y: {len(missing)} rows have no class (rows {', '.join(map(str, missing[:10]))}). Remove these rows."
        )
    if array.dtype.kind == "f":
        array = array.astype(np.int64)  # classes written as 0.0, 1.0
    elif array.dtype.kind == "O":
        array = array.astype(str)
    classes, codes = np.unique(array, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"y has one class only ({str(classes[0])!r}): expected at least two.")
    if len(classes) > max(100, len(array) // 2):
        raise DataError(f"y has {len(classes)} classes in {len(array)} rows. If it holds numbers, give task='regress'.")
    return codes.astype(np.int64), Field("category", categories=tuple(str(name) for name in classes))
