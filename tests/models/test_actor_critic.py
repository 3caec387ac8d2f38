"""The actor-critic: two nets behind one normaliser, started as the comparisons found best."""

from __future__ import annotations

import math

import torch

from pellucid.inspection.layers import describe
from pellucid.models import build
from pellucid.models.actor_critic import ActorCritic
from pellucid.spec import Field, Spec

SPEC = Spec(Field("number", (4,)), Field("category", categories=("left", "stay", "right")), "made up")


def model(**settings: object) -> ActorCritic:
    built = build({"name": "actor_critic", **settings}, SPEC, seed=0)
    assert isinstance(built, ActorCritic)
    return built


def test_gives_logits_and_values() -> None:
    logits, values = model()(torch.randn(5, 4))
    assert (logits.shape, values.shape) == ((5, 3), (5,))


def test_every_layer_is_orthogonal_with_its_gain() -> None:
    built = model()
    for net, last in ((built.policy, 0.01), (built.value, 1.0)):
        layers = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
        for layer, gain in zip(layers, (math.sqrt(2), math.sqrt(2), last), strict=True):
            lengths = torch.linalg.svdvals(layer.weight)
            torch.testing.assert_close(lengths, torch.full_like(lengths, gain))
            assert not layer.bias.any()


def test_starts_almost_even_over_the_actions() -> None:
    logits, _ = model()(torch.randn(100, 4))
    assert (logits.softmax(1) - 1 / 3).abs().max() < 0.02


def test_the_nets_share_nothing_and_each_gets_its_own_gradient() -> None:
    built = model()
    logits, values = built(torch.randn(6, 4))
    parameters = list(built.parameters())
    for output, own in ((logits[:, 0].sum(), built.policy), (values.sum(), built.value)):
        found = torch.autograd.grad(output, parameters, allow_unused=True)
        reached = {id(p) for p, gradient in zip(parameters, found, strict=True) if gradient is not None}
        assert reached == {id(p) for p in own.parameters()}


def test_the_normaliser_is_part_of_the_weights() -> None:
    first, second = model(), model()
    first.absorb(torch.randn(50, 4) * 3 + 1)
    second.load_state_dict(first.state_dict())
    seen = torch.randn(5, 4)
    assert torch.equal(first(seen).logits, second(seen).logits)
    assert not torch.equal(first(seen).logits, model()(seen).logits)


def test_without_the_normaliser_nothing_is_absorbed() -> None:
    built = model(normalise=False)
    before = built(torch.ones(1, 4)).logits
    built.absorb(torch.randn(50, 4))
    assert torch.equal(built(torch.ones(1, 4)).logits, before)


def test_it_can_be_described() -> None:
    described = describe(model(), SPEC)
    assert described.parameters == 2 * (4 * 64 + 64 + 64 * 64 + 64) + 64 * 3 + 3 + 64 + 1
    assert described.multiply_adds == 2 * (4 * 64 + 64 * 64) + 64 * 3 + 64
