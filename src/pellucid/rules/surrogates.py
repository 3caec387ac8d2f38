"""What policy gradients maximise and minimise, as pure functions of tensors `[rows]`; means over the rows."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Chosen(NamedTuple):
    """Log-probabilities of the actions taken, `[rows]`, and the mean entropy of the policy, `()`, in nats."""

    log_probabilities: Tensor
    entropy: Tensor


def chosen(logits: Tensor, actions: Tensor) -> Chosen:
    """Return what logits `[rows, actions]` say of the actions taken, `[rows]`."""
    every = F.log_softmax(logits.float(), dim=1)
    return Chosen(every.gather(1, actions[:, None])[:, 0], -(every.exp() * every).sum(dim=1).mean())


def normalised(advantages: Tensor) -> Tensor:
    """Return advantages with mean zero and deviation one; a single row, or equal ones, become zero."""
    centred = advantages - advantages.mean()
    return centred / (centred.square().mean().sqrt() + 1e-8)


def clipped_objective(log_ratios: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """Return PPO's objective, `()` (Schulman et al. 2017, equation 7): min(ratio A, clip(ratio, 1 +- clip) A).

    An action that already became likelier by `clip` and is good earns nothing more, nor one that is bad and already
    became less likely: the gradient is zero there.
    """
    ratios = log_ratios.exp()
    held = ratios.clamp(1 - clip, 1 + clip)
    return torch.minimum(ratios * advantages, held * advantages).mean()


def value_loss(values: Tensor, returns: Tensor) -> Tensor:
    """Return half the mean squared error of the values, `()`."""
    return 0.5 * (values.float() - returns).square().mean()


def divergence(log_ratios: Tensor) -> Tensor:
    """Estimate KL(old || new) from actions of the old policy, `()`: mean of ratio - 1 - log ratio, never negative.

    J. Schulman, "Approximating KL divergence", 2020: as unbiased as the mean of -log ratio, with less spread.
    """
    return (log_ratios.exp() - 1 - log_ratios).mean()


def explained_variance(values: Tensor, returns: Tensor) -> Tensor:
    """Return the share of the returns' variance that the values foresee, `()`; zero where the returns are all equal."""
    spread = (returns - returns.mean()).square().mean()
    missed = returns - values
    missing = (missed - missed.mean()).square().mean()
    return torch.where(spread > 1e-12, 1 - missing / spread.clamp_min(1e-12), 0.0)
