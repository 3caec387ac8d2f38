"""The power law: the same least squares as SciPy's, intervals that cover, and no law where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from pellucid.size_curve.power_law import Law, ends, fit, spread_of

SIZES = np.array([100, 188, 354, 667, 1258])
ROWS, CODES = np.repeat(SIZES, 3).astype(float), np.repeat(np.arange(5), 3)


def simulated(a: float, b: float, c: float, noise: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Errors of three draws at each size, their deviation a share of the expected error."""
    expected = c + a * ROWS**-b
    errors: NDArray[np.float64] = expected * (1 + noise * random.standard_normal(len(ROWS)))
    return errors


@pytest.mark.parametrize(("a", "b", "c"), [(2.0, 0.5, 0.02), (1.0, 0.3, 0.0), (8.0, 1.1, 0.1)])
def test_it_finds_a_law_without_noise(a: float, b: float, c: float) -> None:
    law = fit(ROWS, c + a * ROWS**-b, CODES)
    assert (law.a, law.b, law.c) == pytest.approx((a, b, c), abs=2e-5)
    assert law.p < 1e-9
    assert law.at(2516) == pytest.approx(c + a * 2516**-b, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_weighted_least_squares_of_scipy(seed: int) -> None:
    errors = simulated(2.0, 0.5, 0.03, 0.05, np.random.default_rng(seed))
    shape, _ = spread_of(ROWS, errors, CODES)
    law = fit(ROWS, errors, CODES, resamples=2)

    def expected(rows: Any, a: float, b: float, c: float) -> Any:
        return c + a * rows**-b

    reference, _ = curve_fit(
        expected, ROWS, errors, (2.0, 0.5, 0.03), shape, bounds=((0, 0.005, 0), (np.inf, 2, np.inf)), xtol=1e-14
    )
    assert (law.a, law.b, law.c) == pytest.approx(tuple(reference), rel=2e-3, abs=1e-6)
    left = [(((errors - expected(ROWS, *found)) / shape) ** 2).sum() for found in ((law.a, law.b, law.c), reference)]
    assert left[0] <= left[1] * (1 + 1e-7)


@pytest.mark.parametrize(("a", "b", "c"), [(2.0, 0.5, 0.02), (1.0, 0.3, 0.0)])
def test_intervals_cover_what_was_simulated(a: float, b: float, c: float) -> None:
    """Of 100 simulations an interval of 95 % misses 11 or more with a probability of 1 %."""
    random = np.random.default_rng(7)
    covered = np.zeros(3, int)
    for seed in range(100):
        law = fit(ROWS, simulated(a, b, c, 0.05, random), CODES, resamples=200, seed=seed)
        intervals = [ends(law.draws[..., 1]), ends(law.draws[..., 2]), law.interval(2516)]
        truth = (b, c, c + a * 2516**-b)
        covered += [low <= true <= high for (low, high), true in zip(intervals, truth, strict=True)]
    assert (covered >= 89).all(), covered


def test_noise_alone_is_seldom_a_law() -> None:
    random = np.random.default_rng(3)
    claimed = [fit(ROWS, 0.1 + 0.01 * random.standard_normal(15), CODES, resamples=2).p < 0.05 for _ in range(200)]
    assert sum(claimed) <= 20  # 5 % nominal; 21 or more of 200 have a probability below 0.1 %


def test_errors_that_grow_are_no_law() -> None:
    law = fit(ROWS, 0.1 * ROWS**0.3, CODES)
    assert (law.a, law.p) == (0.0, 1.0)


@pytest.mark.parametrize("level", [0.1, 1 / 3, 0.0])
def test_errors_that_are_all_the_same_are_no_law(level: float) -> None:
    law = fit(ROWS, np.full(15, level), CODES)
    assert law.p == 1.0
    assert law.interval(2516) == pytest.approx((level, level))


def test_means_off_the_law_widen_its_intervals() -> None:
    random = np.random.default_rng(0)
    smooth = simulated(2.0, 0.5, 0.02, 0.01, random)
    bent = smooth * np.repeat([1.0, 1.0, 1.35, 0.8, 1.0], 3)
    on, off = fit(ROWS, smooth, CODES), fit(ROWS, bent, CODES)
    assert on.scatter == 1.0
    assert off.scatter > 1.5
    assert np.ptp(off.interval(2516)) > 5 * np.ptp(on.interval(2516))


def test_draws_that_agree_count_once() -> None:
    """As for a rule without chance on rows in time order: repeating its runs is no evidence."""
    errors = np.repeat(simulated(2.0, 0.5, 0.02, 0.05, np.random.default_rng(5))[::3], 3)
    once, thrice = fit(ROWS[::3], errors[::3], CODES[::3]), fit(ROWS, errors, CODES)
    assert thrice.p == pytest.approx(once.p, rel=1e-3)
    assert np.ptp(thrice.interval(2516)) == pytest.approx(np.ptp(once.interval(2516)), rel=0.15)


def test_what_all_runs_share_widens_the_level_and_hardly_the_gain() -> None:
    errors = simulated(2.0, 0.5, 0.05, 0.01, np.random.default_rng(1))
    shared = np.tile(np.random.default_rng(2).normal(0, 0.01, (1000, 1)), (1, 15))
    alone, together = fit(ROWS, errors, CODES), fit(ROWS, errors, CODES, shared)

    def gain(law: Law) -> float:
        return float(np.ptp(ends(law.resampled_at(1258) - law.resampled_at(2516))))

    assert np.ptp(together.interval(1258)) == pytest.approx(np.hypot(np.ptp(alone.interval(1258)), 0.0392), rel=0.15)
    assert gain(together) == pytest.approx(gain(alone), rel=0.2)


def test_the_same_runs_give_the_same_resamples() -> None:
    errors = simulated(2.0, 0.5, 0.02, 0.05, np.random.default_rng(1))
    assert (fit(ROWS, errors, CODES).draws == fit(ROWS, errors, CODES).draws).all()


def test_a_spread_that_falls_with_the_size_is_seen() -> None:
    random = np.random.default_rng(0)
    rows, codes = np.repeat(SIZES, 200).astype(float), np.repeat(np.arange(5), 200)
    shape, squares = spread_of(rows, 0.1 + rows**-0.5 * random.standard_normal(1000), codes)
    deviations = shape * np.sqrt(squares / 995)
    assert deviations[0] / deviations[-1] == pytest.approx(np.sqrt(1258 / 100), rel=0.1)
    assert deviations[0] == pytest.approx(0.1, rel=0.1)


def test_draws_that_agree_have_no_spread() -> None:
    shape, squares = spread_of(ROWS, ROWS**-0.5, CODES)
    assert (shape == 1).all()
    assert squares == pytest.approx(0, abs=1e-20)
