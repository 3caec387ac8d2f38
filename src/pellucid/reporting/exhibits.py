"""Exhibits: what a task shows of the kept weights. Pictures, passages of text, and curves, each with its caption."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.data.pictures import encode, grid
from pellucid.exhibit import Curves, Images, Texts
from pellucid.reporting import style
from pellucid.reporting.record import Record
from pellucid.reporting.style import DASHES, FAINT, SERIES, Picture


@dataclass(frozen=True)
class Shown:
    """An exhibit as the page needs it: a picture of pixels, a figure, or texts."""

    title: str
    caption: str
    image: str = ""
    image_width: int = 0
    labels: tuple[str, ...] = ()
    wide: bool = False
    figure: Picture | None = None
    texts: tuple[tuple[str, str], ...] = ()


def shown(record: Record, figures: list[Picture]) -> list[Shown]:
    """Return every exhibit in order; `figures` are those that `draw` drew."""
    drawn = {figure.name: figure for figure in figures}
    found = []
    for exhibit in record.exhibits:
        if isinstance(exhibit, Images):
            whole = grid(exhibit.pixels)
            wide = whole.shape[2] > 3 * whole.shape[1]  # a strip of frames has the width of the page
            width = max(280, min(960 if wide else 640, 2 * whole.shape[2]))
            found.append(
                Shown(exhibit.title, exhibit.caption, _data_uri(whole), width, tuple(exhibit.row_labels), wide=wide)
            )
        elif isinstance(exhibit, Texts):
            texts = tuple((str(label), str(text)) for label, text in exhibit.texts)
            found.append(Shown(exhibit.title, exhibit.caption, texts=texts))
        else:
            found.append(Shown(exhibit.title, exhibit.caption, figure=drawn[_name(exhibit)]))
    return found


def draw(record: Record) -> list[Picture]:
    """Draw the curves among the exhibits."""
    return [_draw(exhibit) for exhibit in record.exhibits if isinstance(exhibit, Curves)]


def _name(exhibit: Curves) -> str:
    return f"exhibit_{style.file_name(exhibit.name)}"


def _draw(exhibit: Curves) -> Picture:
    from matplotlib.ticker import MaxNLocator

    figure, axes = style.panel(2.9)
    for place, (name, heights) in enumerate(exhibit.lines.items()):
        colour = SERIES[place % len(SERIES)]
        axes.plot(exhibit.x, heights, color=colour, linestyle=DASHES[place % len(DASHES)], label=style.label(name, 30))
        if name in exhibit.bands:
            low, high = exhibit.bands[name]
            axes.fill_between(np.asarray(exhibit.x), low, high, color=colour, alpha=0.16, linewidth=0)
    for name, moment in exhibit.marks.items():
        axes.axvline(moment, color=FAINT, linewidth=0.8, linestyle=":")
        axes.text(moment, 1.0, f" {name}", transform=axes.get_xaxis_transform(), va="top", color=FAINT, fontsize=8)
    if len(exhibit.lines) > 1:
        axes.legend(loc="best", frameon=True, facecolor=style.PAPER, edgecolor="none", framealpha=0.9)
    if all(float(x).is_integer() for x in exhibit.x):
        axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    axes.set_xlabel(exhibit.x_label)
    axes.set_ylabel(exhibit.y_label)
    return style.picture(_name(exhibit), exhibit.title, figure)


def _data_uri(pixels: Any) -> str:
    return "data:image/png;base64," + base64.b64encode(encode(pixels[None], smallest=1)).decode()
