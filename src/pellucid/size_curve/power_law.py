"""A power law through errors at several sizes of the training part, `error(n) = c + a * n^-b`, and how sure it is.

J. Hestness et al., "Deep learning scaling is predictable, empirically", 2017, arXiv:1712.00409; T. Viering & M. Loog,
"The shape of learning curves: a review", 2021, arXiv:2103.10948. `c` is what no number of rows removes, `b` how fast
the rest goes. For a given b the law is linear in a and c, so b alone is searched for, and nothing depends on a start.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

STEEPEST = 2.0
"""The largest b: means of noise fall with 1/2, the fastest rates of statistics with 1."""
GRID = np.linspace(0.005, STEEPEST, 400)
FEWEST_SIZES = 4
"""Three sizes are met by some a, b and c exactly, and show nothing."""
USUAL, SURE = -0.5, 4.0
"""The power of the size by which variances are taken to fall before any is seen, and 1 / the variance of that guess."""
RESAMPLES = 1000
ROUNDING = 1e-12
LEVEL = 0.05
UNLIKELY = 0.01
"""Below this probability the runs show that there is a c, or that sizes lie about the law more widely than draws."""


@dataclass(frozen=True)
class Law:
    """A fit, and resampled fits that say how sure it is.

    Attributes:
        a, b, c: of `c + a * n^-b`.
        draws: a, b and c of each resample, `[laws, resamples, 3]`: of the best fit and, where
            that is as likely, of the best one without c.
        p: of the F test against errors that do not depend on the size.
        spread: the deviation of one run from the law, `[runs]`.
        scatter: by what it was widened, because the sizes' means lie about the law more widely than their draws.
    """

    a: float
    b: float
    c: float
    draws: Numbers
    p: float
    spread: Numbers
    scatter: float = 1.0

    def at(self, rows: float) -> float:
        """Return the expected error at a size."""
        return float(self.c + self.a * rows**-self.b)

    def resampled_at(self, rows: float) -> Numbers:
        """Return the expected error of each resample, `[laws, resamples]`."""
        a, b, c = np.moveaxis(self.draws, -1, 0)
        values: Numbers = c + a * rows**-b
        return values

    def interval(self, rows: float) -> tuple[float, float]:
        """Return the 95 % interval of the expected error at a size."""
        return ends(self.resampled_at(rows))

    @cached_property
    def parameters(self) -> dict[str, dict[str, float]]:
        """Each parameter as `{"value", "low", "high"}`."""
        told = {}
        for place, (name, value) in enumerate((("a", self.a), ("b", self.b), ("c", self.c))):
            low, high = ends(self.draws[..., place])
            told[name] = {"value": value, "low": min(low, value), "high": max(high, value)}
        return told


def ends(values: Numbers) -> tuple[float, float]:
    """Return the middle 95 % of resampled values, `[laws, resamples]`: from the lowest to the highest of the laws."""
    low, high = np.quantile(values, [0.025, 0.975], axis=-1)
    return float(low.min()), float(high.max())


def fit(
    rows: NDArray[Any],
    errors: NDArray[Any],
    sizes: NDArray[Any],
    shared: Numbers | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Law:
    """Fit the law to runs, and resample it by the noise that the runs show.

    The resamples are parametric: errors of the law plus normal noise as wide as the draws of a size differ, whose own
    uncertainty (few draws) is drawn too. Where the runs do not show that there is a c, the law without one is resampled
    too, and an interval covers both: the best fit has a c half of the time by chance, and would hide that there may be
    none.

    Args:
        rows: on how many rows each run learned, `[runs]`.
        errors: what each came to, `[runs]`.
        sizes: codes of the runs that are draws of one size, `[runs]`; `FEWEST_SIZES` of them, some drawn twice.
        shared: what the errors of all runs have in common beside the draws, for they were judged on the same rows: by
            how much each differs in as many resamples of those rows, `[resamples, runs]`.
        resamples: how many fits are drawn.
        seed: of the resamples.
    """
    from scipy.stats import chi2, f

    rows, errors = np.asarray(rows, np.float64), np.asarray(errors, np.float64)
    shape, pure = spread_of(rows, errors, sizes)
    weights = 1 / shape**2
    a, b, c, unexplained = _refined(rows, errors, weights)
    num_runs, num_sizes = len(rows), len(np.unique(sizes))
    free, between = num_runs - 3, num_sizes - 3
    variance, scatter = unexplained / free, 1.0
    excess, within = unexplained - pure, num_runs - num_sizes
    if pure == 0 or f.sf((excess / between) / (pure / within), between, within) < UNLIKELY:
        scatter = float(np.sqrt(excess / between / variance)) if variance > 0 else 1.0
        variance, free = excess / between, between
    flat = float(weights @ (errors - np.average(errors, weights=weights)) ** 2)
    is_flat = flat <= weights.sum() * (ROUNDING * np.abs(errors).max()) ** 2
    p = 1.0 if is_flat else float(f.sf((flat - unexplained) / 2 / variance, 2, free)) if variance > 0 else 0.0
    random = np.random.default_rng([seed, 0xC0DE])
    deviation = np.sqrt(variance * free / chi2.ppf(random.uniform(size=resamples), free))[:, None]  # (resamples, 1)
    noise = random.standard_normal((resamples, num_runs)) * shape * deviation + (0 if shared is None else shared)
    laws = [c + a * rows**-b]
    without = _refined(rows, errors, weights, floor=False)
    if c > 0 and variance > 0 and f.sf((without[3] - unexplained) / variance, 1, free) > UNLIKELY:
        laws.append(without[0] * rows ** -without[1])
    drawn = np.stack([np.stack(_fitted(rows, law + noise, weights)[:3], axis=1) for law in laws])
    return Law(a, b, c, drawn, p, shape * np.sqrt(variance), scatter)


def spread_of(rows: Numbers, errors: Numbers, sizes: NDArray[Any]) -> tuple[Numbers, float]:
    """Return how wide the noise of each run is relative to others, `[runs]`, and the weighted squares within sizes.

    Of two or three draws a size's own variance is hardly known, so all sizes tell of it together: a power of the size.
    """
    codes = np.unique(sizes, return_inverse=True)[1]
    counts = np.bincount(codes)
    means = np.bincount(codes, errors) / counts
    squares = np.bincount(codes, (errors - means[codes]) ** 2)
    free = counts - 1
    pooled = squares.sum() / max(1, free.sum())
    if pooled <= (ROUNDING * np.abs(errors).max()) ** 2:  # in time order a rule without chance has draws that agree
        return np.ones(len(rows)), 0.0
    if (free > 0).sum() < 2:
        return np.ones(len(rows)), float(squares.sum())
    there = free > 0
    variances = np.maximum(squares[there] / free[there], pooled / 100)  # a size without any spread has none by chance
    places = np.log(np.bincount(codes, rows) / counts)
    middle = places[there] - np.average(places[there], weights=free[there])
    known = (free[there] * middle) @ middle / 2  # 1 / the variance of the slope, for log s^2 varies by 2 / its freedom
    slope = ((free[there] * middle) @ np.log(variances) / 2 + USUAL * SURE) / (known + SURE)
    shape = np.exp(0.5 * np.clip(slope, -2.0, 0.0) * (np.log(rows) - places[there].mean()))
    return shape, float((((errors - means[codes]) / shape) ** 2).sum())


def _fitted(
    rows: Numbers, errors: Numbers, weights: Numbers, exponents: Numbers = GRID, floor: bool = True
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Weighted least squares with a, c >= 0 of many sets of errors, `[sets, runs]`; a, b, c and the squares left.

    Args:
        floor: whether there is a c.
    """
    largest = rows.max()
    x = (rows[None, :] / largest) ** -exponents[:, None]  # (exponents, runs)
    total, sum_x, sum_xx = weights.sum(), x @ weights, (x * x) @ weights
    sum_e, sum_ee = errors @ weights, (errors * errors) @ weights  # (sets,)
    sum_xe = (errors * weights) @ x.T  # (sets, exponents)
    a = (total * sum_xe - sum_x * sum_e[:, None]) / (total * sum_xx - sum_x**2)
    c = (sum_e[:, None] - a * sum_x) / total
    a = np.where((c < 0) | (not floor), sum_xe / sum_xx, a)
    c = np.where((c < 0) | (not floor), 0.0, c)
    c = np.where(a < 0, sum_e[:, None] / total, c)
    a = np.maximum(a, 0)
    left = sum_ee[:, None] - 2 * (c * sum_e[:, None] + a * sum_xe) + c**2 * total + 2 * c * a * sum_x + a**2 * sum_xx
    best = left.argmin(axis=1)
    sets = np.arange(len(errors))
    b = exponents[best]
    return a[sets, best] * largest**b, b, c[sets, best], np.maximum(left[sets, best], 0)


def _refined(rows: Numbers, errors: Numbers, weights: Numbers, floor: bool = True) -> tuple[float, float, float, float]:
    """The least squares of one set of errors, beyond the grid's steps; a, b, c and the squares left."""
    from scipy.optimize import minimize_scalar

    def one(b: float) -> tuple[float, float, float, float]:
        a, _, c, left = _fitted(rows, errors[None], weights, np.array([b]), floor)
        return float(a[0]), b, float(c[0]), float(left[0])

    near, step = float(_fitted(rows, errors[None], weights, floor=floor)[1][0]), float(GRID[1] - GRID[0])
    bounds = (max(float(GRID[0]), near - step), min(STEEPEST, near + step))
    found = minimize_scalar(lambda b: one(b)[3], bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return min((one(float(found.x)), one(near)), key=lambda fitted: fitted[3])
