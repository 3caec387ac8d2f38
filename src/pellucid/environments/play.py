"""Playing episodes side by side: all that have not ended are asked about at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.environments import gym
from pellucid.environments.player import Observation, Player


class Played(NamedTuple):
    """The undiscounted return and the number of steps of each episode, `[episodes]`."""

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]


Choose = Callable[[Observation], Sequence[int]]
"""From observations `[rows, ...]` to one action each."""


def play(players: Sequence[Player], seeds: Sequence[int], choose: Choose) -> Played:
    """Play one episode from each seed to its end, one player each."""
    for player, seed in zip(players, seeds, strict=True):
        player.begin(seed)
    going = list(players)
    while going:
        actions = choose(np.stack([player.observation for player in going]))
        steps = [player.step(action) for player, action in zip(going, actions, strict=True)]
        going = [player for player, step in zip(going, steps, strict=True) if not (step.terminated or step.truncated)]
    returns = np.array([player.total for player in players], np.float64)
    return Played(returns, np.array([len(player.actions) for player in players], np.int64))


class Film(NamedTuple):
    """One episode: a frame `[height, width, 3]` before each step and one after the last, its return, its length."""

    frames: list[NDArray[np.uint8]]
    total: float
    length: int


def film(identifier: str, seed: int, choose: Choose, drawn: bool = True) -> Film:
    """Play one episode and draw it; an environment that cannot be drawn gives no frames."""
    player = Player(identifier)
    drawn = drawn and gym.can_render(player.environment)
    if drawn:
        player.environment.close()
        player = Player(identifier, render=True)
    player.begin(seed)
    frames: list[NDArray[np.uint8]] = []
    going = True
    while going:
        if drawn:
            frames.append(gym.frame(player.environment))
        step = player.step(choose(player.observation[None])[0])
        going = not (step.terminated or step.truncated)
    if drawn:
        frames.append(gym.frame(player.environment))
    player.environment.close()
    return Film(frames, player.total, len(player.actions))
