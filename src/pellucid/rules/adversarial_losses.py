"""The losses of the adversarial game, as functions of the discriminator's scores; all are means over the rows.

| name           | discriminator makes small                    | generator makes small |
|----------------|----------------------------------------------|-----------------------|
| non_saturating | -log p(real) - log(1 - p(fake)), p = sigmoid | -log p(fake)          |
| hinge          | max(0, 1 - real) + max(0, 1 + fake)          | -fake                 |
| wasserstein    | fake - real + weight * penalty               | -fake                 |

I. Goodfellow et al. 2014, arXiv:1406.2661; J. Lim & J. Ye 2017, arXiv:1705.02894; I. Gulrajani et al. 2017,
arXiv:1704.00028.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def non_saturating(real: Tensor, fake: Tensor) -> Tensor:
    """Return the cross-entropy of telling real from fake, summed over the two kinds, in nats; 2 log 2 is guessing."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Return how far scores are from 1 for real and -1 for fake, on the wrong side only."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """Return minus the critic's estimate of the distance between the two distributions."""
    return fake.mean() - real.mean()


def likelihood_of_real(fake: Tensor) -> Tensor:
    """Return -log p(fake), which pulls hardest where samples are seen through; log (1 - p) would be flat there."""
    return F.softplus(-fake).mean()


def negative_score(fake: Tensor) -> Tensor:
    """Return minus the mean score."""
    return -fake.mean()


LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "non_saturating": (non_saturating, likelihood_of_real),
    "hinge": (hinge, negative_score),
    "wasserstein": (wasserstein, negative_score),
}
"""By name: what the discriminator and what the generator makes small."""


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Return the mean squared deviation of the critic's slope from 1, between real and fake rows.

    Args:
        critic: from rows to one score each, none of which depends on another row.
        real, fake: `[rows, ...]`, without history.
        mix: where between each pair the slope is taken, in 0 (fake) to 1 (real), `[rows]`.
    """
    share = mix.view(-1, *[1] * (real.ndim - 1))
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)  # (rows, ...)
    penalty: Tensor = (slopes.flatten(1).norm(dim=1) - 1).square().mean()
    return penalty
