"""One command on each kind of data of one's own, with the recipe that it infers: test scores beside their baselines.

    python benchmarks/own_data.py [NAME ...]  # an hour on two cores for all; needs the data sets under $PELLUCID_DATA

Each row of results/own_data_HARDWARE_DATE.csv is one score of the net or of a baseline: value, its 95 % interval, how
many rows it is of, seconds that training took, and the floor that the score is held to. The recipes are what
`pellucid train --data PATH [--target COLUMN] [settings]` proposes; the settings are what only a person can know (the
column to predict, who belongs together, which mask value means nothing). Each test part is opened once per run.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pellucid
from hardware import results_path, write_results
from pellucid.data import locate


@dataclass(frozen=True)
class Case:
    """What is trained on, and what is held to."""

    path: str
    target: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    score: str = "accuracy"
    floor: float | None = None
    beats: str | None = None
    """A baseline that the score must be better than."""


CASES = {
    "adult": Case("tabular/adult-train.csv", "column_15", floor=0.85),
    "california": Case("tabular/california_housing.csv", "median_house_value", score="r2", floor=0.78),
    "hymenoptera": Case("hymenoptera/hymenoptera_data"),
    "imdb": Case("imdb/aclImdb", floor=0.85),
    "digits": Case(  # by four speakers: one is new, and too few are left for another to be validated on
        "free-spoken-digit/recordings",
        "name_1",
        {"split.kind": "grouped", "split.group": "name_2", "split.validation": 0.0},
        floor=0.80,
    ),
    "mnist": Case("mnist"),
    "cifar10": Case("cifar10/cifar-10-batches-bin", floor=0.80),
    "camvid": Case("camvid", None, {"data.ignore": [11]}, score="mean_iou", floor=0.45),
    "pollution": Case("tabular/pollution.csv", "pm2.5", score="rmse", beats="seasonal_naive"),
    "temperatures": Case("tabular/daily-min-temperatures.csv", "Temp", score="rmse", beats="seasonal_naive"),
    "passengers": Case("tabular/airline-passengers.csv", "Passengers", score="rmse", beats="seasonal_naive"),
}
SMALLER_IS_BETTER = ("rmse", "mae", "log_loss")


def carried_out(name: str, case: Case, folder: Path) -> tuple[list[dict[str, Any]], bool]:
    """Train and open the test part: a row per score, and whether what the case is held to was met."""
    made = pellucid.propose(locate.folder(case.path), case.target, settings=case.settings)
    run = pellucid.train(made.recipe, case.settings, out=folder / name, report=False)
    result = run.evaluate("test")
    seconds = json.loads((folder / name / "results/training.json").read_text())["training_seconds"]
    rows = [
        {"data": name, "who": who, "score": score}
        | {key: numbers.get(key) for key in ("value", "low", "high", "n")}
        | {"training_seconds": seconds, "floor": case.floor}
        for who, scores in {"net": result["metrics"], **result["baselines"]}.items()
        for score, numbers in scores.items()
    ]
    value = result["metrics"][case.score]["value"]
    met = case.floor is None or value >= case.floor
    if case.beats is not None:
        other = result["baselines"][case.beats][case.score]["value"]
        met = value < other if case.score in SMALLER_IS_BETTER else value > other
    beside = {who: round(scores[case.score]["value"], 4) for who, scores in result["baselines"].items()}
    print(
        f"{name}: {case.score} {value:.4f} in {seconds:.0f} s, beside {beside}, {'met' if met else 'MISSED'}",
        flush=True,
    )
    return rows, met


def of_earlier(names: list[str]) -> list[dict[str, Any]]:
    """The rows that were written today of other data than is asked for now."""
    path = results_path("own_data")
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["data"] not in names]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)} (default: all)")
    names = parser.parse_args().names or list(CASES)
    rows, all_met = of_earlier(names), True
    with tempfile.TemporaryDirectory(prefix="pellucid-own-data-") as folder:
        for name in names:
            found, met = carried_out(name, CASES[name], Path(folder))
            rows += found
            all_met &= met
            written = write_results("own_data", rows)
    print(f"Every score: {written}")
    return int(not all_met)


if __name__ == "__main__":
    sys.exit(main())
