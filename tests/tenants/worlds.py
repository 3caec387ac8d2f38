"""Tiny environments that are made for the tests."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete


class Bandit(gymnasium.Env[Any, Any]):
    """Two arms and two contexts: the arm that the context shows pays 1, the other nothing. One step is an episode."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self) -> None:
        self.observation_space = Box(-1, 1, (2,), np.float32)
        self.action_space = Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.context = int(self.np_random.integers(2))
        return np.eye(2, dtype=np.float32)[self.context], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros(2, np.float32), float(action == self.context), True, False, {}


class Clock(gymnasium.Env[Any, Any]):
    """Shows the time and pays 1 a step for ever: only patience ends it."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self) -> None:
        self.observation_space = Box(0, 100, (1,), np.float32)
        self.action_space = Discrete(2, start=1)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert action in (1, 2)
        self.time += 1
        return np.full(1, self.time, np.float32), 1.0, False, False, {}


class Wheel(gymnasium.Env[Any, Any]):
    """Takes any number as an action."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self) -> None:
        self.observation_space = Box(-1, 1, (2,), np.float32)
        self.action_space = Box(-1, 1, (1,), np.float32)


class Camera(gymnasium.Env[Any, Any]):
    """Shows pictures."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self) -> None:
        self.observation_space = Box(0, 255, (8, 8, 3), np.uint8)
        self.action_space = Discrete(2)


BANDIT, CLOCK, WHEEL, CAMERA = "PellucidBandit-v0", "PellucidClock-v0", "PellucidWheel-v0", "PellucidCamera-v0"
for name, kind, limit in ((BANDIT, Bandit, None), (CLOCK, Clock, 5), (WHEEL, Wheel, None), (CAMERA, Camera, None)):
    gymnasium.register(name, entry_point=kind, max_episode_steps=limit)
