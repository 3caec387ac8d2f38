"""The page of several runs: every score over time, one thin line per seed, their mean, and one deviation around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid import rundir
from pellucid.reporting import style, words
from pellucid.reporting.style import BLUE, FAINT, Picture

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(told: Mapping[str, Any], runs: Sequence[Path]) -> str:
    """Return the page's HTML; it needs no other file.

    Args:
        told: the summary.
        runs: the run folders, in its order.
    """
    css = (Path(style.__file__).parent / "page.css").read_text(encoding="utf-8")  # the look of every report
    figures = "".join(f"<figure>{picture.inline}</figure>" for picture in draw(told, runs))
    name = escape(Path(told["run"]).resolve().name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{name} · Pellucid</title><style>{css}</style></head><body>\n"
        f'<header><p class="label">Report of {len(runs)} runs</p><h1>{name}</h1>'
        '<p class="learned">One recipe, its seeds, judged on validation.</p></header>\n'
        f"{_verdict(told.get('verdict', []))}"
        '<section><p class="label">Scores</p><div><h2>How much does it depend on the seed?</h2>'
        f'<div class="box">{_table(told)}</div>'
        "<p>Means over seeds with Student's 95 % interval. Each run chose its best "
        "weights by the same validation, so its scores are a little too kind; the test part tells without that.</p>"
        f'<div class="panels">{figures}</div></div></section>\n</body></html>\n'
    )


def _verdict(findings: Sequence[Mapping[str, Any]]) -> str:
    """What the runs show together, each with the next experiment."""
    told = "".join(
        f"<p>{escape(finding['message'])}</p>"
        + f'<pre class="copy">{escape(finding["next"])}</pre>' * (finding["kind"] != "fits")
        for finding in findings
    )
    if not told:
        return ""
    head = '<section><p class="label">Verdict</p><div><h2>Do the runs agree, and what ails them?</h2>'
    return f"{head}{told}</div></section>\n"


def draw(told: Mapping[str, Any], runs: Sequence[Path]) -> list[Picture]:
    """Draw every score that validations tell over the steps of training."""
    lines = [
        [line for line in rundir.read_lines(run / "metrics.jsonl") if line["kind"] == "validation"] for run in runs
    ]
    with style.house_style():
        names = [name for name in told["metrics"] if all(lines) and name in lines[0][0]["metrics"]]
        return [_curves(name, lines) for name in names]


def _curves(name: str, runs: Sequence[Sequence[Mapping[str, Any]]]) -> Picture:
    figure, axes = style.panel()
    for lines in runs:
        axes.plot([line["step"] for line in lines], [line["metrics"][name] for line in lines], color=FAINT, lw=0.6)
    steps, values = _together(name, runs)
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))
    axes.fill_between(steps, mean - spread, mean + spread, color=BLUE, alpha=0.18, lw=0)
    axes.plot(steps, mean, color=BLUE)
    axes.set_title(f"Validation {words.metric(name)}")
    axes.set_xlabel("step")
    style.note(axes, f"{len(runs)} seeds, mean ± deviation")
    return style.picture(name, f"validation {name} against the step, one line per seed and their mean", figure)


def _together(name: str, runs: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The steps that every run was judged at, and the values there, `[runs, steps]`."""
    by_step = [{line["step"]: line["metrics"][name] for line in lines} for lines in runs]
    steps = sorted(set.intersection(*(set(values) for values in by_step)))
    return np.array(steps), np.array([[values[step] for step in steps] for values in by_step])


def _table(told: Mapping[str, Any]) -> str:
    """The values per seed, and the mean of each column with its interval."""
    names = list(told["metrics"])
    head = "".join(f"<th>{escape(words.metric(name))}</th>" for name in names)
    rows = [
        f"<tr><td>seed {each['seed']}</td>"
        + "".join(f"<td>{words.of_metric(each['metrics'][name], name)}</td>" for name in names)
        for each in told["seeds"]
    ]
    means = "".join(
        f"<td><b>{shown.full}</b><small>{shown.interval}</small></td>"
        for shown in (words.shown(score, name) for name, score in told["metrics"].items())
    )
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}<tr><td>mean</td>{means}</tr></table>"
