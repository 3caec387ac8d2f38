"""One picture of the race: how many rows per second each entrant trains, against the raw loop's, workload by workload.

    python benchmarks/picture.py            # of the newest results/race_*.csv

Points are medians of the ratios within a round, lines reach from the least to the greatest. Written beside the file.
"""

from __future__ import annotations

import csv
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

RESULTS = Path(__file__).parent / "results"
LOOKS = {
    "pellucid": ("Pellucid", "#0b6e4f", "o"),
    "pellucid_fp32": ("Pellucid, fp32", "#7fbfa5", "o"),
    "floor": ("floor by autograd", "#222222", "|"),
    "floor_fp32": ("floor, fp32", "#888888", "|"),
    "by_hand": ("floor, gradients by hand", "#222222", "x"),
    "keras_jax": ("Keras on JAX, 16 steps per call", "#c1121f", "s"),
    "skorch": ("skorch", "#e09f3e", "^"),
    "lightning": ("Lightning", "#6a4c93", "v"),
}
"""How each entrant is called and drawn; the raw loop is the line at 1."""
NETS = {
    "R1": "MLP, MNIST",
    "R2": "LeNet-5, MNIST",
    "R3": "ResNet, MNIST",
    "R4": "LSTM, text",
    "R5": "GPT, text",
    "R6": "tiny MLP, digits",
    "R6-long": "20,000 steps",
}
RATE = "samples_per_second"


def ratios(rows: Sequence[Mapping[str, str]], workload: str, entrant: str) -> list[float]:
    """An entrant's rate over the raw loop's, round by round; none where it did not run."""
    rates = {
        (row["entrant"], row["round"]): float(row[RATE])
        for row in rows
        if row["workload"] == workload and row["discarded"] == "0"
    }
    return [rate / rates["raw", number] for (who, number), rate in rates.items() if who == entrant]


def draw(path: Path) -> Path:
    """Draw a file of results and return the picture's path."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    workloads = list(dict.fromkeys(row["workload"] for row in rows))
    figure = Figure(figsize=(9, 1.4 + 0.85 * len(workloads)), layout="constrained")
    axes = figure.subplots()
    for entrant, (label, colour, marker) in LOOKS.items():
        offset = 0.07 * (list(LOOKS).index(entrant) - len(LOOKS) / 2)
        for number, workload in enumerate(workloads):
            found = ratios(rows, workload, entrant)
            if found:
                middle, place = statistics.median(found), number + offset
                axes.plot([min(found), max(found)], [place, place], color=colour, linewidth=1)
                size = 9 if marker in "|x" else 7
                axes.plot(middle, place, marker, color=colour, markersize=size, label=label, linestyle="none")
    axes.axvline(1, color="#bbbbbb", linewidth=1, zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([0.25, 0.5, 1, 2, 4, 8]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_yticks(range(len(workloads)), [f"{name}\n{NETS.get(name, '')}" for name in workloads], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("rows per second in training, times the raw PyTorch loop's (log scale)")
    axes.set_title(f"{rows[0]['processor']}, {rows[0]['cores']} cores, torch {rows[0]['torch']}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    known = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(known.values(), known.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    picture = path.with_suffix(".svg")
    figure.savefig(picture, metadata={"Date": None})
    return picture


if __name__ == "__main__":
    newest = max(RESULTS.glob("race_*.csv"), key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        sys.exit("There are no results yet: run benchmarks/race.py first.")
    print(draw(newest))
