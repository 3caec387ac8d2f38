"""How sure it may be, in sentences and tables: calibration, coverage, decisions by cost, classes and slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pellucid.reporting import words
from pellucid.reporting.record import Record, Result

MOST_ROWS = 40
"""Lines of a table of classes or slices; the result holds all of them."""
WAYS = {
    "likeliest": "likeliest class",
    "least_expected_cost": "least expected cost",
    "least_expected_cost_calibrated": "the same, calibrated",
    "threshold_by_trying": "threshold by trying",
}


UNTRIED = (
    "No threshold was tried: test may find none, and the last evaluation of validation was not asked about these costs."
)


@dataclass(frozen=True)
class Sure:
    """What the page says of it; each table as lines of cells, its first cell a name."""

    calibration: Sequence[str] = ()
    coverage: Sequence[Sequence[str]] = ()
    coverage_note: str = ""
    is_sets: bool = False
    has_names: bool = False
    """Whether there are several targets."""
    classes: Sequence[Sequence[str]] = ()
    num_classes: int = 0
    costs: Sequence[Costs] = ()
    slices: Sequence[Slice] = ()
    num_slices: int = 0
    slice_metric: str = ""
    too_small: str = ""


@dataclass(frozen=True)
class Costs:
    """What decisions cost a row of a part, by each way to decide."""

    part: str
    note: str
    ways: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Slice:
    """One line of the table of slices; `is_worse` where it is shown to be worse than the rest."""

    cells: Sequence[str] = field(default_factory=tuple)
    is_worse: bool = False
    is_better: bool = False


def told(record: Record) -> Sure | None:
    """Return what the page says, of the detailed result and, of coverage, of every part; None where there is none."""
    result = record.detailed
    if not result or "conformal" not in result:
        return None
    coverage = [line for part in record.results.values() for line in _coverage(part)]
    slices = result.get("slices", [])
    tested = [each for each in slices if not each["too_small"]]
    table = result.get("classes_table", [])
    worst = sorted(table, key=lambda row: (row["f1"] or {"value": -1.0})["value"])
    return Sure(
        calibration=_calibration(result),
        coverage=coverage,
        coverage_note=_coverage_note(record),
        is_sets=result["conformal"]["kind"] == "sets",
        has_names=any(each.get("target") for each in result["conformal"]["coverages"]),
        classes=[_of_class(row) for row in (worst[:MOST_ROWS] if len(table) > MOST_ROWS else table)],
        num_classes=len(table),
        costs=[
            Costs(part, _cost_note(found["cost"]), _ways(found["cost"]))
            for part, found in record.results.items()
            if "cost" in found
        ],
        slices=[_slice(each) for each in tested[:MOST_ROWS]],
        num_slices=len(tested),
        slice_metric=slices[0]["metric"] if slices else "",
        too_small=_too_small([each for each in slices if each["too_small"]]),
    )


def _calibration(result: Result) -> list[str]:
    found = result.get("calibration")
    if not found:
        return []
    error = found["expected_calibration_error"]
    bare, chance = error["bare"], error["if_calibrated"]
    lines = [
        f"Expected calibration error: {_per_cent(error['value'])} ({_per_cent(error['low'])} to "
        f"{_per_cent(error['high'])}), corrected for what noise adds. The bare mean distance of the bins from the line "
        f"is {_per_cent(bare)}; a perfectly calibrated net would show {_per_cent(chance['value'])} on as many rows, "
        f"and more than {_per_cent(chance['high'])} once in twenty times."
    ]
    p = error["p"]
    shown = "so it is hardly chance" if p < 0.05 else "so it may be chance"
    lines[0] += f" Chance alone makes as large a distance with probability {words.rounded(float(f'{p:.2g}'))}, {shown}."
    heat = found.get("temperature")
    if heat and heat["value"] == 1:
        lines.append(
            "No temperature was fitted: on validation it makes no mistake, so how sure it is of one is not known."
        )
    elif heat:
        saved = heat["log_loss"]["saved"]
        kind = "softer" if heat["value"] > 1 else "sharper"
        if saved["low"] > 0:
            verdict = "It helps"
        elif saved["high"] < 0:
            verdict = "It does harm"
        else:
            verdict = "It is not shown to help"
        lines.append(
            f"The temperature that suits validation best is {heat['value']:.3g}, which makes probabilities {kind} and "
            f"changes no prediction. {verdict}: on rows that it was not fitted on the log loss goes from "
            f"{_number(heat['log_loss']['before']['value'])} to {_number(heat['log_loss']['after']['value'])}, better "
            f"by {_number(saved['value'])} ({_number(saved['low'])} to {_number(saved['high'])})."
            + (" To use it: predict.calibrated=true." if saved["high"] >= 0 else "")
        )
    return lines


def _coverage(result: Result) -> list[list[str]]:
    """A line for each coverage and target: wanted, where, what it came to, how large the sets or intervals are."""
    found = result.get("conformal")
    if not found:
        return []
    lines = []
    for each in found["coverages"]:
        measured = each["measured"]
        size = (
            [f"{each['mean_size']:.2f}", _per_cent(each["of_one"])]
            if found["kind"] == "sets"
            else [words.rounded(float(f"{each['mean_width']:.4g}")), each["target"]]
        )
        lines.append(
            [
                _per_cent(each["coverage"], 0),
                result["split"],
                _per_cent(measured["value"]),
                f"{_per_cent(measured['low'])} to {_per_cent(measured['high'])}",
                *size,
            ]
        )
    return lines


def _coverage_note(record: Record) -> str:
    note = (
        ""
        if "validation" not in record.results
        else (
            "On validation each half is judged by what the other half gave. Validation has also chosen the weights, so "
            "that coverage is a little optimistic there; only test measures it without that."
        )
    )
    if record.split.get("section", {}).get("group"):
        note += " Halves are of whole groups; a new group may differ more from those met than their rows do."
    if record.recipe["data"].get("kind") == "series":
        note += " Rows of a series are not drawn alike: what comes later may lie outside more often."
    return note


def _of_class(row: Mapping[str, Any]) -> list[str]:
    cells = [row["class"], f"{row['n']:,}", f"{row['predicted']:,}"]
    for name in ("precision", "recall", "f1"):
        score = row[name]
        cells += (
            [_per_cent(score["value"]), f"{_per_cent(score['low'])} – {_per_cent(score['high'])}"]
            if score
            else ["–", ""]
        )
    return cells


def _ways(cost: Mapping[str, Any]) -> list[list[str]]:
    lines = []
    for way, paid in cost["ways"].items():
        saved = paid.get("saved")
        lines.append(
            [WAYS[way], _number(paid["value"]), _ends(paid)]
            + ([_number(saved["value"]), _ends(saved)] if saved else ["–", ""])
        )
    return lines


def _cost_note(cost: Mapping[str, Any]) -> str:
    told = f"Costs, true:predicted: {', '.join(cost['asked'])}; all other mistakes cost 1."
    threshold = cost.get("threshold")
    if threshold and threshold["by_trying"] is not None:
        told += (
            f" Found by trying, the answer is {threshold['class']} where that has a probability of at least "
            f"{threshold['by_trying']:.3g}"
        )
        wanted = threshold["by_probability"]
        told += f"; were all probabilities right, it would be {wanted:.3g}." if wanted is not None else "."
    elif threshold:
        told += f" {UNTRIED}"
    return told


def _slice(each: Mapping[str, Any]) -> Slice:
    own, rest, difference = each["metrics"][each["metric"]], each["rest"], each["difference"]
    name = each["metric"]
    cells = [
        each["column"],
        each["value"],
        f"{each['n']:,}",
        _of_metric(own["value"], name),
        f"{_of_metric(own['low'], name)} – {_of_metric(own['high'], name)}",
        _of_metric(rest["value"], name),
        _of_metric(difference["value"], name),
        f"{_of_metric(difference['low'], name)} to {_of_metric(difference['high'], name)}",
        f"{each['p_holm']:.2g}",
    ]
    less_is_better = name not in ("accuracy", "recall")
    is_lower = difference["value"] < 0
    shown = each["p_holm"] < 0.05
    return Slice(cells, shown and is_lower != less_is_better, shown and is_lower == less_is_better)


def _too_small(slices: Sequence[Mapping[str, Any]]) -> str:
    if not slices:
        return ""
    named = ", ".join(f"{each['column']} {each['value']} ({each['n']})" for each in slices[:12])
    return named + (f" and {len(slices) - 12} more" if len(slices) > 12 else "")


def _of_metric(value: float, name: str) -> str:
    return words.signed(words.of_metric(value, name))


def _per_cent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _number(value: float) -> str:
    return words.rounded(float(f"{value:.3g}"))


def _ends(score: Mapping[str, Any]) -> str:
    return f"{_number(score['low'])} to {_number(score['high'])}"
