"""What several runs of one recipe show: that they disagree, and what most of them show each by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.verdict.finding import Finding


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
