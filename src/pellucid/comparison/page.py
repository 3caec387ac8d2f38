"""The page of a comparison: the sentences, every difference with its interval, the settings, the curves overlaid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from pellucid import rundir
from pellucid.comparison import sentences
from pellucid.reporting import style, words
from pellucid.reporting.style import DASHES, FAINT, INK, RULE, SERIES, Picture

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
SHORT = {"mcnemar": "McNemar", "student": "paired t", "corrected_t": "corrected t"}
LABEL = 36
"""Letters of a name beside the picture of the differences, which has a line for each name."""
MOST_CURVES = 6
"""So many scores are drawn over time."""


def page(told: Mapping[str, Any], runs: Sequence[Path]) -> str:
    """Return the page's HTML; it needs no other file.

    Args:
        told: the comparison.
        runs: the run folders, in its order.
    """
    css = (Path(style.__file__).parent / "page.css").read_text(encoding="utf-8")  # the look of every report
    named = list(sentences.named(told).values())
    title = escape(f"{', '.join(named[:-1])} and {named[-1]}") if len(named) < 5 else f"{len(named)} compared"
    with style.house_style():
        forest, curves = draw_differences(told), draw_curves(runs)
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in told["sentences"][1:])
    notes = "".join(f'<p class="faint">{escape(note)}</p>' for note in told["comparable"]["notes"])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{title} · Pellucid</title><style>{css}</style></head><body>\n"
        f'<header><p class="label">Comparison by {escape(words.metric(told["metric"]))}, {sentences.judged(told)}</p>'
        f'<h1>{title}</h1><p class="learned">{escape(told["sentences"][0])}</p></header>\n'
        f'<section><p class="label">Test</p><div><h2>Is one shown to be better?</h2>{said}'
        f'<figure class="wide">{forest.inline}</figure>'
        f'<div class="box">{_comparisons(told)}</div>'
        "<p>Detectable is the difference that a test of so many finds 8 times in 10.</p>"
        f"{notes}</div></section>\n"
        f'<section><p class="label">Scores</p><div><h2>How good is each?</h2><div class="box">{_scores(told)}</div>'
        "<p>Whether intervals overlap says little: the same rows judge all, and the test above looks at them by pairs."
        "</p></div></section>\n"
        f"{_section('Curves', 'How did they get there?', _panels(curves)) if curves else ''}"
        f"{_section('Settings', 'What was done differently?', _settings(told)) if len(runs) > 1 else ''}"
        "</body></html>\n"
    )


def _section(label: str, question: str, content: str) -> str:
    return f'<section><p class="label">{label}</p><div><h2>{question}</h2>{content}</div></section>\n'


def _panels(pictures: Sequence[Picture]) -> str:
    return f'<div class="panels">{"".join(f"<figure>{picture.inline}</figure>" for picture in pictures)}</div>'


def _comparisons(told: Mapping[str, Any]) -> str:
    named, several = sentences.named(told), len(told["comparisons"]) > 1
    unit = "points" if words.is_share(told["metric"]) else escape(words.metric(told["metric"]))
    head = f"<th></th><th>ahead by, {unit}</th><th>p</th>{'<th>Holm</th>' if several else ''}"
    head += "<th>effect size</th><th>detectable</th>"
    rows = []
    for each in told["comparisons"]:
        value, low, high = sentences.difference(each, told["better"])
        effect = "Cohen's d" if each["effect"] == "cohens_d" else "odds"
        size, low_end, high_end = map(_size, _finite(sentences.effect(each, told["better"])))
        scale = {"value": each["detectable"], "low": each["low"], "high": each["high"]}
        cells = [
            f"{value}<small>{low} – {high}</small>",
            f"{_p(each['p'])}<small>{SHORT[each['test']]}</small>",
            *([_p(each["p_holm"])] if several else []),
            f"{size}<small>{effect}, {low_end} – {high_end}</small>" if size else "–",
            words.shown(scale, told["metric"]).value,
        ]
        who = f"{escape(named[each['a']])}<small>against {escape(named[each['b']])}</small>"
        marked = ' class="best"' if sentences.is_shown(each) else ""
        rows.append(f"<tr{marked}><th>{who}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _p(value: float) -> str:
    return escape(sentences.probability(value).removeprefix("p = ").removeprefix("p "))


def _finite(size: tuple[float | None, float | None, float | None]) -> tuple[float | None, ...]:
    """Odds as they are meant: None beside a number is infinite; three of them, that there is no size."""
    none = all(each is None for each in size)
    return size if none else tuple(math.inf if each is None else each for each in size)


def _size(value: float | None) -> str:
    return "" if value is None else "∞" if math.isinf(value) else words.signed(f"{value:.2f}")


def _scores(told: Mapping[str, Any]) -> str:
    named = sentences.named(told)
    rows = []
    for name, score in told["scores"].items():
        shown = words.shown(score, told["metric"])
        rows.append(f"<tr><th>{escape(named[name])}</th><td>{shown.full}<small>{shown.interval}</small></td></tr>")
    head = f"<tr><th></th><th>{escape(words.metric(told['metric']))}</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _settings(told: Mapping[str, Any]) -> str:
    """The fields that differ, side by side."""
    if not told["config"]:
        return "<p>Nothing: their recipes, machines and versions are the same.</p>"
    head = "".join(f"<th>{escape(label)}</th>" for label in sentences.labels(told["runs"]).values())
    rows = ""
    for field, values in told["config"].items():
        cells = "".join(f"<td>{escape(sentences.written(value))}</td>" for value in values)
        rows += f"<tr><th>{escape(field)}</th>{cells}</tr>"
    return f'<div class="box"><table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def draw_differences(told: Mapping[str, Any]) -> Picture:
    """Draw how far the first of each pair is ahead, with 95 % intervals, and where nobody is."""
    named, pairs, metric = sentences.named(told), told["comparisons"], told["metric"]
    scale = (100 if words.is_share(metric) else 1) * (1 if told["better"] == "max" else -1)
    who = [f"{style.label(named[each['a']], LABEL)}\nagainst {style.label(named[each['b']], LABEL)}" for each in pairs]
    left = 0.4 + 0.068 * max(len(line) for each in who for line in each.splitlines())
    figure, axes = style.panel(0.75 + 0.42 * len(pairs), 4.4 + left, left=left, top=0.12)
    axes.axvline(0, color=FAINT, lw=0.8)
    for place, each in enumerate(pairs):
        colour = SERIES[0] if sentences.is_shown(each) else INK
        ends = sorted((scale * each["low"], scale * each["high"]))
        axes.plot(ends, [place, place], color=colour, lw=1.5)
        axes.plot(scale * each["difference"], place, "o", color=colour, ms=5)
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.set_yticks(range(len(pairs)), who)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=RULE, lw=0.5)
    axes.set_axisbelow(True)
    unit = "points" if words.is_share(metric) else words.metric(metric)
    axes.set_xlabel(f"how far the first is ahead, {unit}, 95 % interval; blue: shown")
    return style.picture("differences", "the difference of each pair with its 95 % interval", figure, wide=True)


def draw_curves(runs: Sequence[Path]) -> list[Picture]:
    """Draw every score that all runs validated, of all runs in one picture."""
    lines = [
        [line for line in rundir.read_lines(run / "metrics.jsonl") if line["kind"] == "validation"] for run in runs
    ]
    if len(runs) < 2 or not all(lines):
        return []
    clock = "epoch" if all("epoch" in line for each in lines for line in each) else "step"
    names = [
        name
        for name in lines[0][0]["metrics"]
        if all(name in each[0]["metrics"] for each in lines) and not name.startswith(("recall_", "iou_"))
    ]
    named = list(sentences.labels([str(run) for run in runs]).values())
    return [_curves(name, lines, named, clock) for name in names[:MOST_CURVES]]


def _curves(name: str, runs: Sequence[Sequence[Mapping[str, Any]]], named: Sequence[str], clock: str) -> Picture:
    figure, axes = style.panel()
    for place, (lines, label) in enumerate(zip(runs, named, strict=True)):
        axes.plot(
            [line[clock] for line in lines],
            [line["metrics"][name] for line in lines],
            color=SERIES[place % len(SERIES)],
            linestyle=DASHES[place % len(DASHES)],
            label=style.label(label),
        )
    axes.set_title(f"Validation {words.metric(name)}")
    axes.set_xlabel(clock)
    axes.legend(loc="best", frameon=True, facecolor=style.PAPER, edgecolor="none", framealpha=0.8)
    return style.picture(name, f"validation {name} against the {clock}, one line per run", figure)
