"""Pre-flight: what is wrong with data before anything is learned from it, each finding with its rows and a remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

SHOWN = 10
"""Rows that a message names."""
Weight = Literal["wrong", "doubtful", "note"]
"""wrong: a result would be false, or training fails. doubtful: look at it. note: worth knowing."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: what it is, in snake_case; the same fault always has the same one.
        rows: who is concerned, ascending, counted from 0; empty where it is all of them or a column.
        message: what was found, why it matters, what to do.
    """

    kind: str
    weight: Weight
    message: str
    rows: Sequence[int] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON types."""
        return {
            "kind": self.kind,
            "weight": self.weight,
            "rows": list(self.rows),
            "message": self.message,
        }

    def __str__(self) -> str:
        """The finding in a line, with its first rows."""
        if not self.rows:
            return f"{self.weight}: {self.message}"
        shown = ", ".join(map(str, self.rows[:SHOWN])) + (", ..." if len(self.rows) > SHOWN else "")
        return f"{self.weight}: {self.message} ({len(self.rows)} {'row' if len(self.rows) == 1 else 'rows'}: {shown})"


def per_cent(share: float) -> str:
    """Return a share in per cent with two figures; 100 is said of nothing but all."""
    return "100" if share >= 1 else f"{min(100 * share, 99):.2g}"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings by weight, and else as they came."""
    order = {"wrong": 0, "doubtful": 1, "note": 2}
    return sorted(findings, key=lambda finding: order[finding.weight])
