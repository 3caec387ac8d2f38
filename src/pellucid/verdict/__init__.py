"""The verdict in words: what ails a run, by which numbers, and the next experiment. Here is the table of illnesses.

Each is a pure function from a `Record` to a `Finding`, or None where the record does not show it. Files are read in
`reading.py` alone. A run in which nothing is found fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pellucid.verdict.calibration import poorly_calibrated
from pellucid.verdict.finding import Finding
from pellucid.verdict.gradients import exploding_gradients, vanishing_gradients
from pellucid.verdict.healthy import fits
from pellucid.verdict.instability import over_folds, over_seeds
from pellucid.verdict.leaks import suspiciously_good
from pellucid.verdict.overfitting import overfits
from pellucid.verdict.rates import rate_too_high, rate_too_low
from pellucid.verdict.record import Record
from pellucid.verdict.size import of_curve
from pellucid.verdict.underfitting import underfits
from pellucid.verdict.units import dead_units

__all__ = ["VERDICTS", "Finding", "Record", "judge", "of_curve", "of_folds", "of_seeds"]

VERDICTS: dict[str, Callable[[Record], Finding | None]] = {
    "suspiciously_good": suspiciously_good,
    "rate_too_high": rate_too_high,
    "exploding_gradients": exploding_gradients,
    "vanishing_gradients": vanishing_gradients,
    "dead_units": dead_units,
    "rate_too_low": rate_too_low,
    "underfits": underfits,
    "overfits": overfits,
    "poorly_calibrated": poorly_calibrated,
}
"""Illnesses that one run can show, causes before consequences."""

EXPLAINS: dict[str, tuple[str, ...]] = {
    "suspiciously_good": ("underfits", "overfits", "poorly_calibrated"),
    "rate_too_high": (
        "exploding_gradients",
        "vanishing_gradients",
        "dead_units",
        "underfits",
        "overfits",
        "poorly_calibrated",
        "rate_too_low",
    ),
    "exploding_gradients": ("underfits",),
    "vanishing_gradients": ("underfits", "rate_too_low"),
    "dead_units": ("vanishing_gradients", "underfits"),
    "rate_too_low": ("underfits", "poorly_calibrated"),
    "underfits": ("poorly_calibrated",),
    "overfits": (),
}
"""What a finding explains, so that it is not told as an illness of its own: mend the cause first, then look again."""


def judge(record: Record) -> list[Finding]:
    """Return every illness that a run shows, or that it fits; nothing where nothing was validated.

    Example:
        >>> [finding.kind for finding in judge(record)]
        ['overfits']
    """
    if not record.result.get("metrics"):
        return []
    found = {kind: finding for kind, look in VERDICTS.items() if (finding := look(record)) is not None}
    explained = {consequence for kind in found for consequence in EXPLAINS.get(kind, ())}
    told = [finding for kind, finding in found.items() if kind not in explained]
    return told or [fits(record)]


def of_seeds(results: Sequence[Mapping[str, Any]], recipe: Mapping[str, Any], run: str, folder: str) -> list[Finding]:
    """Return what several runs of one recipe show together that none shows alone: that they disagree."""
    found = over_seeds(results, recipe, run, folder)
    return [found] if found else []


def of_folds(results: Sequence[Mapping[str, Any]], recipe: Mapping[str, Any], folder: str) -> list[Finding]:
    """Return what the folds' results show together; each is of its own rows."""
    found = over_folds(results, recipe, folder)
    return [found] if found else []
