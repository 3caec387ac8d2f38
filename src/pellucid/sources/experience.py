"""Gathering experience: environments played side by side, one batched question to the policy per time step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pellucid.environments.player import Observation, Player
from pellucid.environments.policy import Choice, Policy

# axes: T time steps, N environments


@dataclass
class Experience:
    """What was seen and done, step by step; each list has one item per time step.

    Attributes:
        going: the environments that were asked at that step.
        seen: their observations, `(going, ...)`.
        choices: what the policy chose, `(going,)` each.
        rewards: what came of it, one number each.
        terminated, ended: `(step, environment)` of the ends; an episode that ended and did not terminate was cut.
        beyond: by `(step, environment)`, the observation that followed a step whose episode was cut there.
        finished: return and length of the episodes that came to their end.
    """

    going: list[list[int]] = field(default_factory=list)
    seen: list[Tensor] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    rewards: list[list[float]] = field(default_factory=list)
    terminated: list[tuple[int, int]] = field(default_factory=list)
    ended: list[tuple[int, int]] = field(default_factory=list)
    beyond: dict[tuple[int, int], Observation] = field(default_factory=dict)
    finished: list[tuple[float, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.seen)

    def means(self) -> tuple[float | None, float | None]:
        """Return the mean return and the mean length of the episodes that came to their end; None where none did."""
        count = len(self.finished)
        if not count:
            return None, None
        return sum(total for total, _ in self.finished) / count, sum(length for _, length in self.finished) / count

    def grid(self, steps: Sequence[Tensor], num_environments: int) -> Tensor:
        """Lay `(going,)` per step out as `(T, N)`, zero where an environment had already ended."""
        laid = torch.zeros(len(steps), num_environments, dtype=steps[0].dtype, device=steps[0].device)
        for row, (going, values) in enumerate(zip(self.going, steps, strict=True)):
            if len(going) == num_environments:
                laid[row] = values
            else:
                laid[row, going] = values
        return laid

    def marks(self, places: Sequence[tuple[int, int]], num_environments: int) -> Tensor:
        """Return `(T, N)`, true at the places."""
        marked = torch.zeros(len(self), num_environments, dtype=torch.bool)
        for step, environment in places:
            marked[step, environment] = True
        return marked


def gather(
    players: Sequence[Player],
    policy: Policy,
    random: torch.Generator,
    device: str,
    *,
    length: int | None,
    begin: Callable[[int], None],
) -> Experience:
    """Play `length` steps in every environment, or one episode in each where it is None.

    Args:
        random: of the actions; a number in 0 to 1 is drawn for every environment at every step.
        begin: begins the next episode of an environment.
    """
    experience = Experience()
    going = list(range(len(players)))
    while going and len(experience) != length:
        step = len(experience)
        seen = torch.tensor(np.stack([players[place].observation for place in going]), device=device)
        uniforms = torch.rand(len(players), generator=random)
        if len(going) < len(players):
            uniforms = uniforms[going]
        choice = policy.act(seen, uniforms.to(device))
        rewards = []
        still = []
        for place, action in zip(going, choice.actions.tolist(), strict=True):
            player = players[place]
            done = player.step(action)
            rewards.append(done.reward)
            if not (done.terminated or done.truncated):
                still.append(place)
                continue
            experience.ended.append((step, place))
            experience.finished.append((player.total, len(player.actions)))
            if done.terminated:
                experience.terminated.append((step, place))
            else:
                experience.beyond[step, place] = done.observation
            if length is not None:
                begin(place)
                still.append(place)
        experience.going.append(going)
        experience.seen.append(seen)
        experience.choices.append(choice)
        experience.rewards.append(rewards)
        going = still
    last = len(experience) - 1
    for place in going:
        if (last, place) not in experience.ended[-len(players) :]:
            experience.beyond[last, place] = players[place].observation
    return experience
