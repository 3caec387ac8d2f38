"""Frechet distance, coverage and density: equal to SciPy's square root and to loops by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from pellucid.tasks import sample_quality as quality


def rows(num: int, features: int, seed: int, shift: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(num, features)) @ random.normal(size=(features, features)) + shift


@pytest.mark.parametrize("num", [200, 8])  # fewer rows than features: both covariances are singular
def test_the_distance_is_that_of_scipys_square_root(num: int) -> None:
    first, second = quality.moments(rows(num, 12, 0)), quality.moments(rows(num, 12, 1, shift=0.5))
    root = scipy.linalg.sqrtm(first[1] @ second[1])
    by_hand = np.square(first[0] - second[0]).sum() + np.trace(first[1] + second[1] - 2 * root.real)
    assert quality.frechet_distance(first, second) == pytest.approx(by_hand, rel=1e-4)


def test_the_distance_of_two_gaussians_on_a_line() -> None:
    """(m1 - m2)^2 + (s1 - s2)^2."""
    first, second = (np.array([1.0]), np.array([[4.0]])), (np.array([3.0]), np.array([[25.0]]))
    assert quality.frechet_distance(first, second) == pytest.approx(4 + 9)


def test_the_distance_is_symmetric_and_zero_to_itself() -> None:
    first, second = quality.moments(rows(50, 6, 0)), quality.moments(rows(50, 6, 1))
    assert quality.frechet_distance(first, first) == pytest.approx(0, abs=1e-9)
    assert quality.frechet_distance(first, second) == pytest.approx(quality.frechet_distance(second, first))


@pytest.mark.parametrize("neighbours", [1, 5])
def test_density_and_coverage_equal_a_loop(neighbours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "ROWS_AT_ONCE", 7)
    real, samples = rows(40, 3, 0), rows(25, 3, 2)
    radii, inside, covered = [], 0, 0
    for place, row in enumerate(real):
        others = sorted(np.linalg.norm(row - other) for index, other in enumerate(real) if index != place)
        radii.append(others[neighbours - 1])
        near = sum(np.linalg.norm(row - sample) <= radii[-1] for sample in samples)
        inside += near
        covered += near > 0
    found = quality.neighbour_distances(real, neighbours)
    np.testing.assert_allclose(found, np.square(radii))
    expected = (inside / (neighbours * len(samples)), covered / len(real))
    assert quality.density_and_coverage(real, found, samples, neighbours) == pytest.approx(expected)
    assert 0 < expected[1] < 1


def test_a_collapsed_sample_covers_little() -> None:
    real = rows(100, 4, 0)
    radii = quality.neighbour_distances(real, 5)
    one = np.tile(real[:1], (100, 1))
    assert quality.density_and_coverage(real, radii, real, 5)[1] == 1.0
    assert quality.density_and_coverage(real, radii, one, 5)[1] < 0.3
