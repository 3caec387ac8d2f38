"""Codes of a mask's pixels as a loss takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.data.steps import Apply
from pellucid.spec import Field

IGNORED = 255
"""The code of pixels that are neither learned nor judged."""


@dataclass(frozen=True)
class Codes:
    """uint8 codes become whole numbers of 64 bits, 255 among them. It remembers nothing of the rows."""

    column: str
    fitted_on: Mapping[str, Any] | None = None
    name = "codes"

    def bind(self, device: str, raw: Field | None = None) -> Apply:
        """Return the conversion."""

        def apply(values: Tensor) -> Tensor:
            return values.to(torch.int64)

        return apply

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON types."""
        return {"name": "codes", "column": self.column, "fitted_on": None}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Codes:
        """Read what `to_dict` made."""
        return Codes(values["column"])
