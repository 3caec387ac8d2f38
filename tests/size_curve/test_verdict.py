"""When data is lacking, and how it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.size_curve.summary import errors_of
from pellucid.size_curve.verdict import answer, verdict


def law(value: float, low: float, high: float) -> dict[str, Any]:
    """A fit, as the summary tells it, that says which share of the error twice the rows remove."""
    parameter = {"value": 0.5, "low": 0.4, "high": 0.6}
    return {"doubling": {"removes": {"value": value, "low": low, "high": high}}, "b": parameter, "c": parameter}


@pytest.mark.parametrize(
    ("removes", "expected"),
    [
        ((0.29, 0.2, 0.4), "lacking"),
        ((0.29, 0.01, 0.5), "unclear"),
        ((0.04, 0.0, 0.08), "little"),
        ((0.04, 0.0, 0.3), "unclear"),
        ((0.09, 0.08, 0.11), "unclear"),
    ],
)
def test_data_is_lacking_where_doubling_surely_removes_much(removes: tuple[float, float, float], expected: str) -> None:
    assert answer(law(*removes)) == expected
    found = verdict([{"rows": 800, "value": 0.9}], law(*removes))
    assert [finding["kind"] for finding in found] == (["data_limited"] if expected == "lacking" else [])
    for finding in found:
        assert set(finding) == {"kind", "message", "evidence", "next"}
        assert "29 % of the error (20 to 40 %)" in finding["message"]


def test_without_a_law_there_is_no_finding() -> None:
    assert verdict([{"rows": 800, "value": 0.9}], None) == []


def test_a_score_becomes_an_error_that_can_vanish() -> None:
    accuracy, loss = errors_of("accuracy", "max"), errors_of("log_loss", "min")
    assert accuracy is not None
    assert loss is not None
    assert accuracy.of(np.array([0.9])) == pytest.approx(0.1)
    assert accuracy.score_of(0.1, 0.05, 0.2) == pytest.approx({"value": 0.9, "low": 0.8, "high": 0.95})
    assert loss.score_of(0.1, 0.05, 0.2) == {"value": 0.1, "low": 0.05, "high": 0.2}
    assert errors_of("mean_return", "max") is None
    assert errors_of("log_likelihood", "max") is None
