"""Models with an energy: sums by hand over all states, and how they begin."""

from __future__ import annotations

import torch
from tests.nn.machines import machine, states

from pellucid.data.world import read
from pellucid.models import build
from pellucid.models.rbm import RestrictedBoltzmannMachine
from pellucid.models.som import SelfOrganizingMap
from pellucid.recipe import DataSection
from pellucid.spec import Field, Spec

TABLE = Spec(Field("number", (6,)))


def test_free_energy_is_the_sum_over_hidden_states() -> None:
    rbm, v, h = machine(4, 5), states(4), states(5)
    for row in v:
        by_hand = -torch.logsumexp(-rbm.energy(row.expand(len(h), -1), h), 0)
        torch.testing.assert_close(rbm.free_energy(row[None])[0], by_hand, rtol=1e-5, atol=1e-5)


def test_conditionals_are_those_of_the_joint_distribution() -> None:
    rbm, v, h = machine(4, 3), states(4), states(3)
    joint = (-rbm.energy(v.repeat_interleave(8, 0), h.repeat(16, 1))).softmax(0).view(16, 8)  # (v, h)
    given_v = joint / joint.sum(1, keepdim=True)
    torch.testing.assert_close(rbm.hidden(v), given_v @ h, rtol=1e-4, atol=1e-6)
    given_h = (joint / joint.sum(0, keepdim=True)).T
    torch.testing.assert_close(rbm.visible(h), given_h @ v, rtol=1e-4, atol=1e-6)


def test_visible_biases_begin_at_the_log_odds_of_the_sample() -> None:
    sample = torch.tensor([[1.0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 1]])
    rbm = build({"name": "rbm"}, TABLE, seed=0, sample=lambda: sample)
    assert isinstance(rbm, RestrictedBoltzmannMachine)
    torch.testing.assert_close(rbm.visible_bias.sigmoid(), torch.tensor([0.75, 0.25, 0.5, 0.5, 0.75, 0.75]))
    zero = build({"name": "rbm", "initialiser": "zero"}, TABLE, seed=0, sample=lambda: sample)
    assert isinstance(zero, RestrictedBoltzmannMachine)
    assert not zero.visible_bias.any()


def test_hopfield_reads_signs() -> None:
    net = build({"name": "hopfield"}, TABLE, seed=0)
    inputs = torch.tensor([[0.0, 1, -1, 2.5, -0.1, 0]])
    assert net.states(inputs).tolist() == [[-1, 1, -1, 1, -1, -1]]  # type: ignore[operator]


def test_a_map_begins_in_the_plane_of_principal_components() -> None:
    digits = torch.from_numpy(read(DataSection(source="digits")).values["input"][:300])  # type: ignore[arg-type]
    spec = Spec(Field("image", (1, 8, 8)))
    sheet = build({"name": "som", "lines": 3, "columns": 4}, spec, seed=0, sample=lambda: digits)
    assert isinstance(sheet, SelfOrganizingMap)
    rows = digits.flatten(1)
    centred = sheet.codebook - rows.mean(0)
    variances = (rows - rows.mean(0)).T.cov(correction=1).diagonal().sum()
    axes = torch.linalg.svd(rows - rows.mean(0))[2][:2]
    torch.testing.assert_close(centred @ axes.T @ axes, centred, rtol=1e-3, atol=1e-4)
    assert torch.linalg.matrix_rank(centred, tol=1e-3) == 2
    assert centred.square().sum(1).max() < 4 * variances
    assert sheet(digits).shape == (300, 12)
