"""The losses of the game: equal to the papers' formulas written out; the penalty of a critic whose slope is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pellucid.rules.adversarial_losses import LOSSES, gradient_penalty

REAL, FAKE = [1.5, -0.3, 0.2], [-2.0, 0.7, -0.1]


def p(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


BY_HAND = {
    "non_saturating": (
        -mean([math.log(p(s)) for s in REAL]) - mean([math.log(1 - p(s)) for s in FAKE]),
        -mean([math.log(p(s)) for s in FAKE]),
    ),
    "hinge": (mean([max(0, 1 - s) for s in REAL]) + mean([max(0, 1 + s) for s in FAKE]), -mean(FAKE)),
    "wasserstein": (mean(FAKE) - mean(REAL), -mean(FAKE)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_papers_formula(name: str) -> None:
    discriminator, generator = LOSSES[name]
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    assert float(discriminator(real, fake)) == pytest.approx(BY_HAND[name][0], rel=1e-6)
    assert float(generator(fake)) == pytest.approx(BY_HAND[name][1], rel=1e-6)


def test_the_penalty_of_a_linear_critic_is_that_of_its_weights() -> None:
    critic = nn.Linear(6, 1)
    real, fake = torch.randn(2, 5, 6).unbind()
    penalty = gradient_penalty(lambda rows: critic(rows)[:, 0], real, fake, torch.rand(5))
    slope = critic.weight.norm()
    torch.testing.assert_close(penalty, (slope - 1).square())
    (found,) = torch.autograd.grad(penalty, critic.weight)
    torch.testing.assert_close(found, 2 * (slope - 1).detach() * (critic.weight / slope).detach())


def test_the_slope_is_taken_between_the_pairs() -> None:
    """f(x) = |x|^2 / 2 has slope x: at mix * real + (1 - mix) * fake."""
    real, fake, mix = torch.randn(4, 1, 2, 3), torch.randn(4, 1, 2, 3), torch.tensor([0.0, 0.25, 0.5, 1.0])
    penalty = gradient_penalty(lambda rows: rows.flatten(1).square().sum(1) / 2, real, fake, mix)
    between = torch.stack([m * r + (1 - m) * f for m, r, f in zip(mix, real, fake, strict=True)])
    torch.testing.assert_close(penalty, (between.flatten(1).norm(dim=1) - 1).square().mean())
