"""Running moments are those of all rows together, however they came by."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.nn.running import LIMIT, RunningNorm, join, of


def rows(num: int = 1000) -> torch.Tensor:
    """Features of very different size, one far from zero, one that never moves."""
    random = np.random.default_rng(0)
    values = random.normal(size=(num, 4)) * [1, 1e-3, 50, 0] + [0, 2, 1e4, 3]
    return torch.tensor(values, dtype=torch.float32)


@pytest.mark.parametrize("cuts", [[1000], [1, 2, 997], [500, 500]])
def test_joined_moments_are_numpys(cuts: list[int]) -> None:
    pieces = [of(piece) for piece in torch.split(rows(), cuts)]
    joined = pieces[0]
    for piece in pieces[1:]:
        joined = join(joined, piece)
    whole = rows().numpy().astype(np.float64)
    assert joined.size.item() == 1000
    np.testing.assert_allclose(joined.mean, whole.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(joined.deviations / 1000, whole.var(axis=0), rtol=1e-9, atol=1e-15)


def test_absorbed_rows_come_out_standardised() -> None:
    norm = RunningNorm((4,))
    for piece in torch.split(rows(), 128):
        norm.absorb(piece)
    whole = rows().numpy().astype(np.float64)
    expected = (whole - whole.mean(axis=0)) / np.where(whole.std(axis=0) > 1e-6, whole.std(axis=0), 1)
    np.testing.assert_allclose(norm(rows()).numpy(), expected, rtol=1e-3, atol=2e-3)


def test_it_changes_nothing_before_it_has_seen_anything() -> None:
    norm = RunningNorm((3,))
    values = torch.tensor([[1.0, -2.0, 0.5]])
    assert torch.equal(norm(values), values)


def test_only_absorb_changes_it_and_the_weights_carry_it() -> None:
    norm, other = RunningNorm((4,)), RunningNorm((4,))
    norm.absorb(rows())
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    norm.train()(rows() * 2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.state_dict().items())
    other.load_state_dict(before)
    assert torch.equal(other(rows()), norm(rows()))


def test_a_rare_excursion_is_cut() -> None:
    norm = RunningNorm((1,))
    norm.absorb(torch.tensor([[0.0], [1.0]]))
    assert norm(torch.tensor([[1e6]])).item() == LIMIT
