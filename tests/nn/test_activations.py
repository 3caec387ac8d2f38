"""Each activation equals its formula."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from pellucid.errors import PellucidError, ShapeError
from pellucid.nn.activations import Maxout, activation, sums_per_unit

SUMS = np.linspace(-4, 4, 33)

FORMULAS: dict[str, Callable[[float], float]] = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "tanh": lambda z: (math.exp(z) - math.exp(-z)) / (math.exp(z) + math.exp(-z)),
    "relu": lambda z: max(0.0, z),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "elu": lambda z: z if z > 0 else math.exp(z) - 1,
    "gelu": lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_equals_its_formula(name: str) -> None:
    expected = [FORMULAS[name](z) for z in SUMS]
    given = activation(name)(torch.from_numpy(SUMS))
    np.testing.assert_allclose(given.numpy(), expected, rtol=1e-12, atol=1e-12)


def test_softmax_shares_one_among_the_units_of_each_position() -> None:
    sums = torch.randn(3, 5, 4, 4, dtype=torch.float64)
    exponentials = sums.exp()
    torch.testing.assert_close(activation("softmax")(sums), exponentials / exponentials.sum(dim=1, keepdim=True))


def test_maxout_takes_the_largest_piece_of_each_unit() -> None:
    sums = torch.tensor([[1.0, 5.0, 2.0, 4.0, 0.0, 6.0]])  # pieces (1, 5), (2, 4), (0, 6) of units 0 and 1
    assert activation("maxout", pieces=3)(sums).tolist() == [[2.0, 6.0]]
    assert Maxout(2)(torch.randn(2, 6, 5, 7)).shape == (2, 3, 5, 7)


def test_maxout_of_a_sum_and_zero_is_relu() -> None:
    sums = torch.randn(8, 3)
    torch.testing.assert_close(Maxout(2)(torch.cat([sums, torch.zeros(8, 3)], dim=1)), activation("relu")(sums))


def test_only_maxout_needs_more_than_one_sum_per_unit() -> None:
    assert [sums_per_unit(name, pieces=3) for name in ("relu", "maxout")] == [1, 3]


def test_an_unknown_name_answers_with_the_closest() -> None:
    with pytest.raises(PellucidError, match=r"^activation: there is no 'relo'\. Did you mean 'relu'"):
        activation("relo")


def test_maxout_says_what_it_was_given() -> None:
    with pytest.raises(ShapeError, match=r"pieces=2 was given 5 sums, which 2 does not divide"):
        Maxout(2)(torch.zeros(1, 5))
    with pytest.raises(PellucidError, match=r"pieces=1 sums\. Choose 2 or more"):
        activation("maxout", pieces=1)
