"""Cross-validation of six real data sets by the recipes that are proposed for them, beside baselines on the same folds.

    python benchmarks/honest_evaluation.py [--out DIR] [NAME ...]  # an hour on two cores for all; needs $PELLUCID_DATA

Each row of results/honest_evaluation_HARDWARE_DATE.csv is one score of the net, or of a baseline with the net's
difference from it: mean over the folds, its interval by the corrected resampled t, the spread over folds, and the
p-value of the difference after Holm's correction. The test parts stay sealed. With --out the folders and their pages
are kept; a cross-validation that is there already is gone on with.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pellucid
from hardware import results_path, write_results
from pellucid.data import locate

THEME = "honest_evaluation"


@dataclass(frozen=True)
class Case:
    """What is cross-validated."""

    path: str
    target: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    folds: int = 5


CASES = {
    "california": Case("tabular/california_housing.csv", "median_house_value"),
    "adult": Case("tabular/adult-train.csv", "column_15"),
    "digits": Case("digits", folds=10),
    "spoken digits": Case(  # four speakers: each in turn is the one that nobody has heard
        "free-spoken-digit/recordings",
        "name_1",
        {"split.kind": "grouped", "split.group": "name_2", "split.validation": 0.0, "split.test": 0.0},
        folds=4,
    ),
    "hymenoptera": Case("hymenoptera/hymenoptera_data"),
    "imdb": Case("imdb/aclImdb"),
}


def carried_out(name: str, case: Case, out: Path) -> list[dict[str, Any]]:
    """Cross-validate: a row per score of the net and of every baseline."""
    recipe: Any = case.path
    if case.path != "digits":
        recipe = pellucid.propose(locate.folder(case.path), case.target, settings=case.settings).recipe
    found = pellucid.crossval(recipe, case.settings, folds=case.folds, out=out).result
    begin = {"data": name, "folds": case.folds, "training_seconds": found["training_seconds"]}
    rows = [
        begin
        | {"who": who, "score": score}
        | {key: numbers[key] for key in ("value", "low", "high", "spread")}
        | {f"difference_{key}": numbers.get("difference", {}).get(key) for key in ("value", "low", "high", "p_holm")}
        for who, scores in {"net": found["metrics"], **found["baselines"]}.items()
        for score, numbers in scores.items()
    ]
    mine = found["metrics"][found["primary"]]
    beside = {who: round(each[found["primary"]]["value"], 4) for who, each in found["baselines"].items()}
    print(
        f"{name}: {found['primary']} {mine['value']:.4f} ({mine['low']:.4f} to {mine['high']:.4f}), beside {beside}; "
        f"{[finding['kind'] for finding in found['verdict']]}; stacked: {any(e['stacked'] for e in found['stacking'])}",
        flush=True,
    )
    return rows


def of_earlier(names: list[str]) -> list[dict[str, Any]]:
    """The rows that were written today of other data than is asked for now."""
    path = results_path(THEME)
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["data"] not in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)} (default: all)")
    parser.add_argument("--out", type=Path, help="where the folders are kept (default: nowhere)")
    options = parser.parse_args()
    names = options.names or list(CASES)
    rows = of_earlier(names)
    with tempfile.TemporaryDirectory(prefix="pellucid-honest-") as folder:
        for name in names:
            place = (options.out or Path(folder)) / name.replace(" ", "-")
            rows += carried_out(name, CASES[name], place)
            written = write_results(THEME, rows)
    print(f"Every score: {written}")


if __name__ == "__main__":
    main()
