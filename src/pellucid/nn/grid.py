"""A rectangular sheet of units: where each stands, which are neighbours, and which rows each one is nearest to."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

# axes: B rows, U units of the sheet (line by line), I inputs


@runtime_checkable
class Sheet(Protocol):
    """Units on a sheet, each with a vector in the space of the inputs."""

    codebook: Tensor
    """`[lines * columns, inputs]`"""
    lines: int
    columns: int


def positions(lines: int, columns: int, device: torch.device | str = "cpu") -> Float[Tensor, "units 2"]:
    """Return the line and the column of each unit."""
    line, column = torch.meshgrid(torch.arange(lines), torch.arange(columns), indexing="ij")
    return torch.stack([line.flatten(), column.flatten()], dim=1).float().to(device)  # (U, 2)


def squared_distances(
    rows: Float[Tensor, "batch inputs"], codebook: Float[Tensor, "units inputs"]
) -> Float[Tensor, "batch units"]:
    """Return |x - w|^2 of every row and every unit, as one product; rounding below zero is cut off."""
    lengths = rows.square().sum(dim=1, keepdim=True) + codebook.square().sum(dim=1)
    return torch.addmm(lengths, rows, codebook.T, alpha=-2).clamp_min_(0)  # (B, U)


def nearest(
    rows: Float[Tensor, "batch inputs"], codebook: Float[Tensor, "units inputs"]
) -> tuple[Float[Tensor, "batch 2"], Int[Tensor, "batch 2"]]:
    """Return the distances to the nearest and the second nearest unit, and which they are."""
    found = squared_distances(rows, codebook).topk(2, dim=1, largest=False)
    between = rows[:, None] - codebook[found.indices]  # (B, 2, I): exact, where the product has lost digits
    return between.square().sum(dim=2).sqrt(), found.indices


def are_neighbours(units: Int[Tensor, "batch 2"], columns: int) -> Tensor:
    """Return whether two units touch on the sheet, at a side or a corner, `[rows]`."""
    line, column = units // columns, units % columns
    apart = torch.maximum((line[:, 0] - line[:, 1]).abs(), (column[:, 0] - column[:, 1]).abs())
    return apart <= 1


def mean_distance_to_neighbours(codebook: Float[Tensor, "units inputs"], lines: int, columns: int) -> Tensor:
    """Return each unit's mean distance to the units above, below and beside it, `[lines, columns]` (the U-matrix).

    A. Ultsch, H. P. Siemon, "Kohonen's self organizing feature maps for exploratory data analysis", 1990.
    """
    sheet = codebook.view(lines, columns, -1)
    total, count = codebook.new_zeros(lines, columns), codebook.new_zeros(lines, columns)
    down = (sheet[1:] - sheet[:-1]).square().sum(dim=2).sqrt()
    across = (sheet[:, 1:] - sheet[:, :-1]).square().sum(dim=2).sqrt()
    for here, distances in (
        ((slice(1, None), slice(None)), down),
        ((slice(None, -1), slice(None)), down),
        ((slice(None), slice(1, None)), across),
        ((slice(None), slice(None, -1)), across),
    ):
        total[here] += distances
        count[here] += 1
    return total / count.clamp_min(1)
