"""The self-organizing map: a sheet of units laid into the data, so that neighbours on it stand for similar rows.

T. Kohonen, "Self-organized formation of topologically correct feature maps", Biological Cybernetics 43, 1982,
doi:10.1007/BF00337288. Each unit holds a vector in the space of the inputs. A row belongs to the unit that is nearest
to it; how the vectors come about is the rule `competitive`.

Where we differ: the sheet may begin in the plane of the data's two largest principal components, as Kohonen advised
later ("Self-Organizing Maps", 1995), which orders it from the start.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.grid import positions, squared_distances
from pellucid.nn.inputs import flat_size
from pellucid.spec import Spec

# axes: B rows, U units of the sheet, I inputs


class Config(catalogue.Config):
    """Settings of a self-organizing map."""

    lines: int = Field(10, ge=2)
    """Units from top to bottom. About 5 times the root of the number of rows is a usual number of units in all."""
    columns: int = Field(10, ge=2)
    """Units from left to right."""
    initialiser: Literal["plane", "random"] = "plane"
    """Where the units begin: on the plane of the two largest principal components of a sample of the training rows, or
    at random numbers, as in the first paper."""


class SelfOrganizingMap(nn.Module):
    """`lines * columns` vectors, line by line. Nothing is differentiated."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        self.lines, self.columns = config.lines, config.columns
        size = flat_size(spec, "som")
        self.codebook = nn.Parameter(torch.randn(self.lines * self.columns, size) * 0.1, requires_grad=False)
        self._in_plane = config.initialiser == "plane"

    @torch.no_grad()
    def begin_from(self, sample: Float[Tensor, "batch *shape"]) -> None:
        """Lay the sheet on the plane of the two largest principal components, two standard deviations long."""
        if not self._in_plane:
            return
        rows = sample.flatten(1).cpu().double()  # not every accelerator has float64
        mean = rows.mean(dim=0)
        _, lengths, axes = torch.linalg.svd(rows - mean, full_matrices=False)
        steps = positions(self.lines, self.columns).double()  # (U, 2)
        steps = steps / steps.max(dim=0).values * 2 - 1
        spreads = lengths[:2] / max(1, len(rows) - 1) ** 0.5
        found = mean + (steps[:, : len(spreads)] * spreads) @ axes[:2]
        self.codebook.copy_(found)

    def forward(self, x: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch units"]:
        """Return the squared distance of each row to each unit; the smallest wins."""
        return squared_distances(x.flatten(1), self.codebook)
