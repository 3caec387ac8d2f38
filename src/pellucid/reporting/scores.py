"""The scores: the net beside the baselines, with intervals, in a figure, a table and a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pellucid.reporting import matrices, style, words
from pellucid.reporting.record import Record, Result
from pellucid.reporting.style import BLUE, FAINT, INK, ORANGE, RULE, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = 25
"""Recall is drawn for this many classes at most, the worst ones."""


def better(result: Result, name: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether score `a` is better than `b` by its metric's direction."""
    sign = -1 if result["directions"].get(name) == "min" else 1
    return bool(sign * a["value"] > sign * b["value"])


def best_baseline(result: Result) -> tuple[str, Mapping[str, Any]] | None:
    """Return the baseline that does best by the primary metric."""
    name = result["primary"]
    best: tuple[str, Mapping[str, Any]] | None = None
    for who, scores in result["baselines"].items():
        if name in scores and (best is None or better(result, name, scores[name], best[1])):
            best = who, scores[name]
    return best


def against_baseline(result: Result) -> str:
    """Say how the net stands against the best baseline, without claiming more than the intervals do."""
    best = best_baseline(result)
    if best is None:
        return ""
    name, (who, score) = result["primary"], best
    net, text = result["metrics"][name], words.shown(score, name)
    rival = f"{words.baseline(who)}: {text.full} ({text.interval})".replace(" %", "\N{NO-BREAK SPACE}%")
    if not better(result, name, net, score):
        return f"It does not beat the best baseline, {rival}."
    if net["low"] <= score["high"] and score["low"] <= net["high"]:
        return f"It is ahead of the best baseline, {rival}, but the intervals overlap."
    return f"It beats the best baseline, {rival}."


@dataclass(frozen=True)
class Row:
    """One entrant of the table of results: who, and a score per metric (None where it has none)."""

    who: str
    remark: str
    cells: list[tuple[words.Shown, bool] | None]
    """Each score, and whether it is the best of its metric."""
    is_net: bool


def table(result: Result, train_rows: int) -> tuple[list[str], list[Row]]:
    """Return the metrics of a part, and what the net and every baseline score."""
    drawn = {"recall_": "recall" in result, "iou_": True, "f1_": "label_names" in result}  # class by class
    elsewhere = tuple(prefix for prefix, is_drawn in drawn.items() if is_drawn)
    names = [name for name in result["metrics"] if not name.startswith(elsewhere)]
    everyone = {"": result["metrics"], **result["baselines"]}
    best = {}
    for name in names:
        sign = -1 if result["directions"].get(name) == "min" else 1
        best[name] = max(sign * scores[name]["value"] for scores in everyone.values() if name in scores) * sign
    rows = []
    for who, scores in everyone.items():
        cells = [
            (words.shown(scores[name], name), scores[name]["value"] == best[name]) if name in scores else None
            for name in names
        ]
        seen = min((score["fitted_on"] for score in scores.values() if "fitted_on" in score), default=train_rows)
        remark = f"fitted on {words.count(seen, 'row')} only" if 0 < seen < train_rows else ""
        rows.append(Row(words.baseline(who) if who else "the net", remark, cells, not who))
    return names, rows


def how_intervals(result: Result) -> str:
    """Say which intervals these are, over how many rows."""
    kinds: dict[str, list[str]] = {}
    for name, score in result["metrics"].items():
        if not name.startswith(("recall_", "iou_", "f1_")):
            kinds.setdefault(score["interval"], []).append(words.metric(name))
    told = "; ".join(f"{', '.join(names)} by {words.interval(kind)}" for kind, names in kinds.items())
    rows = max(score["n"] for score in result["metrics"].values())
    return f"95 % intervals over {words.count(rows, result.get('unit', 'row'))}: {told}.{_sought(result)}"


def _sought(result: Result) -> str:
    """Say of which class the scores are that are of one class."""
    names = [words.metric(name) for name in ("f1", "auc", "average_precision") if name in result["metrics"]]
    if not names or "class_names" not in result:
        return ""
    if "positive" in result:
        return f" {', '.join(names)}: of the class {result['positive']} against the others."
    return f" {', '.join(names)}: means over the classes, each against the others."


def kindness(record: Record) -> str:
    """Say which part may have been learned from by the choice of weights."""
    if "validation" not in record.results:
        return ""
    told = "The weights are the last ones, so validation had no say in them."
    if record.keeps_best:
        told = "The validation part chose which weights were kept, so its scores are a little too kind."
    more = (
        "The test part had no say."
        if "test" in record.results
        else "How good it is on new data, only a test part can tell."
    )
    return f"{told} {more}"


def draw_standing(record: Record) -> list[Picture]:
    """Draw the primary score of the net and of every baseline on one axis, with intervals."""
    result = record.main
    if result is None:
        return []
    name = result["primary"]
    rows = [(f"the net, {result['split']}", result["metrics"][name], "net")]
    other = record.results.get("validation")
    if result["split"] == "test" and other is not None and name in other["metrics"]:
        rows.append(("the net, validation", other["metrics"][name], "other"))
    rows += [(words.baseline(who), s[name], "baseline") for who, s in result["baselines"].items() if name in s]
    return [draw_rows(rows, result)]


def draw_rows(rows: Sequence[tuple[str, Mapping[str, Any], str]], result: Result) -> Picture:
    """Draw the primary score of each row, who it is of and whether that is the net, on one axis, with intervals."""
    name = result["primary"]
    figure, axes = style.panel(0.78 + 0.3 * len(rows), left=1.75, right=0.85, top=0.3, bottom=0.48)
    low, high = _range([score for _, score, _ in rows])
    for place, (_, score, kind) in enumerate(rows):
        colour = BLUE if kind == "net" else INK if kind == "other" else FAINT
        axes.axhline(place, color=RULE, linewidth=0.5, zorder=0)
        if low <= score["value"] <= high:
            axes.plot([score["low"], score["high"]], [place, place], color=colour, linewidth=1.6 + (kind == "net"))
            axes.plot(score["value"], place, "o", color=colour, markersize=6.5 if kind == "net" else 5)
        else:
            far = low if score["value"] < low else high
            axes.plot(far, place, "<" if far == low else ">", color=colour, markersize=5, clip_on=False)
        axes.text(
            1.04, place, words.shown(score, name).full, transform=axes.get_yaxis_transform(), va="center",
            fontweight="bold" if kind == "net" else "normal",
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [who for who, _, _ in rows])
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.set(xlim=(low, high), ylim=(len(rows) - 0.5, -0.5))
    _axis_of_metric(axes, name, result)
    return style.picture("scores", f"{words.metric(name)} of the net and the baselines with intervals", figure)


def _range(scores: list[Mapping[str, Any]]) -> tuple[float, float]:
    """The axis: the net and whoever is near it; who is far off is shown at the edge, and would squeeze the rest."""
    low, high = scores[0]["low"], scores[0]["high"]
    span = max(high - low, 0.02 * max(abs(high), 1e-3))  # where all units are alike, the interval has no width
    for score in sorted(scores[1:], key=lambda score: abs(score["value"] - scores[0]["value"])):
        wide = max(high, score["high"]) - min(low, score["low"])
        if wide <= 6 * span:
            low, high = min(low, score["low"]), max(high, score["high"])
    pad = 0.06 * max(high - low, span)
    return low - pad, high + pad


def _axis_of_metric(axes: Axes, name: str, result: Result) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.ticklabel_format(axis="x", useOffset=False)
    if words.is_share(name):
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
    more = "less is better" if result["directions"].get(name) == "min" else "more is better"
    axes.set_xlabel(f"{words.metric(name)} ({more})")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def draw_recall(result: Result) -> list[Picture]:
    """Draw, of each class's rows, the share that was found; its lines go on those of the confusion matrix."""
    recall = result.get("recall")
    if not recall:
        return []
    rows = list(recall.items())
    if len(rows) > MOST_CLASSES:
        rows = sorted(rows, key=lambda row: (row[1]["value"], row[0]))[:MOST_CLASSES]
    layout = matrices.layout(result)
    top, pitch = (layout.top, layout.pitch) if not layout.wide and len(rows) == len(recall) else (0.34, 0.235)
    left = 0.35 + 0.075 * max(len(style.label(who)) for who, _ in rows)
    figure, axes = style.panel(top + pitch * len(rows) + 0.5, left=left, right=0.8, top=top)
    for place, (_, score) in enumerate(rows):
        colour = BLUE if score["value"] == 1 else ORANGE
        axes.axhline(place, color=RULE, linewidth=0.5, zorder=0)
        axes.plot([score["low"], score["high"]], [place, place], color=colour, linewidth=1.6)
        axes.plot(score["value"], place, "o" if colour == BLUE else "D", color=colour, markersize=4.5, clip_on=False)
        told = f"{round(score['value'] * score['n'])} of {score['n']:,}"
        axes.text(1.04, place, told, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.set_yticks(range(len(rows)), [style.label(who) for who, _ in rows])
    axes.set(xlim=(min(0.5, min(score["low"] for _, score in rows)), 1), ylim=(len(rows) - 0.5, -0.5))
    few = len(rows) < len(recall)
    style.heading(axes, f"Found, in the {len(rows)} worst of {len(recall)} classes" if few else "Found, of each class")
    _axis_of_metric(axes, "recall", result)
    axes.set_xlabel("recall, 95 % interval")
    return [style.picture("recall", "recall of each class with intervals", figure)]
