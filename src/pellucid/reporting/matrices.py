"""The confusion matrix: which class is taken for which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pellucid.reporting import style
from pellucid.reporting.record import Result
from pellucid.reporting.style import BLUE, ORANGE, RULE, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_WITH_COUNTS = 20
"""Up to here every cell holds its count; beyond, only the shade is shown."""
MOST_NARROW = 12
"""Up to here the matrix fits a phone."""
MOST_SHADED = 400
LONGEST_NAME = 12
BLUE_PIXEL, ORANGE_PIXEL = "#2f8fca", "#e8702a"
"""Pixels cannot follow dark and light, so these stand out from both."""
DARKEST = 0.6
"""Shade of a cell that holds a whole row: its count stays legible on it, on light and on dark paper."""


@dataclass(frozen=True)
class Confused:
    """Rows of one class that were taken for another."""

    true: str
    predicted: str
    rows: int
    of: int


def most_confused(result: Result, most: int = 12) -> list[Confused]:
    """Return the pairs of classes that are confused most often."""
    confusion, names = _counts(result), result["class_names"]
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(names)) for place in order]
    return [Confused(names[t], names[p], int(wrong[t, p]), int(confusion[t].sum())) for t, p in pairs if wrong[t, p]]


def is_large(result: Result) -> bool:
    """Whether there are too many classes for a count in every cell."""
    return len(result["class_names"]) > MOST_WITH_COUNTS


def draw_confusion(result: Result) -> list[Picture]:
    """Draw the matrix: counts where there is room for them, and the share of each row as shade."""
    if "confusion" not in result or len(result["class_names"]) > MOST_SHADED:
        return []
    confusion = _counts(result)
    shares = np.sqrt(confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1))
    return [_shaded(shares) if is_large(result) else _counted(result, confusion, shares)]


def _counts(result: Result) -> NDArray[np.int64]:
    return np.array(result["confusion"], np.int64)


@dataclass(frozen=True)
class Layout:
    """Where the matrix lies in its figure, in inches: a class's line is `pitch` high."""

    left: float
    top: float
    pitch: float
    upright: bool
    wide: bool


def layout(result: Result) -> Layout:
    """Return where the matrix lies; few classes get no larger cells than can be taken in at a glance."""
    num = len(result["class_names"])
    longest = min(max(map(len, result["class_names"])), LONGEST_NAME)
    upright, wide = longest * num <= 40, num > MOST_NARROW
    left, top = 0.42 + 0.08 * longest, 0.7 if longest * num <= 40 else 0.62 + 0.08 * longest
    room = (6.6 if wide else style.PANEL) - left - 0.1
    return Layout(left, top, min(room / num, 0.7), upright, wide)


def _counted(result: Result, confusion: NDArray[np.int64], shares: NDArray[np.float64]) -> Picture:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    num, place = len(confusion), layout(result)
    names = [style.label(name, LONGEST_NAME) for name in result["class_names"]]
    width, side = 6.6 if place.wide else style.PANEL, num * place.pitch
    figure, axes = style.panel(
        place.top + side + 0.1, width, left=place.left, right=width - place.left - side, top=place.top, bottom=0.1
    )
    for right, colour in ((True, BLUE), (False, ORANGE)):
        cells = [(t, p) for t in range(num) for p in range(num) if (t == p) == right and confusion[t, p]]
        for t, p in cells:
            shade = round(float(DARKEST * shares[t, p]), 3)
            axes.add_patch(Rectangle((p - 0.5, t - 0.5), 1, 1, color=colour, alpha=shade, linewidth=0))
            axes.text(p, t, f"{confusion[t, p]:,}", ha="center", va="center", fontsize=8 if place.wide else 9)
    grid = [Rectangle((p - 0.5, t - 0.5), 1, 1) for t in range(num) for p in range(num)]
    axes.add_collection(PatchCollection(grid, facecolor="none", edgecolor=RULE, linewidth=0.4, zorder=0))
    axes.set_xticks(range(num), names, rotation=0 if place.upright else 90)
    axes.set_yticks(range(num), names)
    _frame(axes, num)
    return style.picture(
        "confusion", "confusion matrix: rows are the true class, columns the predicted", figure, wide=place.wide
    )


def _shaded(shares: NDArray[np.float64]) -> Picture:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    num = len(shares)
    pixels = np.zeros((num, num, 4), np.float32)
    right = np.eye(num, dtype=bool)
    pixels[right, :3], pixels[~right, :3] = to_rgb(BLUE_PIXEL), to_rgb(ORANGE_PIXEL)
    pixels[..., 3] = shares
    figure, axes = style.panel(style.PANEL - 0.1, left=0.6, right=0.1, top=0.75, bottom=0.25)
    axes.imshow(pixels, interpolation="nearest", aspect="equal")
    axes.add_patch(Rectangle((-0.5, -0.5), num, num, facecolor="none", edgecolor=RULE, linewidth=0.8))
    _frame(axes, num)
    return style.picture(
        "confusion", "confusion matrix, shaded: rows are the true class, columns the predicted", figure
    )


def _frame(axes: Axes, num: int) -> None:
    axes.set(xlim=(-0.5, num - 0.5), ylim=(num - 0.5, -0.5), xlabel="predicted", ylabel="true")
    style.heading(axes, "Rows, by true and predicted class" if num <= MOST_WITH_COUNTS else "Share of each class")
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
