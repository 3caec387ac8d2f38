"""From what a user holds in memory (NumPy, torch, pandas, polars, lists) to columns, with nothing guessed silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import Columns, check_finite
from pellucid.errors import DataError
from pellucid.spec import JOINED_BY, Field

Labels = Literal["text", "whole", "number", "truth"]
Question = Literal["classify", "multi_label", "regress"]
MANY_CLASSES, FEWEST_PER_CLASS = 10, 5
"""More classes than the first with fewer rows each than the second may be numbers to predict: the user is asked."""


def from_parts(parts: Mapping[str, tuple[Any, Any]], task: Question | None = None) -> Columns:
    """Return columns of inputs and targets: `{"train": (X, y)}`, with `"validation"` and `"test"` if the user has them.

    Args:
        parts: X is `[N, features]`, images `[N, H, W]`, `[N, C, H, W]` or `[N, H, W, C]` (uint8, or floats in 0 to 1),
            or a data frame of numbers; y is `[N]` or `[N, 1]` labels of any kind, or numbers `[N]` or `[N, targets]`,
            or labels `[N, labels]` of 0 and 1 with task="multi_label", or None in every part where nothing is to be
            predicted.
        task: what is asked. Left out: fractional numbers and several columns are regressed, all else is classes.

    Raises:
        DataError: shapes or types that cannot be used, naming the column.
    """
    if task not in (None, "classify", "multi_label", "regress"):
        raise DataError(f"task = {task!r}: expected 'classify', 'multi_label' or 'regress'.")
    asked = [part for part, (_, y) in parts.items() if y is not None]
    if asked and len(asked) < len(parts):
        raise DataError(f"The {asked[0]} part has targets and another has none. Give y in every part, or in none.")
    read = {}
    for part, (X, y) in parts.items():
        of_part = "" if len(parts) == 1 else f"the {part} "
        targets, y_names = _values(y if asked else np.zeros(len(X)), f"{of_part}y")
        read[part] = _values(X, f"{of_part}X"), (_one_column(targets), y_names)
    (first, names), (first_targets, target_names) = read["train"]
    given, start = {}, 0
    for part, ((inputs, part_names), (targets, _)) in read.items():
        if len(inputs) != len(targets):
            of_part = "" if len(parts) == 1 else f"The {part} part: "
            raise DataError(
                f"{of_part}X has {len(inputs)} rows and y has {len(targets)}. Each row of X needs one target."
            )
        if len(inputs) == 0:
            raise DataError(f"The {part} X has no rows. Give rows, or leave the part out.")
        _check_alike(part, "X", inputs, first)
        _check_alike(part, "y", targets, first_targets)
        if part_names != names:
            raise DataError(
                f"The {part} X has the columns {_listed(part_names)} and the train X {_listed(names)}: "
                "expected the same columns in the same order."
            )
        given[part] = np.arange(start, start + len(inputs))
        start += len(inputs)
    inputs, input_field = _inputs(_join([X for (X, _), _ in read.values()]), names)
    if not asked:
        return Columns({"input": inputs}, {"input": input_field}, given if len(parts) > 1 else {})
    targets, target_field = _targets(_join([y for _, (y, _) in read.values()]), target_names, task)
    return Columns(
        {"input": inputs, "target": targets},
        {"input": input_field, "target": target_field},
        given if len(parts) > 1 else {},
    )


def _join(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _one_column(targets: NDArray[Any]) -> NDArray[Any]:
    """Targets `[N, 1]` as `[N]`: they mean the same."""
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


def _check_alike(part: str, what: str, array: NDArray[Any], first: NDArray[Any]) -> None:
    """Refuse parts that joining would silently turn into one type, or could not join."""
    if array.shape[1:] != first.shape[1:]:
        raise DataError(
            f"The {part} {what} has shape {_shape(array.shape)} and the train {what} {_shape(first.shape)}: "
            "expected the same but for the number of rows."
        )
    numbers = {given.dtype.kind in "fiub" for given in (array, first)}
    pixels = {given.dtype == np.uint8 for given in (array, first)} if array.ndim > 2 else set()
    if len(numbers) > 1 or len(pixels) > 1:
        raise DataError(
            f"The {part} {what} holds {_holds(array)} and the train {what} {_holds(first)}: expected the same type."
        )


def inputs_like(X: Any, field: Field) -> NDArray[np.generic]:
    """Return new inputs `X` as an array that fits `field`, or raise `DataError` saying what does not fit.

    One row may come without its first axis, and an image with its channels last.
    """
    if field.features:
        return _table_like(X, field)
    array, _ = _values(X, "X", field.names)
    given = array.shape
    if field.kind == "image":
        channels, height, width = field.shape
        channels_last = (height, width, channels)
        if given in (field.shape, channels_last) or (channels == 1 and given == (height, width)):
            array = array[None]
        if array.ndim == 3:
            array = array[:, None]
        if array.shape[1:] == channels_last != field.shape:
            array = array.transpose(0, 3, 1, 2)
    elif given == field.shape:
        array = array[None]
    if array.shape[1:] != field.shape:
        raise DataError(
            f"X has shape {_shape(given)}: expected {_shape(('N', *field.shape))}, as the model was trained on."
        )
    if field.kind == "image":
        return _in_unit(array, field)
    if field.kind == "audio":
        return _sounds(array)
    rows = _floats(array, "X")
    check_finite(Columns({"input": rows}, {"input": field}))
    return rows


def _sounds(array: NDArray[Any]) -> NDArray[np.int16]:
    """Sounds as they lie at rest: int16 as it is, numbers in -1 to 1 as shares of full scale."""
    if array.dtype == np.int16:
        return array
    rows = _floats(array, "X")
    peak = float(np.abs(rows).max(initial=0))
    if not peak <= 1:
        raise DataError(f"X reaches {peak:g}: expected sounds as int16, or as numbers in -1 to 1.")
    return np.clip(np.round(rows * 32768.0), -32768, 32767).astype(np.int16)


def _table_like(X: Any, field: Field) -> NDArray[np.generic]:
    """Rows of a data frame (or a mapping of columns) as a table with categories lies at rest."""
    import polars

    from pellucid.data import table
    from pellucid.data.features import matrix
    from pellucid.recipe import MISSING

    if not hasattr(X, "columns") and not isinstance(X, Mapping):
        names = ", ".join(feature.name for feature in field.features)
        raise DataError(f"X is of type {type(X).__name__}: expected a data frame with the columns {names}.")
    columns = {str(name): list(X[name]) for name in (X if isinstance(X, Mapping) else X.columns)}
    wanted = {feature.name: columns[feature.name] for feature in field.features if feature.name in columns}
    missing = {name: [None if _is_missing(value) else value for value in of] for name, of in wanted.items()}
    return matrix(table.cleaned(polars.DataFrame(missing, strict=False), MISSING), field.features)


def _values(data: Any, what: str, only: tuple[str, ...] = ()) -> tuple[NDArray[Any], tuple[str, ...]]:
    """An array of what the user gave, and the column names of a data frame; of those `only` some, where asked."""
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):  # pandas and polars share this much, neither is imported
        return _frame(data, what, only)
    names: tuple[str, ...] = ()
    if hasattr(data, "detach"):
        tensor = data.detach().cpu()
        data = (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()  # NumPy has no bfloat16
    elif hasattr(data, "to_numpy"):
        names = (str(data.name),) if getattr(data, "name", None) else ()
        data = data.to_numpy()
    try:
        array = np.asarray(data)
    except ValueError:
        raise DataError(
            f"{_capital(what)} is a list of rows of different lengths. Every row needs the same number of values."
        ) from None
    if array.ndim == 0:
        raise DataError(
            f"{_capital(what)} is of type {type(data).__name__}: expected an array, a tensor, a data frame or a list."
        )
    return array, names


def _frame(frame: Any, what: str, only: tuple[str, ...]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The columns of a data frame side by side. Where they are several each must be of numbers, of its own type."""
    given = {str(name): name for name in frame.columns}
    if len(given) < len(frame.columns) or not given:
        problem = "has two columns of one name" if given else "has no columns"
        raise DataError(f"{_capital(what)} {problem}: {_listed(tuple(map(str, frame.columns)))}.")
    missing = [name for name in only if name not in given]
    if missing:
        raise DataError(f"X lacks the columns {', '.join(map(repr, missing))}. Expected: {', '.join(only)}.")
    names = only or tuple(given)
    columns = [np.asarray(frame[given[name]].to_numpy()) for name in names]
    for name, values in zip(names, columns, strict=True):
        if values.dtype.kind not in "fiub" and (what.endswith("X") or len(names) > 1):
            raise DataError(
                f"{_capital(what)}: column {name!r} holds {_holds(values)}, not numbers. "
                "Encode it as numbers, or leave the column out."
            )
    return np.stack(columns, axis=1), names


def _shape(shape: tuple[Any, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "(no names)"


def _capital(what: str) -> str:
    return what.replace("the ", "The ")


def _holds(array: NDArray[Any]) -> str:
    """What an array holds, in words where NumPy's name of the type says nothing to a newcomer."""
    words = {"U": "text", "S": "bytes", "T": "text", "O": "objects (text, None or a mixture)", "M": "dates"}
    return words.get(array.dtype.kind, f"{array.dtype} values")


def _inputs(array: NDArray[Any], names: tuple[str, ...]) -> tuple[NDArray[Any], Field]:
    if 0 in array.shape:
        raise DataError(f"X has shape {_shape(array.shape)}: there is nothing to learn from.")
    if array.ndim == 2:
        return _floats(array, "X"), Field("number", (array.shape[1],), names=names)
    if array.ndim in (3, 4):
        images = _images(array)
        unit = _unit(images)
        values = np.ascontiguousarray(images, dtype=np.uint8) if unit == "byte" else _floats(images, "X")
        return values, Field("image", images.shape[1:], unit=unit)
    raise DataError(
        f"X has shape {_shape(array.shape)}. Expected [N, features], or images [N, H, W] or [N, C, H, W]."
        + (" One feature: X.reshape(-1, 1)." if array.ndim == 1 else "")
    )


def _unit(images: NDArray[Any]) -> Literal["byte", "share", "own"]:
    """Whole numbers in 0 to 255 are bytes, numbers in 0 to 1 are shares, all else is in units of its own."""
    low, high = (images.min(), images.max()) if images.dtype.kind in "fiub" else (0, 0)
    if images.dtype.kind in "iu" and low >= 0 and high <= 255:
        return "byte"
    return "share" if low >= 0 and high <= 1 else "own"


def _in_unit(images: NDArray[Any], field: Field) -> NDArray[Any]:
    """New images in the unit that the model was trained on, or a refusal where they cannot be."""
    values = _floats(images, "X")
    check_finite(Columns({"input": values}, {"input": field}))
    unit = _unit(images)
    if field.unit == "own":
        return values
    if unit == "byte":  # a byte is a share of 255: the one means the other
        return np.ascontiguousarray(images, dtype=np.uint8)
    if unit == "share":
        return values
    raise DataError(
        f"X holds images with values from {values.min():.4g} to {values.max():.4g}: expected whole numbers in 0 to 255 "
        "or numbers in 0 to 1, as the model was trained on."
    )


def _images(array: NDArray[Any]) -> NDArray[Any]:
    """Images as `[N, C, H, W]`: a last axis of 1, 3 or 4 is channels, unless the second axis is that small as well."""
    if array.ndim == 3:
        return array[:, None]
    if array.shape[3] in (1, 3, 4) and array.shape[1] not in (1, 3, 4):
        return array.transpose(0, 3, 1, 2)
    return array


def _floats(array: NDArray[Any], what: str) -> NDArray[np.float32]:
    if array.dtype.kind not in "fiub":
        raise DataError(f"{what} holds {_holds(array)}: expected numbers. Encode text as numbers first.")
    try:
        with np.errstate(over="raise"):
            floats = np.ascontiguousarray(array, np.float32)
    except FloatingPointError:
        raise DataError(
            f"{what} holds a number of size {np.nanmax(np.abs(array)):.3g}: expected less than 3.4e38, the largest "
            "that a model can compute with. Give the column in a larger unit."
        ) from None
    _check_digits(array, floats, what)
    return floats


def _check_digits(array: NDArray[Any], floats: NDArray[np.float32], what: str) -> None:
    """Refuse columns whose differences a float32 cannot hold: seconds since 1970, say."""
    if array.dtype.itemsize <= 4 or array.ndim > 2 or not np.isfinite(floats).all() or len(array) < 2:
        return
    columns, held = array.reshape(len(array), -1), floats.reshape(len(array), -1)
    spread = columns.std(axis=0, dtype=np.float64)
    bad = np.flatnonzero((spread > 0) & (np.abs(columns - held).max(axis=0) > 1e-3 * spread))
    if len(bad):
        raise DataError(
            f"{what}: column {bad[0]} has values near {columns[:, bad[0]].mean():.6g} that differ by only "
            f"{spread[bad[0]]:.3g}, less than single precision can tell apart. Subtract a constant first, such as the "
            "smallest value."
        )


def _targets(array: NDArray[Any], names: tuple[str, ...], task: Question | None) -> tuple[NDArray[Any], Field]:
    if array.shape[1:] == (0,):
        raise DataError("y has no columns: expected one target per row at least.")
    asked = task is not None
    if task is None:
        known = array[np.isfinite(array)] if array.dtype.kind == "f" else array
        fractional = array.dtype.kind == "f" and not np.array_equal(known, np.floor(known))
        task = "regress" if fractional or array.ndim == 2 else "classify"
        if array.ndim == 2 and _is_one_hot(array):
            raise DataError(
                f"y has shape {_shape(array.shape)} and a single 1 in each row. "
                "If it marks the class, give y.argmax(1); if it holds numbers to predict, give task='regress'."
            )
    if task == "regress":
        if array.ndim > 2:
            raise DataError(f"y has shape {_shape(array.shape)}: expected numbers [N] or [N, targets].")
        columns = _floats(array, "y").reshape(len(array), -1)
        return columns, Field("number", (columns.shape[1],), names=names)
    if task == "multi_label":
        return _labels(array, names)
    if array.ndim != 1:
        raise DataError(
            f"y has shape {_shape(array.shape)}: expected one class per row, [N]. For one-hot rows give y.argmax(1)."
        )
    may_lack = array.dtype.kind not in "biuUS"
    missing = [row for row, value in enumerate(array.tolist()) if _is_missing(value)] if may_lack else []
    if missing:
        shown = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
        raise DataError(f"y: {len(missing)} of {len(array)} rows have no class (rows {shown}). Remove these rows.")
    if array.dtype.kind == "f" and np.array_equal(array, np.floor(array)) and np.abs(array).max() < 2**53:
        array = array.astype(np.int64)  # classes written as 0.0, 1.0
    elif array.dtype.kind in "OT":
        array = array.astype(str)
    classes, codes = np.unique(array, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"y has one class only ({str(classes[0])!r}): expected at least two.")
    if len(classes) > MANY_CLASSES and len(array) < FEWEST_PER_CLASS * len(classes) and not asked:
        raise DataError(
            f"y holds {len(classes)} different values in {len(array)} rows: too few rows of each to learn from. "
            "If they are numbers to predict, give task='regress'; if they are classes indeed, task='classify'."
        )
    kinds: dict[str, Labels] = {"b": "truth", "i": "whole", "u": "whole", "f": "number"}
    labels = kinds.get(classes.dtype.kind, "text")
    return codes.astype(np.int64), Field("category", categories=tuple(map(str, classes)), labels=labels)


def _labels(array: NDArray[Any], names: tuple[str, ...]) -> tuple[NDArray[np.float32], Field]:
    """Which labels each row has, as float32 `[N, labels]`, called as the columns of a data frame or by their places."""
    if array.ndim != 2 or array.shape[1] < 2:
        raise DataError(
            f"y has shape {_shape(array.shape)}: expected [N, labels] of 0 and 1, with two labels at least, one column "
            "each. One label alone makes two classes: task='classify'."
        )
    if array.dtype.kind not in "fiub" or not np.isin(array, (0, 1)).all():
        held = _holds(array) if array.dtype.kind not in "fiub" else f"{array[~np.isin(array, (0, 1))][0]:g}"
        raise DataError(f"y holds {held}: expected 1 where a row has a label and 0 where it lacks it, nothing else.")
    called = names or tuple(map(str, range(array.shape[1])))
    if any(JOINED_BY in name for name in called):
        raise DataError(
            f"y has the columns {_listed(called)}: a label's name must not hold {JOINED_BY!r}, which stands between "
            "labels in tables. Rename it."
        )
    absent = [called[place] for place in np.flatnonzero(~array.astype(bool).any(axis=0))]
    if absent:
        raise DataError(f"No row has the label {', '.join(map(repr, absent[:5]))}. Leave it out, or give rows of it.")
    return np.ascontiguousarray(array, np.float32), Field("labels", (array.shape[1],), categories=called)


def _is_one_hot(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "fiub" and bool(np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all())


def _is_missing(value: Any) -> bool:
    """None, NaN, infinity, NaT and pandas' NA; the text "nan" is text."""
    return value is None or (not isinstance(value, str) and str(value) in ("nan", "inf", "-inf", "NaT", "<NA>"))
