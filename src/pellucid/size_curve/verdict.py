"""Is it data that is lacking? What the law says of twice the rows, in a sentence and as a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.reporting import words

MUCH, SURELY = 0.10, 0.05
"""Data is lacking where twice the rows are expected to remove a tenth of the error, and a twentieth at least."""


def verdict(points: Sequence[Mapping[str, Any]], fit: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the finding `data_limited`, or nothing.

    Args:
        points: the sizes, ascending, as the summary tells them.
        fit: the law; None where none is claimed.
    """
    if fit is None or answer(fit) != "lacking":
        return []
    removes, most = fit["doubling"]["removes"], points[-1]["rows"]
    return [
        {
            "kind": "data_limited",
            "message": f"Twice the {most:,} training rows would remove {100 * removes['value']:.0f} % of the error "
            f"({100 * removes['low']:.0f} to {100 * removes['high']:.0f} %): data is what is lacking.",
            "evidence": {
                "rows": most,
                "score": points[-1]["value"],
                "removed_by_doubling": removes,
                "b": fit["b"],
                "c": fit["c"],
            },
            "next": "Gather more rows, or make more of those that there are by augmentation: pellucid ls augmentations",
        }
    ]


def answer(fit: Mapping[str, Any]) -> str:
    """Return "lacking", "little" where twice the rows remove less than `MUCH`, or "unclear"."""
    removes = fit["doubling"]["removes"]
    if removes["value"] >= MUCH and removes["low"] >= SURELY:
        return "lacking"
    return "little" if removes["high"] < MUCH else "unclear"


def said(told: Mapping[str, Any]) -> str:
    """Return the curve in a sentence or two."""
    name, first, last = told["primary"], told["sizes"][0], told["sizes"][-1]
    if told["fit"] is None:
        return (
            f"No power law is claimed: {told['why_no_fit']}. From {first['rows']:,} to {last['rows']:,} rows "
            f"{words.metric(name)} went from {words.of_metric(first['value'], name)} to "
            f"{words.of_metric(last['value'], name)}."
        )
    double = words.shown(told["forecast"][0], name)
    begins = (
        f"Doubling the rows to {told['forecast'][0]['rows']:,} would bring {words.metric(name)} from "
        f"{words.shown({**told['forecast'][0], 'value': now(told)}, name).full} to {double.full} "
        f"({double.low} to {double.high})"
    )
    removes = told["fit"]["doubling"]["removes"]
    ends = {
        "lacking": "data is what is lacking.",
        "little": "more data would bring little.",
        "unclear": "whether more data would bring much is not shown "
        f"(it would remove {100 * removes['value']:.0f} % of the error, {100 * removes['low']:.0f} to "
        f"{100 * removes['high']:.0f} %). More draws (--draws) or more validation rows would tell.",
    }
    wide = ""
    if told["fit"]["scatter"] > 1:
        wide = " The sizes lie about the law more widely than their draws do, and the intervals are widened by that."
    return f"{begins}: {ends[answer(told['fit'])]}{wide}"


def now(told: Mapping[str, Any]) -> float:
    """Return the score that the law has at the largest size: what a gain is counted from."""
    double, is_more = told["forecast"][0], told["directions"][told["primary"]] == "max"
    gain: float = double["gain"]["value"]
    return float(double["value"] - gain if is_more else double["value"] + gain)
