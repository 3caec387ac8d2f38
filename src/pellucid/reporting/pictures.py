"""The worst mistakes, one by one: images as pictures, tables as rows."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.reporting import words
from pellucid.reporting.record import Record, Result

MOST = 16


@dataclass(frozen=True)
class Mistake:
    """One row that went wrong, in words, with its picture or its features where they were kept."""

    row: int
    told: list[tuple[str, str]]
    """What to say: (name, value), such as ("true", "8")."""
    image: str = ""
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Worst:
    """The worst mistakes of a part."""

    mistakes: list[Mistake]
    columns: list[str]
    feature_names: list[str]
    are_images: bool


def worst(record: Record, result: Result) -> Worst | None:
    """Return the worst mistakes of a result, the worst first; None where there was none."""
    listed = list(result.get("worst", ()))[:MOST]
    if not listed:
        return None
    inputs = _inputs(record, result["split"])
    if inputs is not None and len(inputs) < len(listed):
        inputs = None  # left over from another look
    are_images = inputs is not None and inputs.ndim == 4
    shares = record.predictions(result["split"]) if result["task"] == "classify" else {}
    places = {row: place for place, row in enumerate(shares.get("row", ()))}
    mistakes = []
    for index, given in enumerate(listed):
        told = _told(given, shares, places.get(str(given["row"])))
        image = _data_uri(inputs[index]) if inputs is not None and are_images else ""
        has_features = inputs is not None and inputs.ndim == 2
        features = tuple(words.rounded(float(x)) for x in inputs[index]) if inputs is not None and has_features else ()
        mistakes.append(Mistake(given["row"], told, image, features))
    num_features = len(mistakes[0].features)
    names = list(result.get("feature_names", ()))
    if len(names) != num_features:
        names = [f"feature {number}" for number in range(num_features)]
    return Worst(mistakes, [name for name, _ in mistakes[0].told], names, are_images)


def _told(given: Mapping[str, Any], shares: Mapping[str, list[str]], place: int | None) -> list[tuple[str, str]]:
    """What to say of a mistake: truth and prediction, and how probable each was held to be or how far off it is."""
    told = []
    for name, value in given.items():
        if name.startswith("target"):
            told.append((name.replace("target", "true", 1).replace("_", " "), words.rounded(value)))
        elif name.startswith("prediction"):
            told.append((name.replace("prediction", "predicted", 1).replace("_", " "), words.rounded(value)))
    if "probability" in given:
        told.append(("probability", _per_cent(float(given["probability"]))))
    truth = shares.get(f"p_{given.get('target')}")
    if truth is not None and place is not None:
        told.append(("of the truth", _per_cent(float(truth[place]))))
    if "target" in given and isinstance(given["target"], int | float):
        told.append(("off by", words.rounded(given["prediction"] - given["target"])))
    return told


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "under 1 %"


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
