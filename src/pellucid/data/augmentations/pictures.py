"""What augmentations of pictures share: which columns lie in a picture's plane, reading at other places, rectangles."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from pellucid.errors import DataError
from pellucid.spec import Spec

OUTSIDE = 255
"""The value of a mask where nothing is asked: outside of the picture that was moved or turned."""
MODES = {"zeros": "zeros", "reflect": "reflection", "border": "border"}
"""What lies around a picture, in a recipe's words and in those of `grid_sample`."""


def check(spec: Spec) -> None:
    """Raise `DataError` where the input is no picture."""
    if spec.input.kind != "image" or len(spec.input.shape) != 3:
        raise DataError(f"it changes pictures, and the input is {spec.input.kind}. Leave it out.")


def check_without_mask(spec: Spec) -> None:
    """Raise `DataError` where the input is no picture, or each of its pixels is asked about."""
    check(spec)
    if spec.target is not None and spec.target.kind == "mask":
        raise DataError("it covers pixels, and every pixel's class is asked for. Leave it out.")


def plane(spec: Spec) -> tuple[str, ...]:
    """Return the columns that lie in the plane of the picture and move with it."""
    masked = spec.target is not None and spec.target.kind == "mask"
    return ("input", "target") if masked else ("input",)


def resample(
    columns: dict[str, Tensor], names: tuple[str, ...], places: Float[Tensor, "rows 2 3"], outside: str
) -> dict[str, Tensor]:
    """Return the columns with the named ones read at other places: pictures bilinearly, masks at the nearest pixel.

    Args:
        names: of the columns that lie in the plane.
        places: from a pixel to the place that is read there, both in pixels from the picture's middle, x before y.
        outside: what lies around the picture, one of `MODES`; around a mask lies `OUTSIDE`.
    """
    height, width = columns[names[0]].shape[-2:]
    aspect = torch.tensor([[1.0, height / width, 2 / width], [width / height, 1.0, 2 / height]], device=places.device)
    grid = F.affine_grid(places * aspect, [len(places), 1, height, width], align_corners=False)
    changed = dict(columns)
    for name in names:
        values = columns[name]
        if values.ndim == 3:
            read = F.grid_sample(values[:, None].float(), grid, "nearest", "border", align_corners=False)[:, 0]
            beyond = (grid.abs() > 1).any(dim=-1)  # (rows, height, width)
            changed[name] = read.to(values.dtype).masked_fill_(beyond, OUTSIDE)
        else:
            read = F.grid_sample(values.float(), grid, "bilinear", MODES[outside], align_corners=False)
            changed[name] = as_before(read, values)
    return changed


def as_before(changed: Float[Tensor, "..."], values: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """Return changed pictures in the type that they had, bytes rounded."""
    if values.dtype == torch.uint8:
        return changed.round_().clamp_(0, 255).to(torch.uint8)
    return changed.to(values.dtype)


def rectangles(
    top: Int[Tensor, " rows"],
    left: Int[Tensor, " rows"],
    bottom: Int[Tensor, " rows"],
    right: Int[Tensor, " rows"],
    size: tuple[int, int],
) -> Bool[Tensor, "rows 1 height width"]:
    """Return which pixels lie in a rectangle, one per row; `bottom` and `right` are the first ones beyond it."""
    down, across = (torch.arange(side, device=top.device) for side in size)
    tall = (down >= top[:, None]) & (down < bottom[:, None])  # (rows, height)
    wide = (across >= left[:, None]) & (across < right[:, None])
    return (tall[:, :, None] & wide[:, None, :])[:, None]
