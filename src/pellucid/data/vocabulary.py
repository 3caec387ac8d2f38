"""The vocabulary: which characters there are, and the code of each. Fitted on the training characters only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.columns import Rows
from pellucid.data.steps import Apply, seen
from pellucid.spec import Field

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands for every character that the training part does not have. It has a code of its own, the last: held-out text
that holds such a character costs a finite number of nats, and no sample ever does."""


@dataclass(frozen=True)
class Vocabulary:
    """Code points as codes 0 to V - 1, in the order of the characters; V is the unknown one.

    Attributes:
        characters: those of the training part, ascending.
        fitted_on: the part, the number of its rows and their hash.
    """

    column: str
    characters: str
    fitted_on: Mapping[str, Any]
    name = "vocabulary"

    @staticmethod
    def fit(column: str, values: NDArray[np.generic], rows: Rows) -> Vocabulary:
        """Collect the characters of the given rows of `[N]` code points."""
        return Vocabulary(column, "".join(map(chr, np.unique(values[rows]).tolist())), seen(rows))

    @property
    def categories(self) -> tuple[str, ...]:
        """The characters in the order of their codes, the unknown one last."""
        return (*self.characters, UNKNOWN)

    def bind(self, device: str, raw: Field | None = None) -> Apply:
        """Return the function from code points `[...]` to codes `[...]`, int64."""
        points = torch.tensor([ord(character) for character in self.characters], dtype=torch.int32, device=device)

        def apply(values: Tensor) -> Tensor:
            codes = torch.searchsorted(points, values.contiguous())
            found = points[codes.clamp(max=len(points) - 1)] == values
            return torch.where(found, codes, len(points))

        return apply

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON types."""
        return {
            "name": "vocabulary",
            "column": self.column,
            "characters": self.characters,
            "fitted_on": self.fitted_on,
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Vocabulary:
        """Read what `to_dict` made."""
        return Vocabulary(values["column"], values["characters"], values["fitted_on"])


def code_points(text: str) -> NDArray[np.int32]:
    """Return the code point of each character, `[characters]`."""
    return np.frombuffer(text.encode("utf-32-le"), dtype="<i4").astype(np.int32)
