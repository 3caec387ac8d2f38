"""Signals: the numbers that a rule or a task asks to be watched, each with the range in which all is well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.exhibit import Signal
from pellucid.reporting import curves, style, words
from pellucid.reporting.record import Record
from pellucid.reporting.style import BLUE, DASHES, ORANGE, SERIES, Picture

END = 0.1
"""A signal is judged by its mean over this last share of its points: one step alone is noise."""


@dataclass(frozen=True)
class Standing:
    """A signal at the end of the run, in words."""

    title: str
    meaning: str
    value: str
    healthy: str
    said: str
    is_fine: bool | None
    """None where the signal has no range to be in."""


def standings(record: Record) -> list[Standing]:
    """Return how every signal that was seen stands at the end."""
    return [_standing(signal, points[1]) for signal, points in _seen(record)]


def draw(record: Record) -> list[Picture]:
    """Draw every signal over time, with its healthy range."""
    return [_draw(record, signal, points) for signal, points in _seen(record)]


def _seen(record: Record) -> list[tuple[Signal, tuple[list[float], list[float]]]]:
    found = []
    for signal in record.signals:
        points = _points(record, signal.name)
        if points[0]:
            found.append((signal, points))
    return found


def _points(record: Record, name: str) -> tuple[list[float], list[float]]:
    """Time and values of a scalar of training or, where training does not tell it, of a validated score."""
    key, _ = record.clock
    lines: list[Mapping[str, Any]] = [line for line in record.trained if curves.is_number(line.get(name))]
    if lines:
        return [line[key] for line in lines], [line[name] for line in lines]
    lines = [line for line in record.validated if name in line["metrics"]]
    return [line[key] for line in lines], [line["metrics"][name] for line in lines]


def _standing(signal: Signal, values: list[float]) -> Standing:
    last = values[-max(1, round(END * len(values))) :]
    value = math.fsum(last) / len(last)
    low, high = signal.low, signal.high
    if low is None and high is None:
        return Standing(signal.title, signal.meaning, words.rounded(value), "", "", None)
    healthy = (
        f"{words.rounded(low)} to {words.rounded(high)}"
        if low is not None and high is not None
        else f"{words.rounded(low)} and above"
        if low is not None
        else f"up to {words.rounded(high)}"
    )
    if low is not None and value < low:
        return Standing(signal.title, signal.meaning, words.rounded(value), healthy, signal.when_low, False)
    if high is not None and value > high:
        return Standing(signal.title, signal.meaning, words.rounded(value), healthy, signal.when_high, False)
    return Standing(signal.title, signal.meaning, words.rounded(value), healthy, "fine", True)


def _draw(record: Record, signal: Signal, points: tuple[list[float], list[float]]) -> Picture:
    _, unit = record.clock
    figure, axes = style.panel(2.2)
    trained = any(signal.name in line for line in record.trained)
    x, y = curves.thinned(points[0], points[1])
    few = len(x) <= 40
    axes.plot(
        x,
        y,
        color=BLUE if trained else ORANGE,
        linestyle="-" if trained else DASHES[1],
        marker="o" if few and not trained else "",
        markersize=2.4,
        zorder=3,
    )
    low, high = axes.get_ylim()
    if signal.low is not None or signal.high is not None:
        # As much of the range as lies near the curve: a limit far away must not squeeze it.
        span = max(high - low, 1e-9)
        bottom = low - span if signal.low is None else max(signal.low, low - span)
        top = high + span if signal.high is None else min(signal.high, high + span)
        if bottom < top:
            axes.axhspan(bottom, top, color=SERIES[2], alpha=0.16, linewidth=0, zorder=0)
        for limit in (signal.low, signal.high):
            if limit is not None and low - span / 2 <= limit <= high + span / 2:
                axes.axhline(limit, color=SERIES[2], linewidth=0.7, zorder=1)
                low, high = min(low, limit - 0.05 * span), max(high, limit + 0.05 * span)
        axes.set_ylim(low, high)
    axes.set_title(style.label(signal.title[:1].upper() + signal.title[1:], 46))
    axes.set_xlabel(unit)
    return style.picture(f"signal_{style.file_name(signal.name)}", f"{signal.title} against the {unit}", figure)
