"""A cross-validation in words, and as tables for a terminal and for a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.reporting import words

Told = Mapping[str, Any]


def sentence(told: Told, baseline: str, metric: str) -> str:
    """Say how the net stands against a baseline on the same folds, and no more than the test bears out."""
    difference = told["baselines"][baseline][metric]["difference"]
    shown, unit = words.shown(difference, metric), " points" if words.is_share(metric) else ""
    better = difference["value"] > 0 if told["directions"][metric] == "max" else difference["value"] < 0
    numbers = (
        f"difference in {words.metric(metric)} {shown.value}{unit}, {shown.low} to {shown.high}; "
        f"p {p_value(difference['p_holm'])}"
    )
    against = f"Against {words.baseline(baseline)} the net is"
    if difference["p_holm"] < 0.05:
        return f"{against} {'better' if better else 'worse'} ({numbers})."
    return f"{against} not shown to be {'better' if better else 'any different'} ({numbers})."


def sentences(told: Told) -> list[str]:
    """Say how the net stands against each baseline, by the primary score."""
    metric = told["primary"]
    against = [sentence(told, name, metric) for name, scores in told["baselines"].items() if metric in scores]
    return [*_of_ensemble(told, metric), *against]


def _of_ensemble(told: Told, metric: str) -> list[str]:
    """Say what the nets of a fold's seeds come to together, where there are several."""
    if metric not in told.get("ensemble", {}):
        return []
    score = told["ensemble"][metric]
    difference, shown = score["difference"], words.shown(score, metric)
    apart, unit = words.shown(difference, metric), " points" if words.is_share(metric) else ""
    better = difference["value"] > 0 if told["directions"][metric] == "max" else difference["value"] < 0
    is_shown = difference["p"] < 0.05
    found = (
        ("better" if better else "worse") if is_shown else "not shown to be " + ("better" if better else "different")
    )
    return [
        f"Together, as an ensemble, the {told['plan']['seeds']} nets of each fold come to {shown.full} "
        f"({shown.interval}) in {words.metric(metric)}, which is {found} {'than' if is_shown or better else 'from'} "
        f"one net alone (difference {apart.value}{unit}, {apart.low} to {apart.high}; p {p_value(difference['p'])})."
    ]


def p_value(p: float) -> str:
    """Write a p-value with two digits, and nothing below what a test of a few folds can tell."""
    return "below 0.001" if p < 0.001 else f"= {p:.2g}"


def rows(told: Told) -> list[list[str]]:
    """Return the table: a metric per row, then the net's mean, interval and spread, and the others' means."""
    baselines, together = list(told["baselines"]), told.get("ensemble", {})
    ensemble = [f"ensemble of {told['plan']['seeds']}"] if together else []
    table = [["", "net", "95 % interval", "spread", *ensemble, *map(words.baseline, baselines)]]
    for name, score in told["metrics"].items():
        shown = words.shown(score, name)
        scale = 100 if words.is_share(name) else 1
        others = [*([together] if together else []), *(told["baselines"][other] for other in baselines)]
        beside = [words.of_metric(each[name]["value"], name) if name in each else "" for each in others]
        spread = words.rounded(float(f"{scale * score['spread']:.2g}"))
        table.append([words.metric(name), shown.full, shown.interval, spread, *beside])
    return table


def judged(told: Told) -> str:
    """Say what the numbers are of."""
    num_rows = sum(each["rows"] for each in told["fold_results"] if each["repeat"] == 1)
    num_rows //= told["plan"]["seeds"]
    return (
        f"{told['plan']['told']}, {words.count(num_rows, 'row')}; mean over folds and its 95 % interval, corrected for "
        "the training rows that folds share (Nadeau & Bengio 2003); p-values by the same t, over all baselines by Holm"
    )


def as_markdown(told: Told) -> str:
    """Return the table and what it is of, to be pasted."""
    table = rows(told)
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    lines.insert(1, "|" + " --- |" * len(table[0]))
    return "\n".join([*lines, "", f"{judged(told)}.", ""])


def as_latex(told: Told) -> str:
    """Return the table as LaTeX (booktabs), with what it is of as its caption."""
    table = [[_escaped(cell) for cell in cells] for cells in rows(told)]
    lines = [f"    {' & '.join(cells)} \\\\" for cells in table]
    columns = "l" + "r" * (len(table[0]) - 1)
    return "\n".join(
        [
            r"\begin{table}",
            f"  \\caption{{{_escaped(judged(told))}.}}",
            f"  \\begin{{tabular}}{{{columns}}}",
            r"    \toprule",
            lines[0],
            r"    \midrule",
            *lines[1:],
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _escaped(text: str) -> str:
    for plain, latex in (("\\", r"\textbackslash{}"), ("%", r"\%"), ("&", r"\&"), ("_", r"\_"), ("#", r"\#")):
        text = text.replace(plain, latex)
    return text.replace("−", "$-$").replace("–", "--").replace("²", "$^2$")


def columns(table: Sequence[Sequence[str]]) -> str:
    """Return a table for a terminal, its numbers to the right."""
    widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def as_text(told: Told) -> str:
    """Return what a terminal shows."""
    return "\n".join([f"{told['run']}: {judged(told)}", columns(rows(told)), *sentences(told)])
