"""Regression: predicted against true, and what is left over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pellucid.reporting import style
from pellucid.reporting.style import BLUE, FAINT, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 2000
MOST_TARGETS = 4
SQUARE = style.PANEL + 0.07
"""Height of a panel whose axes are as high as wide."""


def stride(rows: int) -> int:
    """Return k where every k-th row is drawn: 1, unless there are too many."""
    return max(1, -(-rows // MOST_POINTS))


def targets_of(predictions: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the endings of the target columns: `""` where there is one, else `"_height"` and so on."""
    endings = [name.removeprefix("target") for name in predictions if name.startswith("target")]
    return [ending for ending in endings if f"prediction{ending}" in predictions]


def draw_predicted(predictions: Mapping[str, Sequence[str]]) -> list[Picture]:
    """Draw each target's predictions against the truth, and the residuals against the predictions."""
    pictures = []
    for ending in targets_of(predictions)[:MOST_TARGETS]:
        true, predicted = (_numbers(predictions[f"{side}{ending}"]) for side in ("target", "prediction"))
        name = style.label(ending.removeprefix("_"), 24)
        pictures += [_draw_against_truth(true, predicted, name, ending), _draw_residuals(true, predicted, name, ending)]
    return pictures


def _numbers(texts: Sequence[str]) -> NDArray[np.float64]:
    """The column as numbers, those that are drawn."""
    return np.array(texts[:: stride(len(texts))], np.float64)


def _draw_against_truth(true: NDArray[np.float64], predicted: NDArray[np.float64], name: str, ending: str) -> Picture:
    figure, axes = style.panel(SQUARE)
    everything = np.concatenate([true, predicted])
    low, high = everything.min(), everything.max()
    pad = 0.04 * ((high - low) or 1.0)
    ends = (low - pad, high + pad)
    axes.plot(ends, ends, color=FAINT, linewidth=0.8, zorder=0)
    _points(axes, true, predicted)
    axes.set(xlim=ends, ylim=ends, xlabel=f"true {name}".strip(), ylabel="predicted")
    axes.set_title("Predicted against true")
    style.note(axes, "on the line: right")
    return style.picture(f"predicted{style.file_name(ending)}", "predicted against true numbers", figure)


def _draw_residuals(true: NDArray[np.float64], predicted: NDArray[np.float64], name: str, ending: str) -> Picture:
    figure, axes = style.panel(SQUARE)
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    _points(axes, predicted, predicted - true)
    axes.set(xlabel=f"predicted {name}".strip(), ylabel="predicted minus true")
    axes.set_title("What is left over")
    style.note(axes, "no pattern should be seen")
    return style.picture(f"residuals{style.file_name(ending)}", "residuals against predicted numbers", figure)


def _points(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    size, alpha = (4.5, 0.65) if len(x) <= 300 else (3.0, 0.4)
    axes.plot(x, y, "o", color=BLUE, markersize=size, markeredgewidth=0, alpha=alpha)
