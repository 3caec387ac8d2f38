"""The worst mistakes, one by one: images as pictures, tables as rows, documents as they begin."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.reporting import words
from pellucid.reporting.record import Record, Result

MOST = 16
SHOWN = 400
"""Characters of a document's beginning."""


@dataclass(frozen=True)
class Told:
    """One thing to say of a mistake, such as true: 8, which was held to be 9 % probable."""

    name: str
    value: str
    probability: str = ""


@dataclass(frozen=True)
class Mistake:
    """One row that went wrong, in words: its file where it is one, its picture or features where they were kept."""

    row: int
    told: list[Told]
    image: str = ""
    features: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Worst:
    """The worst mistakes of a part."""

    mistakes: list[Mistake]
    columns: list[str]
    feature_names: list[str]
    are_images: bool
    are_texts: bool


def worst(record: Record, result: Result) -> Worst | None:
    """Return the worst mistakes of a result, the worst first; None where there was none."""
    listed = list(result.get("worst", ()))[:MOST]
    if not listed:
        return None
    inputs = _inputs(record, result["split"])
    if inputs is not None and len(inputs) != len(listed):
        inputs = None  # left over from another look
    shares = record.predictions(result["split"], [mistake["row"] for mistake in listed])
    told = _told(listed, shares if result["task"] == "classify" else {})
    images = [_data_uri(image) for image in inputs] if inputs is not None and inputs.ndim == 4 else [""] * len(listed)
    features: list[tuple[str, ...]] = [()] * len(listed)
    are_texts = inputs is not None and inputs.ndim == 2 and inputs.dtype == np.uint8
    if inputs is not None and are_texts:
        features = [(_beginning(text),) for text in inputs]
    elif inputs is not None and inputs.ndim == 2:
        levels = result.get("feature_levels") or [()] * inputs.shape[1]
        features = list(zip(*map(_feature, inputs.T.tolist(), levels), strict=True))
    names = ["how it begins"] if are_texts else list(result.get("feature_names", ()))
    if len(names) != len(features[0]):
        names = [f"feature {number}" for number in range(len(features[0]))]
    everything = zip(listed, told, images, features, strict=True)
    mistakes = [
        Mistake(given["row"], said, image, numbers, given.get("name", "")) for given, said, image, numbers in everything
    ]
    return Worst(mistakes, [each.name for each in told[0]], names, are_images=bool(images[0]), are_texts=are_texts)


def _feature(values: Sequence[float], levels: Sequence[str]) -> list[str]:
    """A column of inputs in words: a category by its levels, and what is missing as such."""
    present = [value for value in values if not math.isnan(value)]
    texts = iter([levels[int(value)] for value in present] if levels else words.column(present))
    return ["missing" if math.isnan(value) else next(texts) for value in values]


def _beginning(text: NDArray[Any]) -> str:
    """The beginning of a document, uint8 `[bytes]` ended by zeros and cut anywhere, in words."""
    words = text.tobytes().rstrip(b"\0").decode(errors="ignore")
    return f"{words[:SHOWN]} ..." if len(words) > SHOWN else words


def _told(listed: Sequence[Mapping[str, Any]], shares: Mapping[str, Sequence[str]]) -> list[list[Told]]:
    """What to say of each mistake: truth and prediction, how probable each was held to be, or how far off it is."""
    places = {row: place for place, row in enumerate(shares.get("row", ()))}
    columns: list[list[Told]] = []
    for side, word in (("target", "true"), ("prediction", "predicted")):
        for key in (key for key in listed[0] if key.startswith(side)):
            name = key.replace(side, word, 1).replace("_", " ")
            values = [mistake[key] for mistake in listed]
            probable = [_probable(shares, places.get(str(mistake["row"])), mistake[key]) for mistake in listed]
            columns.append([Told(name, *parts) for parts in zip(_as_text(values), probable, strict=True)])
    if "target" in listed[0] and not isinstance(listed[0]["target"], str):
        off = [mistake["prediction"] - mistake["target"] for mistake in listed]
        columns.append([Told("off by", text) for text in words.column(off)])
    return [list(row) for row in zip(*columns, strict=True)]


def _as_text(values: Sequence[Any]) -> list[str]:
    return [str(value) for value in values] if isinstance(values[0], str) else words.column(values)


def _probable(shares: Mapping[str, Sequence[str]], place: int | None, value: Any) -> str:
    column = shares.get(f"p_{value}")
    return _per_cent(float(column[place])) if column is not None and place is not None else ""


def _per_cent(share: float) -> str:
    if share < 0.01:
        return "under 1 %"
    return f"{100 * share:.0f} %" if share <= 0.99 else "over 99 %"


def _inputs(record: Record, part: str) -> NDArray[Any] | None:
    path = record.folder / f"predictions/{part}-worst.safetensors"
    if not path.exists():
        return None
    from safetensors.numpy import load_file

    return load_file(path).get("input")


def _data_uri(image: NDArray[Any]) -> str:
    """Return an image `[C, H, W]` in 0..1 as a PNG within the page; numbers beyond are scaled into their own range."""
    from PIL import Image

    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 1:
        image = (image - low) / ((high - low) or 1.0)
    pixels = np.round(255 * image).astype(np.uint8)
    plane = pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0]
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(plane)).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
