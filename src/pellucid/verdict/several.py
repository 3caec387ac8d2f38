"""What several runs of one recipe show: that they disagree, and what most of them show each by itself."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.verdict.finding import Finding
from pellucid.verdict.words import metric, named

LEVEL = 0.05
"""Of the test against a constant."""


CONSTANTS = ("majority", "mean", "label_shares")
"""Baselines that know nothing of a row."""


def knows_nothing(told: Mapping[str, Any]) -> Finding | None:
    """Return what is to be said of folds over which the net is not shown to do better than a constant.

    Args:
        told: a cross-validation's `"primary"`, `"metrics"`, `"baselines"` with their paired differences, and `"run"`.
    """
    name = str(told["primary"])
    sign = 1 if told["directions"][name] == "max" else -1
    for constant in CONSTANTS:
        score = told["baselines"].get(constant, {}).get(name)
        if score is None:
            continue
        difference = score["difference"]
        if sign * difference["value"] > 0 and difference["p_holm"] < LEVEL:
            return None
        message = (
            f"It underfits: over the folds {metric(name)} is {told['metrics'][name]['value']:.4g}, and "
            f"{named(constant)} reaches {score['value']:.4g} (p = {difference['p_holm']:.2g}): it is not shown "
            "to know more than a constant does."
        )
        evidence = {
            "net": float(told["metrics"][name]["value"]),
            "constant": float(score["value"]),
            "p": float(difference["p_holm"]),
        }
        path = shlex.quote(f"{told['run']}/recipe.toml")
        return Finding("underfits", message, evidence, f"pellucid curve {path}")
    return None


def of_most(results: Sequence[Mapping[str, Any]], together: Sequence[Finding], noun: str) -> list[dict[str, Any]]:
    """Return what the runs show together, then what most of them show, or more of them than anything else.

    Args:
        results: of validation, each with its `"verdict"`.
        together: what none shows alone.
        noun: what they are: "seeds", "folds".
    """
    found = [finding.to_dict() for finding in together]
    told = [finding for result in results for finding in result.get("verdict", [])]
    for place, (kind, num) in enumerate(Counter(finding["kind"] for finding in told).most_common()):
        if (2 * num > len(results) or place == 0) and not (kind == "fits" and found):
            first = next(finding for finding in told if finding["kind"] == kind)
            message = f"{num} of {len(results)} {noun} show this, the first of them: {first['message']}"
            found.append({**first, "message": message})
    return found
