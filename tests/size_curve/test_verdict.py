"""When data is lacking, and how it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.size_curve import summary
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


ROWS, SIZES = np.repeat([100.0, 200, 400, 800], 2), np.repeat([100, 200, 400, 800], 2)
NOTHING = np.zeros((1000, 8))


@pytest.mark.parametrize(
    ("values", "score", "better", "why"),
    [
        (np.ones(8), "accuracy", "max", "no run makes an error"),
        (1 - 0.1 * np.tile([1.0, 1.1], 4), "accuracy", "max", "too flat or too noisy"),
        (ROWS**-0.5 - 0.06, "log_loss", "min", "somewhere, and the law is of errors that fall to 0"),
        (ROWS, "mean_return", "max", "is not known"),
    ],
)
def test_where_no_law_is_claimed_it_is_said_why(values: Any, score: str, better: str, why: str) -> None:
    law, told = summary._law(ROWS, values, SIZES, NOTHING, errors_of(score, better))
    assert law is None
    assert told is not None
    assert why in told


def test_from_three_sizes_no_law_is_claimed() -> None:
    law, told = summary._law(ROWS[:6], ROWS[:6] ** -0.5, SIZES[:6], NOTHING[:, :6], errors_of("rmse", "min"))
    assert (law, told) == (None, "3 sizes are too few: a power law meets three exactly, and 4 can refute it")


def test_a_score_becomes_an_error_that_can_vanish() -> None:
    accuracy, loss = errors_of("accuracy", "max"), errors_of("log_loss", "min")
    assert accuracy is not None
    assert loss is not None
    assert accuracy.of(np.array([0.9])) == pytest.approx(0.1)
    assert accuracy.score_of(0.1, 0.05, 0.2) == pytest.approx({"value": 0.9, "low": 0.8, "high": 0.95})
    assert loss.score_of(0.1, 0.05, 0.2) == {"value": 0.1, "low": 0.05, "high": 0.2}
    assert errors_of("mean_return", "max") is None
    assert errors_of("log_likelihood", "max") is None
