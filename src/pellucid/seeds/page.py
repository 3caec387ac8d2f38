"""The page of several runs: every score over time, one thin line per seed, their mean, and one deviation around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid import rundir
from pellucid.reporting import style
from pellucid.reporting.style import BLUE, FAINT, Picture

CSS = """
:root { color-scheme: light dark; --paper: #fdfdfc; --faint: #6b727b; --rule: #d8dbdf; --series-0: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181b; --faint: #9aa1a9; --rule: #3a3f45; --series-0: #58a6e0; }
}
body { background: var(--paper); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem;
  padding: 0 1rem; }
figure { display: inline-block; margin: 0 1rem 1rem 0; width: min(100%, 28rem); }
table { border-collapse: collapse; } th, td { padding: .2rem .8rem .2rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; } td { border-top: 1px solid var(--rule); }
small { color: var(--faint); }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(told: Mapping[str, Any], runs: Sequence[Path]) -> str:
    """Return the page's HTML; it needs no other file.

    Args:
        told: the summary.
        runs: the run folders, in its order.
    """
    figures = "".join(f"<figure>{picture.inline}</figure>" for picture in draw(told, runs))
    name = escape(Path(told["run"]).name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{name} · Pellucid</title><style>{CSS}</style></head><body>\n"
        f"<h1>{name}</h1><p>One recipe, {len(runs)} seeds, judged on validation. Means over seeds with Student's 95 % "
        "interval; each run chose its best weights by the same validation, so its scores are a little flattered. "
        "The test part tells without that.</p>\n"
        f"{figures}\n{_table(told)}\n</body></html>\n"
    )


def draw(told: Mapping[str, Any], runs: Sequence[Path]) -> list[Picture]:
    """Draw every score over the steps of training."""
    lines = [
        [line for line in rundir.read_lines(run / "metrics.jsonl") if line["kind"] == "validation"] for run in runs
    ]
    with style.house_style():
        return [_curves(name, lines) for name in told["metrics"] if all(lines)]


def _curves(name: str, runs: Sequence[Sequence[Mapping[str, Any]]]) -> Picture:
    figure, axes = style.panel()
    for lines in runs:
        axes.plot([line["step"] for line in lines], [line["metrics"][name] for line in lines], color=FAINT, lw=0.6)
    steps, values = _together(name, runs)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    axes.fill_between(steps, mean - spread, mean + spread, color=BLUE, alpha=0.18, lw=0)
    axes.plot(steps, mean, color=BLUE)
    axes.set_title(f"Validation {name.replace('_', ' ')}")
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
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = [
        f"<tr><td>seed {each['seed']}</td>" + "".join(f"<td>{each['metrics'][name]:.6g}</td>" for name in names)
        for each in told["seeds"]
    ]
    means = "".join(
        f"<td><b>{score['value']:.6g}</b><br><small>{score['low']:.6g} to {score['high']:.6g}</small></td>"
        for score in told["metrics"].values()
    )
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}<tr><td>mean</td>{means}</tr></table>"
