"""One environment being played: the episode it is in, and the actions since that began, by which it is restored."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.environments import gym

Observation = NDArray[np.float32]


class Step(NamedTuple):
    """What an action led to. `terminated` is an end of the world, `truncated` one of patience: a value lies beyond."""

    observation: Observation
    reward: float
    terminated: bool
    truncated: bool


class Player:
    """An environment of Gymnasium, one episode after the other, each begun from a seed of its own.

    Attributes:
        observation: what is seen now.
        actions: those of the open episode, as codes.
        total: the rewards of the open episode, summed.
    """

    def __init__(self, identifier: str, render: bool = False) -> None:
        self.environment = gym.make(identifier, render)
        self._first = gym.first_action(self.environment)
        self.actions: list[int] = []
        self.total = 0.0
        self.observation: Observation = np.zeros(self.environment.observation_space.shape, np.float32)

    def begin(self, seed: int) -> None:
        """Begin an episode; its course depends on the seed and the actions alone."""
        self.observation = np.asarray(self.environment.reset(seed=seed)[0], np.float32)
        self.actions = []
        self.total = 0.0

    def step(self, action: int) -> Step:
        """Take an action."""
        observation, reward, terminated, truncated, _ = self.environment.step(self._first + action)
        self.actions.append(action)
        self.total += float(reward)
        self.observation = np.asarray(observation, np.float32)
        return Step(self.observation, float(reward), bool(terminated), bool(truncated))

    def restore(self, seed: int, actions: list[int]) -> None:
        """Bring an episode to where its actions led."""
        self.begin(seed)
        for action in actions:
            self.step(action)
