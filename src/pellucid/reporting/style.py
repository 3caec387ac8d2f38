"""One style for every figure, and SVG whose bytes depend on nothing but what is drawn.

Figures are drawn in the colours below and kept like that as files, ready for a paper or a slide. Within the page
each colour becomes a CSS variable of the same meaning, so that figures follow dark and light.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, RULE, PAPER = "#1f2328", "#6b727b", "#d8dbdf", "#fdfdfc"
# Okabe and Ito (2008), which the colour-blind can tell apart; yellow darkened to be legible on paper.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#c2649b", "#a87900", "#4aa3d8")
# Told apart in black and white too.
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.4, 1.2, 1.4)), (0, (3, 1)), (0, (9, 2)))
BLUE, ORANGE = SERIES[:2]

_VARIABLES = {
    INK: "currentColor",
    FAINT: "var(--faint)",
    RULE: "var(--rule)",
    PAPER: "var(--paper)",
    **{colour: f"var(--series-{index})" for index, colour in enumerate(SERIES)},
}
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched, and takes the reader's font
    "text.parse_math": False,  # a class may be called "$1"
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so figures are measured alike everywhere
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.6,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
}
PANEL = 4.2
"""Width of a panel in inches: at 72 points it fills a phone, and two stand side by side on a screen."""


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Picture:
    """A figure that is drawn: its file's name, what it shows in words, and its SVG."""

    name: str
    alt: str
    svg: str
    wide: bool = False
    """Needs the whole width of the page; on a phone it scrolls within its own box."""

    @property
    def inline(self) -> str:
        """The SVG as an element of the page, in the page's colours."""
        start = self.svg.index("<svg")
        body = self.svg[self.svg.index(">", start) + 1 :]
        for colour, variable in _VARIABLES.items():
            body = body.replace(colour, variable)
        found = re.search(r'viewBox="([^"]*)"', self.svg)
        assert found is not None
        return f'<svg viewBox="{found[1]}" role="img" aria-label="{escape(self.alt)}">{body}'


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house's style for as long as the context lasts."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # not the user's own style: the same run gives the same page everywhere
        mpl.rcParams.update(_SETTINGS)
        # Names in any script: the browser has the glyphs that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def panel(
    height: float = 2.7,
    width: float = PANEL,
    *,
    left: float = 0.6,
    right: float = 0.15,
    top: float = 0.32,
    bottom: float = 0.5,
) -> tuple[Figure, Axes]:
    """Return a figure with one axes; margins in inches, so that panels side by side line up."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    return figure, figure.add_axes(box)


def picture(name: str, alt: str, figure: Figure, *, wide: bool = False) -> Picture:
    """Turn a figure into a picture; the same figure always gives the same bytes."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": name}):  # the name keeps the ids of two figures of a page apart
        figure.savefig(buffer, format="svg", metadata=nothing)
    svg = re.sub(r'<g id="[^"]*"', "<g", buffer.getvalue().decode())
    return Picture(name, alt, svg, wide)


def note(axes: Axes, text: str) -> None:
    """Write a remark at the right of the title line."""
    axes.set_title(text, loc="right", color=FAINT, fontweight="normal", fontsize=8.5)


def heading(axes: Axes, text: str) -> None:
    """Write a title at the top of the figure, however much stands between it and the axes."""
    height = axes.figure.bbox.height / axes.figure.dpi
    axes.figure.text(axes.get_position().x0, 1 - 0.2 / height, text, fontweight="bold")


def label(text: str, most: int = 22) -> str:
    """A name from the user's data as a figure can hold it: no control characters, not too long."""
    clean = "".join(" " if unicodedata.category(character)[0] == "C" else character for character in text)
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def file_name(text: str) -> str:
    """A name from the user's data as a part of a file's name."""
    return "".join(character if character.isalnum() else "_" for character in text)


def plain_ticks(axis: Any) -> None:
    """Label a logarithmic axis that is drawn: in plain numbers where those are short, else at powers such as 10⁻⁴."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.axes.get_ylim()
    short = low >= 1e-3 and high <= 1e4

    def told(value: float, _: int) -> str:
        return f"{value:g}" if short else "10" + str(round(math.log10(value))).translate(_SUPERSCRIPT)

    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if short and high < 30 * low else (1,), numticks=7))
    axis.set_major_formatter(FuncFormatter(told))
    axis.set_minor_formatter(NullFormatter())
