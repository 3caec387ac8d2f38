"""The world of episodes: an environment, and which of its episodes are for training, validation and test.

An episode is a seed. Those of validation and test are functions of `split.seed`, so that runs with different seeds are
judged on the same ones; those of training are drawn by the source from the run's own seed. None is in two parts.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.data.preprocessing import Preprocessing
from pellucid.data.seal import Seal
from pellucid.environments import gym
from pellucid.environments.player import Observation, Player
from pellucid.randomness import derive
from pellucid.recipe import SplitSection

SAMPLE = 256


def training_seed(seed: int, environment: int, episode: int) -> int:
    """Return the seed of a training episode of one of the environments that are played side by side."""
    return derive(seed, f"training episode of environment {environment}", episode)


def evaluation_seed(seed: int, part: str, episode: int) -> int:
    """Return the seed of an episode of a part; no training episode has it."""
    return derive(seed, f"{part} episode", episode)


class Episodes:
    """An environment of Gymnasium and its parts.

    Attributes:
        spec: what a model and a task must fit.
        preprocessing: no steps; what is fitted to observations is part of the model.
        device: where batches lie.
    """

    def __init__(self, identifier: str, split: SplitSection, device: str = "cpu") -> None:
        self.spec = gym.spec(identifier)
        self.preprocessing = Preprocessing({}, device)
        self.device = device
        self.seal = Seal()
        self._split = split
        self._sizes = {
            "train": 0,
            "validation": split.validation_episodes if split.validation else 0,
            "test": split.test_episodes if split.test else 0,
        }
        self._players: list[Player] = []

    def players(self, num: int) -> list[Player]:
        """Return environments to judge a policy in; made once."""
        while len(self._players) < num:
            self._players.append(Player(self.spec.environment))
        return self._players[:num]

    def seeds(self, part: str) -> list[int]:
        """Return the seeds of the episodes of a part that is judged; raise `SealedError` where it may not be."""
        self.seal.check(part)
        return self._seeds(part)

    def _seeds(self, part: str) -> list[int]:
        return [evaluation_seed(self._split.seed, part, episode) for episode in range(self._sizes[part])]

    def observations(self, num: int) -> Observation:
        """Return what a random policy sees in its first steps, `[num, ...]`, in episodes of no part."""
        player, random = self.players(1)[0], np.random.default_rng(0)
        seen: list[Observation] = []
        episode, ended = 0, True
        while len(seen) < num:
            if ended:
                player.begin(evaluation_seed(self._split.seed, "sample", episode))
                episode += 1
            seen.append(player.observation)
            step = player.step(int(random.integers(self.spec.num_outputs)))
            ended = step.terminated or step.truncated
        return np.stack(seen)

    def sample(self) -> Tensor:
        """Return what a random policy sees in its first steps."""
        return torch.from_numpy(self.observations(SAMPLE)).to(self.device)

    def size(self, part: str) -> int:
        """Return how many episodes a part has; those of training are made as they are needed, and count as none."""
        return self._sizes[part]

    def check(self) -> None:
        """Nothing was fitted on a part."""

    @property
    def identity(self) -> dict[str, str]:
        """Hashes of the environment (its name, Gymnasium's version, what it shows and takes) and of the seeds."""
        environment = [self.spec.environment, gym.version(), self.spec.to_dict()]
        return {"data_hash": _hash(environment), "hash": _hash([self._seeds("validation"), self._seeds("test")])}

    @property
    def test_hash(self) -> str:
        """Hash of the environment and of the seeds that test."""
        return _hash([self.identity["data_hash"], self._seeds("test")])

    def to_dict(self) -> dict[str, Any]:
        """Return split.json."""
        return {
            "kind": "episodes",
            "seed": self._split.seed,
            "how": "an episode is the seed that it begins from; validation and test have seeds of their own, "
            "which training never draws",
            "unit": "episode",
            **self.identity,
            "counts": dict(self._sizes),
        }

    def with_preprocessing(self, preprocessing: Preprocessing) -> Episodes:
        """Return the same world: there are no steps."""
        return self


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
