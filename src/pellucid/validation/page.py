"""The page of a cross-validation: how good, how sure, against what, fold by fold, and the table for a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from pellucid import rundir
from pellucid.reporting import matrices, scores, style, words
from pellucid.reporting.style import BLUE, Picture
from pellucid.validation import tell

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
MOST_FOLDS = 30
"""Folds of which each gets a line of its own in the table."""


def page(told: Mapping[str, Any], folder: Path) -> str:
    """Return the page's HTML; it needs no other file.

    Args:
        told: the result.
        folder: of the cross-validation.
    """
    css = (Path(style.__file__).parent / "page.css").read_text(encoding="utf-8")
    name, primary = escape(folder.resolve().name), told["primary"]
    shown = words.shown(told["metrics"][primary], primary)
    split = rundir.read_json(folder / told["fold_results"][0]["fold"] / "split.json")
    with style.house_style():
        standing, curves = draw_standing(told), draw_curves(told, folder)
        confusion = matrices.draw_confusion(told) if "confusion" in told else []
    verdict = "".join(
        f'<p>{escape(str(each["message"]))}</p><pre class="copy">{escape(str(each["next"]))}</pre>'
        for each in told["verdict"]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{name} · Pellucid</title><style>{css}</style></head><body>\n"
        f'<header><p class="label">Cross-validation, {escape(told["plan"]["told"])}</p><h1>{name}</h1>'
        f'<div class="hero"><div><p class="number">{shown.value}<small>{shown.unit}</small></p>'
        f'<p class="interval">{escape(words.metric(primary))}, mean over folds; 95 % interval {shown.interval}</p>'
        f"{''.join(f'<p>{escape(each)}</p>' for each in tell.sentences(told))}{verdict}</div>"
        f"{_figures(standing)}</div></header>\n"
        + _section(
            "Scores",
            "How good is this recipe on rows that it has not seen?",
            _table(tell.rows(told))
            + f"<p>{escape(tell.judged(told))}. Spread is the standard deviation over folds.</p>{_pooled(told)}",
        )
        + _section(
            "Folds",
            "How much depends on which rows train?",
            _folds(told) + f'<div class="panels">{_figures(curves)}</div>',
        )
        + (_section("Mistakes", "What is taken for what?", _figures(confusion)) if confusion else "")
        + _section(
            "Rows",
            "Who was judged by whom?",
            f"<p>{escape(split['how'])}. Whatever is fitted was fitted anew in each fold, on the rows that train "
            "there; early stopping looked at rows outside the fold that judges. The recipe’s test part is in no fold, "
            "and still sealed.</p>",
        )
        + _section(
            "Paper",
            "The table, to be pasted",
            f"<pre>{escape(tell.as_latex(told))}</pre><pre>{escape(tell.as_markdown(told))}</pre>",
        )
        + "</body></html>\n"
    )


def draw_standing(told: Mapping[str, Any]) -> list[Picture]:
    """Draw the primary score of the net, of an ensemble and of every baseline, as means over the folds."""
    name = told["primary"]
    rows = [("the net", told["metrics"][name], "net")]
    if name in told.get("ensemble", {}):
        rows.append((f"an ensemble of {told['plan']['seeds']}", told["ensemble"][name], "other"))
    rows += [(words.baseline(who), each[name], "baseline") for who, each in told["baselines"].items() if name in each]
    return [scores.draw_rows(rows, told)]


def draw_curves(told: Mapping[str, Any], folder: Path) -> list[Picture]:
    """Draw the primary score of each fold's own validation part over the steps."""
    name, drawn = told["primary"], 0
    figure, axes = style.panel()
    for each in told["fold_results"]:
        lines = rundir.read_lines(folder / each["fold"] / "metrics.jsonl")
        points = [(line["step"], line["metrics"][name]) for line in lines if line["kind"] == "validation"]
        if points:
            drawn += 1
            axes.plot(*zip(*points, strict=True), color=BLUE, alpha=0.5, linewidth=0.8)
    if not drawn:
        return []
    axes.set_title(f"Validation {words.metric(name)}")
    axes.set_xlabel("step")
    style.note(axes, f"{drawn} runs")
    return [style.picture("curves", f"validation {words.metric(name)} against the step, a line per fold", figure)]


def _folds(told: Mapping[str, Any]) -> str:
    names = list(told["metrics"])[:6]
    head = ["", "rows", "steps", *map(words.metric, names)]
    table = [
        [
            each["fold"],
            f"{each['rows']:,}",
            f"{each['best_step'] or each['steps']:,}",
            *(words.of_metric(each["metrics"][name], name) for name in names),
        ]
        for each in told["fold_results"][:MOST_FOLDS]
    ]
    left = len(told["fold_results"]) - len(table)
    more = f"<p>{words.count(left, 'run')} more are in results/crossval.json.</p>" if left else ""
    return _table([head, *table]) + more


def _pooled(told: Mapping[str, Any]) -> str:
    shown = [
        f"{words.metric(name)} {found.full} ({found.interval})"
        for name, found in ((name, words.shown(score, name)) for name, score in list(told["pooled"].items())[:4])
    ]
    return (
        f"<p>All rows together, each predicted by nets that had not seen it: {escape('; '.join(shown))}. These "
        "intervals are of the rows alone; those of the table count the chance of the training rows too.</p>"
        if shown
        else ""
    )


def _table(table: Sequence[Sequence[str]]) -> str:
    head, *body = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in table]
    rows = "".join(f"<tr>{row}</tr>" for row in body)
    head = head.replace("td>", "th>")
    return f'<div class="box"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _section(label: str, question: str, body: str) -> str:
    return f'<section><p class="label">{label}</p><div><h2>{question}</h2>{body}</div></section>\n'


def _figures(pictures: Sequence[Picture]) -> str:
    return "".join(f"<figure>{picture.inline}</figure>" for picture in pictures)
