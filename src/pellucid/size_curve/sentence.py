"""Is it data that is lacking? What the law says of twice the rows, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pellucid.reporting import words
from pellucid.verdict.size import would_help


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
        "much": "data is what is lacking.",
        "little": "more data would bring little.",
        "unclear": "whether more data would bring much is not shown "
        f"(it would remove {100 * removes['value']:.0f} % of the error, {100 * removes['low']:.0f} to "
        f"{100 * removes['high']:.0f} %). More draws (--draws) or more validation rows would tell.",
    }
    wide = ""
    if told["fit"]["scatter"] > 1:
        wide = " The sizes lie about the law more widely than their draws do, and the intervals are widened by that."
    return f"{begins}: {ends[would_help(told['fit'])]}{wide}"


def now(told: Mapping[str, Any]) -> float:
    """Return the score that the law has at the largest size: what a gain is counted from."""
    double, is_more = told["forecast"][0], told["directions"][told["primary"]] == "max"
    gain: float = double["gain"]["value"]
    return float(double["value"] - gain if is_more else double["value"] + gain)
