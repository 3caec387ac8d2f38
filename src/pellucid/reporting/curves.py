"""Everything that is drawn against time: losses, scores, and what went on inside each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.reporting import style, words
from pellucid.reporting.record import Record
from pellucid.reporting.style import BLUE, DASHES, FAINT, ORANGE, RULE, SERIES, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Line = Mapping[str, Any]
MOST_POINTS = 300
"""A curve is drawn with this many points at most, each then the mean of several lines of metrics.jsonl."""
MOST_LAYERS = 6
LOWEST = 1e-6
"""Ratios below this leave the panel: a schedule that ends at zero would squeeze all that went before."""
KNOWN = {"kind", "step", "epoch", "loss", "gradient_norm", "gradient_norms", "update_ratios", "seconds"}
HEALTHY = (3e-4, 3e-3)
"""An update of about a thousandth of the weights per step: A. Karpathy, CS231n notes, "ratio of weights:updates"."""


def draw_learning(record: Record) -> list[Picture]:
    """Draw the training loss, every validated score, and whatever else the rule tells."""
    if not record.trained and not record.validated:
        return []
    key, unit = record.clock
    together = "log_loss" in _validated_names(record) and _is_comparable(record)
    pictures = []
    if record.trained:
        figure, axes = style.panel()
        x, losses = _thinned(record.trained, key, [[line["loss"]] for line in record.trained])
        axes.plot(x, losses[:, 0], color=BLUE, label="train")
        values = losses[:, 0]
        if together:
            _draw_validated(record, axes, "log_loss")
            values = np.concatenate([values, [line["metrics"]["log_loss"] for line in record.validated]])
            axes.legend(loc="upper right", frameon=True, facecolor=style.PAPER, edgecolor="none", framealpha=1)
        axes.set_title("Loss" if together else "Training loss")
        _loss_axis(axes, values)
        axes.set_xlabel(unit)
        pictures.append(style.picture("loss", f"the loss against the {unit}", figure))
    alone = [name for name in _validated_names(record) if name != "log_loss" or not together]
    pictures += [_draw_score(record, name) for name in alone]
    return pictures + [_draw_scalar(record, name) for name in _extra(record)]


def _validated_names(record: Record) -> list[str]:
    names = list(record.validated[0]["metrics"]) if record.validated else []
    signals = {signal.name for signal in record.signals} - {(record.detailed or {}).get("primary")}
    return [name for name in names if not name.startswith(("recall_", "iou_", "f1_")) and name not in signals]


def _is_comparable(record: Record) -> bool:
    """Whether the training loss is the validation's log loss: plain cross-entropy, learned by backpropagation."""
    task, rule = record.recipe["task"], record.recipe["rule"]
    unweighted = all(task.get(weights, "none") == "none" for weights in ("class_weights", "positive_weights"))
    plain = not task.get("label_smoothing") and unweighted
    return task["name"] in ("classify", "multi_label") and rule["name"] == "backpropagation" and plain


def _draw_score(record: Record, name: str) -> Picture:
    from matplotlib.ticker import FuncFormatter

    _, unit = record.clock
    figure, axes = style.panel()
    _draw_validated(record, axes, name)
    axes.set_title(f"Validation {words.metric(name)}")
    axes.set_xlabel(unit)
    axes.margins(y=0.12)
    if words.is_share(name):
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
    return style.picture(name, f"validation {words.metric(name)} against the {unit}", figure)


def _draw_validated(record: Record, axes: Axes, name: str) -> None:
    """Draw a validated score, and mark the validation whose weights are the best."""
    key, unit = record.clock
    x = [line[key] for line in record.validated]
    y = [line["metrics"][name] for line in record.validated]
    few = len(x) <= 40
    axes.plot(x, y, color=ORANGE, linestyle=DASHES[1], marker="o" if few else "", markersize=2.4, label="validation")
    best = record.best
    if best is not None:
        axes.axvline(best[key], color=FAINT, linewidth=0.7, zorder=0)
        axes.plot(best[key], best["metrics"][name], "o", color=ORANGE, markersize=7, markerfacecolor=style.PAPER)
        value = words.of_metric(best["metrics"][name], name)
        style.note(axes, f"○ {value} at {unit} {words.rounded(best[key])}")


def _loss_axis(axes: Axes, values: NDArray[Any]) -> None:
    """Logarithmic where a loss falls through more than a power of ten, from zero otherwise."""
    if values.min() > 0 and values.max() > 10 * values.min():
        axes.set_yscale("log")
        style.plain_ticks(axes.yaxis)
        axes.set_ylabel("logarithmic", color=FAINT, fontsize=8)
    elif values.min() >= 0:
        axes.set_ylim(bottom=0)


def _extra(record: Record) -> list[str]:
    """Scalars beyond the loss that the rule told and that are not the same all along."""
    known = KNOWN | {signal.name for signal in record.signals}
    names = dict.fromkeys(name for line in record.trained for name in line if name not in known)
    return [name for name in names if len({line[name] for line in record.trained if is_number(line.get(name))}) > 1]


def is_number(value: Any) -> bool:
    """Whether a line's value can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _draw_scalar(record: Record, name: str) -> Picture:
    key, unit = record.clock
    lines = [line for line in record.trained if is_number(line.get(name))]
    x, y = _thinned(lines, key, [[line[name]] for line in lines])
    figure, axes = style.panel(2.0)
    axes.plot(x, y[:, 0], color=SERIES[2])
    axes.set_title(style.label(words.metric(name).capitalize(), 40))
    axes.set_xlabel(unit)
    return style.picture(f"train_{style.file_name(name)}", f"{words.metric(name)} against the {unit}", figure)


def _thinned(
    lines: Sequence[Line], key: str, values: Sequence[Sequence[float]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return time `[points]` and values `[points, curves]`; of a long run each point is the mean of neighbours."""
    x, y = np.array([line[key] for line in lines], np.float64), np.array(values, np.float64)
    size = -(-len(x) // MOST_POINTS)
    starts = np.arange(0, len(x), size)
    sizes = np.diff(np.append(starts, len(x)))
    return np.add.reduceat(x, starts) / sizes, np.add.reduceat(y, starts) / sizes[:, None]


def thinned(x: Sequence[float], y: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return time and values, each `[points]`; of a long run each point is the mean of neighbours."""
    times, values = _thinned([{"x": moment} for moment in x], "x", [[value] for value in y])
    return times, values[:, 0]


def draw_inside(record: Record) -> list[Picture]:
    """Draw the gradient's norm and the update/weight ratio of every weight tensor."""
    names = (record.layers or {}).get("parameter_names", [])
    lines = [line for line in record.trained if len(line.get("gradient_norms", ())) == len(names) > 0]
    chosen = _weights(record, names)
    pictures = []
    for field, title in (("gradient_norms", "Norm of the gradient"), ("update_ratios", "Update / weight, per step")):
        if not lines or any(field not in line for line in lines):
            continue
        x, values = _thinned(lines, record.clock[0], [[line[field][index] for index in chosen] for line in lines])
        if (values > 0).mean() < 0.5:
            continue  # a rule without a gradient, or one that seldom has any
        values = np.where(values > 0, values, np.nan)
        pictures.append(_draw_tensors(record, field, title, x, values, [names[index] for index in chosen]))
    return pictures


def _weights(record: Record, names: Sequence[str]) -> list[int]:
    """The weight tensors, from the input to the output; without biases and norms, whose ratios mean little."""
    layers = (record.layers or {}).get("layers", [])
    depth = {layer["name"]: place for place, layer in enumerate(layers)}
    norms = {layer["name"] for layer in layers if "Norm" in layer["kind"]}
    owner = [name.rpartition(".")[0] for name in names]
    chosen = [i for i, name in enumerate(names) if "bias" not in name.rpartition(".")[2] and owner[i] not in norms]
    return sorted(chosen or range(len(names)), key=lambda i: (depth.get(owner[i], len(depth)), i))


def _draw_tensors(
    record: Record, field: str, title: str, x: NDArray[Any], values: NDArray[Any], names: Sequence[str]
) -> Picture:
    named = set(np.linspace(0, len(names) - 1, min(MOST_LAYERS, len(names))).round().astype(int).tolist())
    rows = -(-(len(named) + (len(named) < len(names))) // 2)
    figure, axes = style.panel(2.9 + 0.2 * rows, bottom=0.58 + 0.2 * rows)
    if field == "update_ratios":
        axes.axhspan(*HEALTHY, color=SERIES[2], alpha=0.16, linewidth=0)
        axes.axhline(1e-3, color=SERIES[2], linewidth=0.7)
    others = [index for index in range(len(names)) if index not in named]
    for index in others:
        axes.plot(x, values[:, index], color=RULE, linewidth=0.8, zorder=1)
    for place, index in enumerate(sorted(named)):
        told = style.label(names[index].removesuffix(".weight") or names[index], 24)
        axes.plot(x, values[:, index], color=SERIES[place], linestyle=DASHES[place], linewidth=1.3, label=told)
    if others:
        axes.plot([], [], color=RULE, label=f"{len(others)} others")
    axes.set_yscale("log")
    if field == "update_ratios":
        low, high = axes.get_ylim()
        axes.set_ylim(max(min(low, HEALTHY[0] / 4), LOWEST), max(high, HEALTHY[1] * 4))
        style.note(axes, "green: about a thousandth")
    style.plain_ticks(axes.yaxis)
    axes.set_title(title)
    axes.set_xlabel(record.clock[1])
    figure.legend(loc="lower left", ncols=2, bbox_to_anchor=(0.0, 0.0), columnspacing=1.4, labelspacing=0.35)
    return style.picture(field, f"{title} of each layer against the {record.clock[1]}", figure)
