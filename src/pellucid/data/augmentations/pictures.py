"""What augmentations of pictures share: which columns hold them, and what lies outside of them."""

from __future__ import annotations

from pellucid.errors import DataError
from pellucid.spec import Spec

OUTSIDE = 255
"""The value of a mask where nothing is asked: outside of the picture that was moved or turned."""


def check(name: str, spec: Spec) -> None:
    """Refuse what is no picture, and a target that lies in the picture but is no mask."""
    if spec.input.kind != "image" or len(spec.input.shape) != 3:
        raise DataError(f"augment: {name} needs pictures, and the input is {spec.input.kind}. Leave it out.")


def maps(spec: Spec) -> tuple[str, ...]:
    """Return the columns that lie in the plane of the picture, and move with it."""
    masked = spec.target is not None and spec.target.kind == "mask"
    return ("input", "target") if masked else ("input",)
