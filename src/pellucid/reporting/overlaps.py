"""How well each class of a mask, or each label of rows, was found: an overlap with the truth, beside the baselines'."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.reporting import style, words
from pellucid.reporting.record import Result
from pellucid.reporting.style import BLUE, FAINT, RULE, Picture

MOST_CLASSES = 40
"""Overlaps are drawn for this many classes or labels at most, the worst ones."""
CLASSES, LABELS = "iou_", "f1_"
"""What the scores of each are called, before its name."""


def draw(result: Result) -> list[Picture]:
    """Draw the intersection over union of each class with its interval; of each baseline a mark."""
    return _draw(result, CLASSES, "overlaps", "IoU", "intersection over union", "class")


def draw_labels(result: Result) -> list[Picture]:
    """Draw F1 of each label in the same way."""
    if "label_names" not in result:
        return []
    return _draw(result, LABELS, "labels", "F1", "F1", "label")


@dataclass(frozen=True)
class Label:
    """How one label was found: rows of the part, and shares of them as they are shown."""

    name: str
    rows: int
    said: int
    precision: str
    recall: str
    f1: words.Shown


def labels(result: Result) -> list[Label]:
    """Return a line per label, in their order; nothing where there are none."""
    told = []
    for name, (rows, said, rightly) in zip(result.get("label_names", ()), result.get("label_counts", ()), strict=True):
        f1 = words.shown(result["metrics"][f"{LABELS}{name}"], LABELS)
        told.append(Label(name, rows, said, _share(rightly, said), _share(rightly, rows), f1))
    return told


def _share(part: int, whole: int) -> str:
    return words.of_metric(part / whole, "precision") if whole else "–"


def _draw(result: Result, prefix: str, name: str, short: str, full: str, each: str) -> list[Picture]:
    rows = [(told, score) for told, score in result.get("metrics", {}).items() if told.startswith(prefix)]
    if not rows:
        return []
    few = len(rows) > MOST_CLASSES
    if few:
        rows = sorted(rows, key=lambda row: (row[1]["value"], row[0]))[:MOST_CLASSES]
    called = [style.label(told.removeprefix(prefix)) for told, _ in rows]
    left = 0.35 + 0.075 * max(map(len, called))
    figure, axes = style.panel(0.34 + 0.235 * len(rows) + 0.5, left=left, right=0.8, top=0.34)
    for place, (told, score) in enumerate(rows):
        axes.axhline(place, color=RULE, linewidth=0.5, zorder=0)
        for scores in result["baselines"].values():
            if told in scores:
                axes.plot(scores[told]["value"], place, "|", color=FAINT, markersize=9, clip_on=False)
        axes.plot([score["low"], score["high"]], [place, place], color=BLUE, linewidth=1.6)
        axes.plot(score["value"], place, "o", color=BLUE, markersize=4.5, clip_on=False)
        value = f"{score['value']:.2f}"
        axes.text(1.04, place, value, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.set_yticks(range(len(rows)), called)
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    style.heading(axes, f"{short} of the {len(rows)} worst" if few else f"{short} of each {each}")
    axes.set_xlabel(f"{full}, 95 % interval; strokes: baselines")
    return [style.picture(name, f"{full} of each {each} with intervals", figure)]
