"""Small tables of what an evaluation was asked for beyond its scores: decisions by cost, and slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

MOST_SLICES = 20
"""Lines of slices that are printed, the worst; all are in the result."""
RESULTS = "results/{}.json"
Columns = Callable[[Sequence[Sequence[str]], Sequence[int]], str]


def of_result(result: Mapping[str, Any], columns: Columns) -> list[str]:
    """Return the tables of a result, none where nothing was asked for.

    Args:
        columns: sets rows of cells side by side, those columns to the right.
    """
    told = []
    if "cost" in result:
        told.append(_of_cost(result["cost"], columns))
    if "slices" in result:
        told.append(_of_slices(result["slices"], columns, result["split"]))
    return told


def held(key: str, value: Any) -> str:
    """Return a part of an answer that says how sure it is: a set of classes, or an interval of a number."""
    if key == "set":
        return f"  {{{', '.join(map(str, value))}}}"
    if key.startswith("interval"):
        low, high = ("unbounded" if end is None else f"{end:.6g}" for end in value)
        return f"  [{low}, {high}]"
    return ""


def _of_cost(cost: Mapping[str, Any], columns: Columns) -> str:
    from pellucid.reporting.certainty import UNTRIED, WAYS

    rows = [("decision by", "cost of a row", "95 % interval", "saved", "95 % interval")]
    for way, paid in cost["ways"].items():
        saved = paid.get("saved")
        rows.append((WAYS[way], _short(paid), _ends(paid), _short(saved) if saved else "", _ends(saved)))
    lines = [f"Cost of {', '.join(cost['asked'])}, all other mistakes 1:", columns(rows, range(1, 5))]
    threshold = cost.get("threshold")
    if threshold and threshold["by_trying"] is not None:
        wanted = threshold["by_probability"]
        lines.append(
            f"Answer {threshold['class']} where its probability is at least {threshold['by_trying']:.3g} (by trying)"
            + (f"; {wanted:.3g} where probabilities are right." if wanted is not None else ".")
        )
    elif threshold:
        lines.append(UNTRIED)
    return "\n".join(lines)


def _of_slices(slices: Sequence[Mapping[str, Any]], columns: Columns, part: str) -> str:
    tested = [each for each in slices if not each["too_small"]]
    rows = [("slice", "rows", *_metric(slices), "95 % interval", "against the rest", "95 % interval", "p (Holm)")]
    for each in tested[:MOST_SLICES]:
        own, other = each["metrics"][each["metric"]], each["difference"]
        against = f"{other['value']:+.3g}"
        name = f"{each['column']} {each['value']}"
        rows.append((name, str(each["n"]), _short(own), _ends(own), against, _ends(other), f"{each['p_holm']:.2g}"))
    lines = [f"Slices, the worst first, {len(tested)} tested against the rest together:"]
    lines = [*lines, columns(rows, range(1, 7))] if tested else ["No slice is large enough to be tested."]
    if len(tested) > MOST_SLICES:
        lines.append(f"{len(tested) - MOST_SLICES} more are in {RESULTS.format(part)}.")
    if small := [f"{each['column']} {each['value']} ({each['n']})" for each in slices if each["too_small"]]:
        told = ", ".join(small[:8]) + (f" and {len(small) - 8} more" if len(small) > 8 else "")
        lines.append(f"Too small to be tested: {told}.")
    return "\n".join(lines)


def _metric(slices: Sequence[Mapping[str, Any]]) -> list[str]:
    return [slices[0]["metric"]] if slices else [""]


def _short(score: Mapping[str, Any]) -> str:
    return f"{score['value']:.4g}"


def _ends(score: Mapping[str, Any] | None) -> str:
    return f"{score['low']:.3g} to {score['high']:.3g}" if score else ""
