"""Data-limited: by the curve of the error against the training rows, twice as many would bring more than noise.

J. Hestness et al., "Deep learning scaling is predictable, empirically", 2017, arXiv:1712.00409: the error falls as
c + a n^-b, where c is what no number of rows removes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.verdict.finding import Finding
from pellucid.verdict.record import half, is_number

GAIN = 0.05
"""Share of the error that twice the rows must remove: below it other things are worth trying first."""


def of_curve(
    points: Sequence[Mapping[str, float]], fit: Mapping[str, Any], run: str = "", name: str = "error"
) -> list[Finding]:
    """Say what twice the data would bring; nothing where the curve is flat, or not known well enough.

    Args:
        points: by rising rows, each `{"rows", "value", "low", "high"}` of an error, of which less is better.
        fit: `a`, `b` and `c` of c + a rows^-b, each a number or `{"value", "low", "high"}`.
        run: the folder of the curve.
    """
    a, b, c = (_value(fit.get(key)) for key in "abc")
    known = [point for point in points if is_number(point.get("rows")) and is_number(point.get("value"))]
    if a is None or b is None or c is None or not known:
        return []
    last = max(known, key=lambda point: point["rows"])
    rows = float(last["rows"])
    now, then = c + a * rows**-b, c + a * (2 * rows) ** -b
    noise = half(last) if all(is_number(last.get(key)) for key in ("low", "high")) else 0.0
    falls = all(_low(fit[key]) > 0 for key in "ab")
    if not (falls and now > 0 and now - then > GAIN * now and 2 * (now - then) > noise):
        return []
    message = (
        f"It is limited by its data: {name} falls with the training rows as {c:.3g} + {a:.3g} n^-{b:.2g}. Twice the "
        f"{rows:,.0f} rows would bring it from {now:.4g} to about {then:.4g}; no number of them below {c:.3g}."
    )
    evidence = {"rows": rows, "error": now, "error_at_twice": then, "floor": c, "exponent": b}
    return [
        Finding("data_limited", message, evidence, f"pellucid show augmentations  # or collect {rows:,.0f} rows more")
    ]


def _value(fitted: Any) -> float | None:
    value = fitted.get("value") if isinstance(fitted, Mapping) else fitted
    return float(value) if value is not None and is_number(value) else None


def _low(fitted: Any) -> float:
    """The lower end of a parameter's interval; the parameter itself where it has none."""
    low = fitted.get("low", fitted.get("value")) if isinstance(fitted, Mapping) else fitted
    return float(low) if low is not None and is_number(low) else 0.0
