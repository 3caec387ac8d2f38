"""How well each class of a mask was found: its overlap with the truth, beside that of the best baseline."""

from __future__ import annotations

from pellucid.reporting import style
from pellucid.reporting.record import Result
from pellucid.reporting.style import BLUE, FAINT, RULE, Picture

MOST_CLASSES = 40
"""Overlaps are drawn for this many classes at most, the worst ones."""
PREFIX = "iou_"


def draw(result: Result) -> list[Picture]:
    """Draw the intersection over union of each class with its interval; of each baseline a mark."""
    rows = [(name, score) for name, score in result.get("metrics", {}).items() if name.startswith(PREFIX)]
    if not rows:
        return []
    few = len(rows) > MOST_CLASSES
    if few:
        rows = sorted(rows, key=lambda row: (row[1]["value"], row[0]))[:MOST_CLASSES]
    labels = [style.label(name.removeprefix(PREFIX)) for name, _ in rows]
    left = 0.35 + 0.075 * max(map(len, labels))
    figure, axes = style.panel(0.34 + 0.235 * len(rows) + 0.5, left=left, right=0.8, top=0.34)
    for place, (name, score) in enumerate(rows):
        axes.axhline(place, color=RULE, linewidth=0.5, zorder=0)
        for scores in result["baselines"].values():
            if name in scores:
                axes.plot(scores[name]["value"], place, "|", color=FAINT, markersize=9, clip_on=False)
        axes.plot([score["low"], score["high"]], [place, place], color=BLUE, linewidth=1.6)
        axes.plot(score["value"], place, "o", color=BLUE, markersize=4.5, clip_on=False)
        told = f"{score['value']:.2f}"
        axes.text(1.04, place, told, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.set_yticks(range(len(rows)), labels)
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    style.heading(axes, f"IoU of the {len(rows)} worst classes" if few else "IoU of each class")
    axes.set_xlabel("intersection over union, 95 % interval; strokes: baselines")
    return [style.picture("overlaps", "intersection over union of each class with intervals", figure)]
