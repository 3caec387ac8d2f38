"""The reliability diagram: what was held probable against what came true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.reporting import style
from pellucid.reporting.record import Result
from pellucid.reporting.scatter import SQUARE
from pellucid.reporting.style import BLUE, FAINT, ORANGE, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Bins = Sequence[Mapping[str, Any]]


def draw(result: Result) -> list[Picture]:
    """Draw the bins of a result, as predicted and at the temperature that validation gave."""
    told = result.get("calibration")
    if not told:
        return []
    pictures = [_diagram(told["bins"], told["of"], "as predicted", BLUE, "reliability")]
    heat = told.get("temperature")
    if heat and heat["value"] != 1:
        pictures.append(
            _diagram(heat["bins"], told["of"], f"at temperature {heat['value']:.3g}", ORANGE, "reliability_tempered")
        )
    return pictures


def _diagram(bins: Bins, of: str, heading: str, colour: str, name: str) -> Picture:
    figure, axes = style.panel(SQUARE)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, zorder=0)
    for each in bins:
        x = each["probability"]
        axes.plot([x, x], [each["low"], each["high"]], color=colour, linewidth=1.0, alpha=0.55)
    x = [each["probability"] for each in bins]
    axes.plot(x, [each["value"] for each in bins], "o-", color=colour, markersize=4.2, linewidth=1.0)
    _rug(axes, bins, colour)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel=f"held probable: {style.label(of, 30)}", ylabel="came true")
    axes.set_title(f"Reliability {heading}")
    style.note(axes, "on the line: right")
    return style.picture(name, f"reliability diagram {heading}: shares that came true by predicted probability", figure)


def _rug(axes: Axes, bins: Bins, colour: str) -> None:
    """Where bins begin, along the axis: each holds about as many rows as any other."""
    axes.plot([each["from"] for each in bins], [0.0] * len(bins), "|", color=colour, markersize=7, alpha=0.7)
