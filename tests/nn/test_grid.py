"""The sheet of units beside loops over its places, and both errors of a map beside MiniSom's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.nn.grid import are_neighbours, mean_distance_to_neighbours, nearest, squared_distances


def codebook(units: int, inputs: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(units, inputs, generator=torch.Generator().manual_seed(seed))


def test_distances_are_those_of_a_loop() -> None:
    given, units = codebook(5, 3), codebook(4, 3, seed=1)
    by_hand = torch.tensor([[float((x - w).square().sum()) for w in units] for x in given])
    torch.testing.assert_close(squared_distances(given, units), by_hand)
    distances, found = nearest(given, units)
    order = by_hand.argsort(dim=1)[:, :2]
    assert torch.equal(found, order)
    torch.testing.assert_close(distances, by_hand.gather(1, order).sqrt())


def test_far_from_zero_the_nearest_distance_keeps_its_digits() -> None:
    units = codebook(4, 3) + 1000
    distances, _ = nearest(units + 0.01, units)
    torch.testing.assert_close(distances[:, 0], torch.full((4,), 0.01 * 3**0.5), rtol=0.05, atol=0)


def test_neighbours_touch_at_sides_and_corners() -> None:
    pairs = torch.tensor([[0, 1], [0, 6], [4, 5], [0, 2], [7, 13], [3, 3]])  # on a sheet of 5 columns
    assert are_neighbours(pairs, 5).tolist() == [True, True, False, False, True, True]


def test_both_errors_are_minisoms() -> None:
    from minisom import MiniSom

    given, units = codebook(300, 6), codebook(20, 6, seed=1)
    other = MiniSom(4, 5, 6)
    other._weights = units.numpy().reshape(4, 5, 6).astype(np.float64)
    distances, found = nearest(given, units)
    assert float(distances[:, 0].mean()) == pytest.approx(other.quantization_error(given.numpy()), abs=1e-5)
    wrong = (~are_neighbours(found, 5)).double().mean()
    assert float(wrong) == pytest.approx(other.topographic_error(given.numpy()), abs=1e-9)


def test_the_u_matrix_is_the_mean_over_sides() -> None:
    units = codebook(6, 3).view(2, 3, 3)
    found = mean_distance_to_neighbours(units.reshape(6, 3), 2, 3)
    corner = [float((units[0, 0] - units[other]).norm()) for other in ((0, 1), (1, 0))]
    middle = [float((units[0, 1] - units[other]).norm()) for other in ((0, 0), (0, 2), (1, 1))]
    assert float(found[0, 0]) == pytest.approx(np.mean(corner), abs=1e-5)
    assert float(found[0, 1]) == pytest.approx(np.mean(middle), abs=1e-5)
