"""How near samples are to data, by features of both: Frechet's distance, coverage and density. In float64.

Frechet distance: M. Heusel et al. 2017, arXiv:1706.08500, |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) between two
normal distributions. It is biased by the number of rows (Chong & Forsyth 2020, arXiv:1911.07023): compare distances of
equal numbers only. Density and coverage: M. Naeem et al. 2020, arXiv:2002.09797; coverage sees modes that are missing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]
ROWS_AT_ONCE = 1000


def moments(features: Features) -> tuple[Features, Features]:
    """Return the mean `[features]` and the covariance `[features, features]` of rows."""
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def frechet_distance(first: tuple[Features, Features], second: tuple[Features, Features]) -> float:
    """Return the squared distance between two normal distributions given as (mean, covariance).

    The trace of (C1 C2)^(1/2) is the sum of the roots of the eigenvalues of S C2 S, S = C1^(1/2), which is symmetric.
    """
    (mean1, cov1), (mean2, cov2) = first, second
    values, vectors = np.linalg.eigh(cov1)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    product = root @ cov2 @ root
    overlap = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(min=0)).sum()
    return float(max(0.0, np.square(mean1 - mean2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * overlap))


def neighbour_distances(rows: Features, neighbours: int) -> Features:
    """Return each row's squared distance to its `neighbours`-th nearest other row, `[rows]`."""
    found = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        distances = squared_distances(rows[start : start + ROWS_AT_ONCE], rows)  # (some rows, rows)
        here = np.arange(len(distances))
        distances[here, here + start] = np.inf
        found.append(np.partition(distances, neighbours - 1, axis=1)[:, neighbours - 1])
    return np.concatenate(found)


def density_and_coverage(real: Features, radii: Features, samples: Features, neighbours: int) -> tuple[float, float]:
    """Return how densely samples lie among real rows, and the share of real rows that have a sample near.

    Args:
        radii: of the ball around each real row, squared: `neighbour_distances(real, neighbours)`.
    """
    inside, covered = 0, 0
    for start in range(0, len(real), ROWS_AT_ONCE):
        balls = slice(start, start + ROWS_AT_ONCE)
        within = squared_distances(real[balls], samples) <= radii[balls, None]  # (some real rows, samples)
        inside += int(within.sum())
        covered += int(within.any(axis=1).sum())
    return inside / (neighbours * len(samples)), covered / len(real)


def squared_distances(first: Features, second: Features) -> Features:
    """Return the squared Euclidean distance of every row to every row, `[first, second]`."""
    product = first @ second.T
    squares = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)
    distances: Features = (squares - 2 * product).clip(min=0)
    return distances
