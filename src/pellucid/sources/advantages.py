"""Generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438): how much better it went than expected.

    delta_t     = r_t + discount * V(o_{t+1}) - V(o_t)
    advantage_t = delta_t + discount * gae_lambda * advantage_{t+1}        within one episode

gae_lambda = 0 trusts the value of the next observation, 1 only what was really earned until the episode's end. Where an
episode terminated, nothing lies beyond; where it was truncated by patience or by the end of the rollout, the value of
the observation that came next does (Pardo et al. 2018, arXiv:1712.00378).
"""

from __future__ import annotations

import torch
from torch import Tensor


def gae(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    ended: Tensor,
    *,
    discount: float,
    gae_lambda: float,
) -> Tensor:
    """Return advantages, `[steps, environments]` as all tensors here.

    Args:
        values: expected from each observation on.
        next_values: expected from the observation on that the action led to, in the same episode.
        terminated: nothing can be earned after this step.
        ended: the next row is of another episode: terminated or truncated.
    """
    deltas = rewards + discount * next_values * ~terminated - values
    keeps = discount * gae_lambda * (~ended).to(rewards.dtype)
    advantages = torch.empty_like(deltas)
    following = torch.zeros_like(deltas[0])
    for step in range(len(deltas) - 1, -1, -1):
        following = deltas[step] + keeps[step] * following
        advantages[step] = following
    return advantages
