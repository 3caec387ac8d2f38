"""Data-limited: by the law of the error against the training rows, twice as many would remove much of it.

J. Hestness et al., "Deep learning scaling is predictable, empirically", 2017, arXiv:1712.00409: the error falls as
c + a n^-b, where c is what no number of rows removes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.verdict.finding import Finding

MUCH, SURELY = 0.10, 0.05
"""Data is lacking where twice the rows are expected to remove a tenth of the error, and a twentieth at least."""


def of_curve(points: Sequence[Mapping[str, Any]], fit: Mapping[str, Any] | None) -> list[Finding]:
    """Say what twice the rows would bring, where that is much; nothing where no law is claimed.

    Args:
        points: the sizes, ascending, each with its `"rows"` and the score's `"value"`.
        fit: the law, with the share of the error that doubling removes: `{"b", "c", "doubling": {"removes": ...}}`.
    """
    if fit is None or would_help(fit) != "much":
        return []
    removes, most = fit["doubling"]["removes"], points[-1]["rows"]
    message = (
        f"It is limited by its data: twice the {most:,} training rows would remove {100 * removes['value']:.0f} % of "
        f"the error ({100 * removes['low']:.0f} to {100 * removes['high']:.0f} %)."
    )
    evidence = {
        "rows": float(most),
        "score": float(points[-1]["value"]),
        "removed_by_doubling": float(removes["value"]),
        "removed_at_least": float(removes["low"]),
        "exponent": float(fit["b"]["value"]),
        "floor": float(fit["c"]["value"]),
    }
    return [Finding("data_limited", message, evidence, f"pellucid ls augmentations  # or gather {most:,} rows more")]


def would_help(fit: Mapping[str, Any]) -> str:
    """Return whether twice the rows would bring "much", "little", or it is "unclear"."""
    removes = fit["doubling"]["removes"]
    if removes["value"] >= MUCH and removes["low"] >= SURELY:
        return "much"
    return "little" if removes["high"] < MUCH else "unclear"
