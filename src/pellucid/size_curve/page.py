"""The page of a size curve: the error at each size, the law through it with its band, and where that leads."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.reporting import style, words
from pellucid.reporting.style import BLUE, DASHES, FAINT, SERIES, Picture
from pellucid.size_curve import summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
LOWEST = 1e-4
"""An error of 0 has no place on a logarithmic axis: it is drawn here at the lowest, or at a third of the rest."""


def page(told: Mapping[str, Any]) -> str:
    """Return the page's HTML; it needs no other file."""
    css = (Path(style.__file__).parent / "page.css").read_text(encoding="utf-8")  # the look of every report
    name = escape(Path(told["run"]).resolve().name)
    runs = words.count(len(told["runs"]), "run")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{name} · Pellucid</title><style>{css}</style></head><body>\n"
        f'<header><p class="label">Size curve of {runs}</p><h1>{name}</h1>'
        f'<p class="learned">{escape(told["said"])}</p></header>\n'
        '<section><p class="label">Curve</p><div><h2>Would more rows help?</h2>'
        f'<figure class="wide">{draw(told).inline}</figure><p>{_explained(told)}</p></div></section>\n'
        '<section><p class="label">Scores</p><div><h2>What came of each size?</h2>'
        f'<div class="box">{_table(told)}</div><p>{_how(told)}</p></div></section>\n{_law(told)}</body></html>\n'
    )


def draw(told: Mapping[str, Any]) -> Picture:
    """Draw the error against the rows, both axes logarithmic; a score that is no error against the rows' logarithm."""
    name = told["primary"]
    errors = summary.errors_of(name, told["directions"][name])
    everything = [value for point in told["sizes"] for value in point["values"]]
    drawn = errors.of(np.array(everything)) if errors is not None else np.array([-1.0])
    is_log = bool(drawn.min() >= 0 and drawn.max() > 0)
    if errors is None or not is_log:
        errors = summary.Errors(name, is_rest=False)
    with style.house_style():
        figure, axes = style.panel(3.6, 7.2, left=0.75, right=1.45)
        axes.set_xscale("log")
        if is_log:
            axes.set_yscale("log")
        _draw_line(axes, told, errors)
        _draw_points(axes, told, errors, is_log)
        _draw_baselines(axes, told, errors)
        axes.set_xlabel("training rows")
        axes.set_title(_error(told) if errors.is_rest else words.metric(name))
        style.note(axes, "a dot is a run; bars and band are 95 % intervals")
        _ticks(axes, told, errors, is_log)
        alt = f"{errors.told} on validation against the number of training rows, with the fitted law and its band"
        return style.picture("curve", alt, figure, wide=True)


def _error(told: Mapping[str, Any]) -> str:
    """The error in words: 1 − accuracy."""
    errors = summary.errors_of(told["primary"], told["directions"][told["primary"]])
    name = words.metric(told["primary"])
    return f"1 − {name}" if errors is not None and errors.is_rest else name


def _draw_line(axes: Axes, told: Mapping[str, Any], errors: summary.Errors) -> None:
    """The law with its band: solid where there are runs, dashed beyond."""
    if told["fit"] is None:
        return
    line = told["fit"]["line"]
    rows = np.array([place["rows"] for place in line])
    value, low, high = (errors.of(np.array([place[key] for place in line])) for key in ("value", "low", "high"))
    axes.fill_between(rows, low, high, color=BLUE, alpha=0.16, lw=0)
    most = told["sizes"][-1]["rows"]
    inside, beyond = rows <= most * 1.001, rows >= most * 0.999
    axes.plot(rows[inside], value[inside], color=BLUE)
    axes.plot(rows[beyond], value[beyond], color=BLUE, linestyle=DASHES[1])
    axes.axvline(most, color=FAINT, lw=0.6, linestyle=DASHES[2])
    axes.annotate(
        "law", (rows[-1], value[-1]), (5, 0), textcoords="offset points", color=BLUE, va="center", fontsize=8.5
    )
    for each in told["forecast"]:
        axes.plot(
            [each["rows"]], [errors.of(each["value"])], "o", color=BLUE, markerfacecolor=style.PAPER, markersize=5
        )


def _draw_points(axes: Axes, told: Mapping[str, Any], errors: summary.Errors, is_log: bool) -> None:
    values = np.array([errors.of(np.array(point["values"])).mean() for point in told["sizes"]])
    least = max(LOWEST, min((value for value in values if value > 0), default=1.0) / 3) if is_log else -np.inf
    for point, mean in zip(told["sizes"], values, strict=True):
        runs = np.maximum(errors.of(np.array(point["values"])), least)
        axes.plot(np.full(len(runs), point["rows"]), runs, ".", color=FAINT, markersize=3.5, zorder=2)
        ends = sorted(errors.of(point[end]) for end in ("low", "high"))
        axes.plot([point["rows"]] * 2, np.maximum(ends, least), color=BLUE, lw=1.2, zorder=3)
        axes.plot([point["rows"]], [max(mean, least)], "o", color=BLUE, markersize=5, zorder=4)
    axes.plot([], [], "o-", color=BLUE, markersize=5, label="the net")


def _draw_baselines(axes: Axes, told: Mapping[str, Any], errors: summary.Errors) -> None:
    """What needs no deep learning, fitted on the same subsets."""
    names = [name for name in told["sizes"][-1]["baselines"] if name not in ("majority", "mean")]
    for place, name in enumerate(names[: len(SERIES) - 1], 1):
        there = [point for point in told["sizes"] if name in point["baselines"]]
        rows = [point["rows"] for point in there]
        values = [float(errors.of(point["baselines"][name])) for point in there]
        dashes, called = DASHES[place % len(DASHES)], words.baseline(name)
        axes.plot(rows, values, color=SERIES[place], linestyle=dashes, lw=1, zorder=1, label=called)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.03))


def _ticks(axes: Axes, told: Mapping[str, Any], errors: summary.Errors, is_log: bool) -> None:
    """The sizes themselves below, and plain numbers at the left."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    places = [point["rows"] for point in told["sizes"]] + [each["rows"] for each in told["forecast"]]
    if is_log and told["fit"] is not None:  # a band may reach down to no error at all
        line = [errors.of(place["value"]) for place in told["fit"]["line"]]
        axes.set_ylim(bottom=max(axes.get_ylim()[0], min(line) / 4))
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value):,}"))
    axes.xaxis.set_minor_locator(NullLocator())
    if is_log:
        style.plain_ticks(axes.yaxis)
        axes.yaxis.set_minor_formatter(NullFormatter())


def _table(told: Mapping[str, Any]) -> str:
    """A line per size and per forecast."""
    name, beside = told["primary"], list(told["sizes"][-1]["baselines"])
    head = "".join(f"<th>{escape(words.baseline(other))}</th>" for other in beside)
    rows = []
    for point in told["sizes"]:
        shown = words.shown(point, name)
        others = "".join(
            f"<td>{words.of_metric(point['baselines'][other], name) if other in point['baselines'] else ''}</td>"
            for other in beside
        )
        runs = ", ".join(words.of_metric(value, name) for value in point["values"])
        rows.append(
            f"<tr><td>{point['rows']:,}</td><td><b>{shown.full}</b><small>{shown.interval}</small></td>"
            f'{others}<td class="text">{runs}</td></tr>'
        )
    for each in told["forecast"]:
        shown = words.shown(each, name)
        rows.append(
            f"<tr><td>{each['rows']:,}</td><td>{shown.full}<small>{shown.interval}</small></td>"
            f'{"<td></td>" * len(beside)}<td class="text">forecast</td></tr>'
        )
    return (
        f"<table><thead><tr><th>rows</th><th>{escape(words.metric(name))}</th>{head}"
        f'<th class="text">each run</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _explained(told: Mapping[str, Any]) -> str:
    if told["fit"] is None:
        return f"No law is drawn: {escape(told['why_no_fit'])}."
    return (
        "The line is a power law that was fitted to the runs; it is dashed beyond the rows that there are. Its band is "
        "of what is expected on average over draws, for rows like those of validation, if the law goes on to hold: "
        "nothing here can show that it does, and the further it reaches the less should be built on it."
    )


def _how(told: Mapping[str, Any]) -> str:
    return (
        f"Each size was drawn {told['draws']} times from the training rows, the smaller within the larger, and all "
        f"that is fitted was fitted anew. Every run could make the {told['steps']:,} steps of the largest size, so "
        "that a small one is not worse for want of steps, and kept its best weights by validation. Baselines learned "
        "from the same rows."
    )


def _law(told: Mapping[str, Any]) -> str:
    """The parameters of the law with their intervals."""
    fit = told["fit"]
    if fit is None:
        return ""
    meanings = {
        "c": "what no number of rows removes",
        "b": "how fast the rest goes",
        "a": "its size",
    }
    rows = "".join(
        f"<tr><td>{name}</td><td>{words.rounded(fit[name]['value'])}"
        f"<small>{words.rounded(fit[name]['low'])} – {words.rounded(fit[name]['high'])}</small></td>"
        f'<td class="text">{meaning}</td></tr>'
        for name, meaning in meanings.items()
    )
    return (
        '<section><p class="label">Law</p><div>'
        f"<h2>{escape(_error(told))} = c + a · rows<sup>−b</sup></h2>"
        f'<div class="box"><table><tbody>{rows}</tbody></table></div>'
        "<p>Least squares weighted by how widely the draws differ; intervals by resamples of that "
        "noise and of the validation rows. After "
        "Hestness et al. (2017) and Viering and Loog (2021).</p></div></section>\n"
    )
