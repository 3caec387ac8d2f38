"""Contrastive divergence beside automatic differentiation and beside the exact gradient of the likelihood."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.data.batch import Batch
from pellucid.errors import DataError, PellucidError
from pellucid.execution import Execution
from pellucid.models.linear import Config as LinearConfig
from pellucid.models.linear import Linear
from pellucid.models.rbm import RestrictedBoltzmannMachine
from pellucid.optim.update import NonFinite
from pellucid.rules.contrastive_divergence import Config, ContrastiveDivergence
from pellucid.spec import Field, Spec
from pellucid.tasks.density import Config as TaskConfig
from pellucid.tasks.density import Density
from tests.nn.machines import machine, states

EXECUTION = Execution("cpu", precision="fp32", threads=1, layout="channels_last", variant="eager")


def rule_of(rbm: RestrictedBoltzmannMachine, **settings: Any) -> ContrastiveDivergence:
    settings = {"optimizer": {"name": "sgd", "learning_rate": 1e-9, "momentum": 0.0}, **settings}
    task = Density(TaskConfig(), Spec(Field("number", (rbm.weights.shape[1],))))
    return ContrastiveDivergence(Config(**settings), rbm, task, EXECUTION, 10)


def batch_of(rows: Tensor) -> Batch:
    return Batch({"input": rows}, torch.arange(len(rows)))


def data(rows: int, units: int) -> Tensor:
    return torch.rand(rows, units, generator=torch.Generator().manual_seed(7)).round()


def exact_gradient(rbm: RestrictedBoltzmannMachine, rows: Tensor) -> Tensor:
    """Of the mean of -log p, by differentiating a sum over all visible states."""
    everything = states(rows.shape[1])
    loss = rbm.free_energy(rows).mean() + torch.logsumexp(-rbm.free_energy(everything), 0)
    gradients = torch.autograd.grad(loss, list(rbm.parameters()))
    return torch.cat([g.flatten() for g in gradients])


@pytest.mark.parametrize("settings", [{"persistent": False, "k": 3}, {"persistent": True, "chains": 9}])
def test_the_filled_gradient_is_that_of_the_loss(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rbm = machine(6, 4)
    ends: list[Tensor] = []
    free_energy = RestrictedBoltzmannMachine.free_energy

    def noting(self: Any, visible: Tensor, sums: Tensor | None = None) -> Tensor:
        ends.append(visible.clone())
        return free_energy(self, visible, sums)

    rule = rule_of(rbm, **settings)
    rows = data(11, 6)
    with monkeypatch.context() as patch:
        patch.setattr(RestrictedBoltzmannMachine, "free_energy", noting)
        told = rule.step(batch_of(rows))
    loss = rbm.free_energy(rows).mean() - rbm.free_energy(ends[1]).mean()
    expected = torch.autograd.grad(loss, rule.update.flat.parameters)
    torch.testing.assert_close(rule.update.flat.gradients, list(expected), rtol=1e-4, atol=1e-6)
    assert float(told["loss"]) == pytest.approx(float(loss.detach()), abs=1e-4)


@pytest.mark.parametrize("settings", [{"persistent": False, "k": 50}, {"persistent": True, "chains": 20_000, "k": 50}])
def test_long_chains_give_the_gradient_of_the_likelihood(settings: dict[str, Any]) -> None:
    rbm = machine(5, 4, size=0.5)
    rows = data(8, 5)
    rule = rule_of(rbm, **settings)
    many = batch_of(rows.repeat(2500, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rule.step(many)
    near = (rule.update.flat.gradient - exact_gradient(rbm, rows)).abs().max()
    assert near < 0.015  # four standard errors of a mean of 20,000 chains
    assert exact_gradient(rbm, rows).abs().max() > 0.2


def test_chains_are_kept_and_handed_on() -> None:
    batch = batch_of(data(8, 6))
    first = rule_of(machine(6, 4), chains=5)
    first.step(batch)
    kept = first.state_dict()["chains"].clone()
    assert kept.shape == (5, 4)
    second = rule_of(machine(6, 4), chains=5)
    second.load_state_dict(first.state_dict())
    for rule in (first, second):
        torch.manual_seed(3)
        rule.step(batch)
    assert torch.equal(first.state_dict()["chains"], second.state_dict()["chains"])
    assert not torch.equal(first.state_dict()["chains"], kept)


def test_a_step_that_fails_leaves_weights_and_chains() -> None:
    rbm = machine(6, 4)
    rule = rule_of(rbm, chains=5)
    rule.step(batch_of(data(8, 6)))
    before = rule.state_dict()["chains"].clone(), rule.update.flat.values.clone()
    broken = data(8, 6)
    broken[2, 3] = torch.inf
    with pytest.raises(NonFinite):
        rule.step(batch_of(broken))
    assert torch.equal(rule.state_dict()["chains"], before[0])
    assert torch.equal(rule.update.flat.values, before[1])


def test_inputs_that_are_not_binary_are_refused() -> None:
    with pytest.raises(DataError, match=r"not all 0 or 1 \(here from 0 to 0\.5\).*prepare\.binarize=true"):
        rule_of(machine(2, 3)).check(batch_of(torch.tensor([[0.0, 0.5]])))


def test_what_it_cannot_teach_is_refused() -> None:
    spec = Spec(Field("number", (2,)))
    model = Linear(LinearConfig(), spec)
    with pytest.raises(PellucidError, match=r"the model is Linear\. Choose model\.name = 'rbm'"):
        ContrastiveDivergence(Config(), model, Density(TaskConfig(), spec), EXECUTION, 1)
    with pytest.raises(PellucidError, match=r"rule\.accumulate = 2"):
        rule_of(machine(2, 3), accumulate=2)
