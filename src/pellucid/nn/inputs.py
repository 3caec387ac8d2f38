"""What an architecture may ask of its input, with an error that says what it was given instead."""

from __future__ import annotations

from pellucid.errors import ShapeError
from pellucid.spec import Spec


def flat_size(spec: Spec, model: str) -> int:
    """Return how many numbers one row holds; `model` names the asker in the error."""
    if spec.input.kind == "category":
        raise ShapeError(
            f"{model} reads numbers, but the input is a category with {len(spec.input.categories)} values. "
            f"Encode it as numbers first, one column per value."
        )
    if spec.input.kind == "tokens":
        raise ShapeError(
            f"{model} reads numbers, but the input is text. Choose text_convnet for documents, lstm or gpt for one."
        )
    return spec.input.size


def vocabulary_size(spec: Spec, model: str) -> int:
    """Return how many tokens there are to tell apart."""
    if spec.input.kind != "tokens":
        raise ShapeError(
            f"{model} reads text, but the input is of kind {spec.input.kind!r} with shape {spec.input.shape}. "
            "Give it a text (data.source = 'my.txt'), or choose another model."
        )
    return len(spec.input.categories)


def image_shape(spec: Spec, model: str, *, smallest: int) -> tuple[int, int, int]:
    """Return `(channels, height, width)` of the images, at least `smallest` pixels high and wide."""
    if spec.input.kind != "image" or len(spec.input.shape) != 3:
        raise ShapeError(
            f"{model} reads images of shape (channels, height, width), but the input is of kind {spec.input.kind!r} "
            f"with shape {spec.input.shape}. Choose mlp or linear, or give it images."
        )
    channels, height, width = spec.input.shape
    if min(height, width) < smallest:
        raise ShapeError(
            f"{model} needs images of at least {smallest} x {smallest} pixels; these are {height} x {width}. "
            f"Enlarge them, or choose a model that reduces its images less."
        )
    return channels, height, width
