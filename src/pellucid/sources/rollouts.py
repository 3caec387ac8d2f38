"""Rollouts: experience that the rule's policy gathers in environments played side by side, cut into minibatches.

The form of Mnih et al. 2016 (arXiv:1602.01783) and Schulman et al. 2017 (arXiv:1707.06347): a stretch of steps in each
environment, then some passes over it. Everything is a function of the seed and of the weights: an episode begins from
f(seed, environment, episode), an action is drawn with f(seed, rollout, step), a pass is shuffled by f(seed, pass). A
checkpoint keeps the rollout in hand and, of each open episode, the actions by which it is played again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.data.batch import Batch
from pellucid.data.world import World
from pellucid.environments.episodes import Episodes, training_seed
from pellucid.environments.player import Player
from pellucid.environments.policy import Policy, Wanted
from pellucid.errors import PellucidError
from pellucid.nn.running import Moments, join, of
from pellucid.randomness import generator, permutation
from pellucid.sources.advantages import gae
from pellucid.sources.experience import Experience, gather

EXAMPLE_ROWS = 2


class Rollouts:
    """Batches of observations, actions, their log-probabilities, values, advantages and returns."""

    steps_per_epoch: int | None = None

    def __init__(self, world: World, *, batch_size: int | Literal["all"], seed: int) -> None:
        if not isinstance(world, Episodes):
            raise PellucidError("Experience is gathered in an environment, and this world is none: data.source.")
        self._world = world
        self._seed = seed
        self._players: list[Player] = []
        self._episodes: list[int] = []
        self._rollout = -1
        self._given = 0
        self._steps = 0
        self._hand: dict[str, Tensor] = {}
        self._pass = -1
        self._ready: list[Batch] = []
        self._returns = Moments(*(torch.zeros((), dtype=torch.float64) for _ in range(3)))
        self._earned = torch.zeros(0, dtype=torch.float64)

    def next(self, policy: Policy | None = None) -> Batch:
        """Return the next minibatch; where the rollout was gone over often enough, gather another first."""
        if policy is None:
            raise PellucidError(
                "task.name = 'control' learns from experience, and this rule chooses no actions. "
                "Choose reinforce, a2c or ppo."
            )
        wanted = policy.wanted
        if not self._hand or self._given == wanted.epochs * wanted.minibatches:
            self._gather(policy)
        number, place = divmod(self._given, wanted.minibatches)
        if number != self._pass:
            self._shuffle(wanted, number)
        self._given += 1
        return self._ready[place]

    def example(self) -> Batch:
        """Return a few observations of a random policy, with made-up actions."""
        observations = self._world.sample()[:EXAMPLE_ROWS]
        zeros = torch.zeros(EXAMPLE_ROWS, device=observations.device)
        columns = dict.fromkeys(("log_probability", "value", "advantage", "return"), zeros)
        return Batch({"input": observations, "action": zeros.long(), **columns}, torch.arange(EXAMPLE_ROWS))

    def _gather(self, policy: Policy) -> None:
        """Let the normaliser see the last rollout, then play the next; within a rollout the policy stays the same."""
        wanted, device = policy.wanted, self._world.device
        if self._hand:
            policy.absorb(self._hand["input"])
        if not self._players:
            self._players = [Player(self._world.spec.environment) for _ in range(wanted.num_environments)]
            self._episodes = [-1] * len(self._players)
            self._earned = torch.zeros(len(self._players), dtype=torch.float64)
            if wanted.length is not None:
                self._begin_all()
        if wanted.length is None:
            self._begin_all()
        self._rollout += 1
        random = generator(self._seed, "actions", self._rollout)
        gathered = gather(self._players, policy, random, device, length=wanted.length, begin=self._begin)
        self._steps += sum(map(len, gathered.going))
        self._hand = self._columns(gathered, policy)
        self._given, self._pass = 0, -1
        policy.note(*gathered.means(), self._steps)

    def _begin_all(self) -> None:
        for place in range(len(self._players)):
            self._begin(place)

    def _begin(self, place: int) -> None:
        self._episodes[place] += 1
        self._players[place].begin(training_seed(self._seed, place, self._episodes[place]))

    def _columns(self, gathered: Experience, policy: Policy) -> dict[str, Tensor]:
        """Give every step its due, and lay the steps out as rows, by time."""
        wanted, num, device = policy.wanted, len(self._players), self._world.device
        rewards = gathered.grid([torch.tensor(rewards) for rewards in gathered.rewards], num)  # (T, N)
        values = gathered.grid([choice.values for choice in gathered.choices], num).cpu()
        lived = gathered.grid([torch.ones(len(going), dtype=torch.bool) for going in gathered.going], num)
        ended = gathered.marks(gathered.ended, num)
        if wanted.scale_rewards:
            rewards = rewards / self._deviation_of_returns(rewards, lived, ended, wanted.discount)
        following = torch.cat([values[1:], values[-1:]])  # (T, N)
        for step, place in gathered.ended:
            following[step, place] = 0.0
        places = list(gathered.beyond)
        if places and wanted.bootstrap:
            seen = torch.stack([torch.from_numpy(gathered.beyond[place]) for place in places])
            for (step, place), value in zip(places, policy.values(seen.to(device)).tolist(), strict=True):
                following[step, place] = value
        advantages = gae(
            rewards,
            values,
            following,
            gathered.marks(gathered.terminated, num),
            ended,
            discount=wanted.discount,
            gae_lambda=wanted.gae_lambda,
        )
        return {
            "input": torch.cat(gathered.seen),
            "action": torch.cat([choice.actions for choice in gathered.choices]),
            "log_probability": torch.cat([choice.log_probabilities for choice in gathered.choices]),
            "value": torch.cat([choice.values for choice in gathered.choices]),
            "advantage": advantages[lived].to(device),
            "return": (advantages + values)[lived].to(device),
        }

    def _deviation_of_returns(self, rewards: Tensor, lived: Tensor, ended: Tensor, discount: float) -> float:
        """Take note of discounted returns so far, and return their running deviation (Engstrom et al. 2020)."""
        seen = torch.empty(rewards.shape, dtype=torch.float64)
        for step, earned in enumerate(rewards.double()):
            self._earned = self._earned * discount + earned
            seen[step] = self._earned
            self._earned = self._earned * ~ended[step]
        self._returns = join(self._returns, of(seen[lived]))
        return float((self._returns.deviations / self._returns.size + 1e-8).sqrt())

    def _shuffle(self, wanted: Wanted, number: int) -> None:
        """Cut the rollout into the minibatches of its pass `number`; a single one keeps the order of time."""
        rows = len(self._hand["action"])
        columns, order = self._hand, torch.arange(rows)
        if wanted.minibatches > 1:
            order = permutation(rows, self._seed, self._rollout * wanted.epochs + number)
            place = order.to(self._world.device)
            columns = {name: tensor.index_select(0, place) for name, tensor in self._hand.items()}
        pieces = {name: tensor.tensor_split(wanted.minibatches) for name, tensor in columns.items()}
        ids = order.add(self._steps - rows).tensor_split(wanted.minibatches)
        self._ready = [Batch({name: cut[part] for name, cut in pieces.items()}, ids[part]) for part in range(len(ids))]
        self._pass = number

    def state_dict(self) -> dict[str, Any]:
        """The rollout in hand and the place in it, and how the open episodes are played again."""
        return {
            "rollout": self._rollout,
            "given": self._given,
            "steps": self._steps,
            "hand": self._hand,
            "episodes": list(self._episodes),
            "actions": [list(player.actions) for player in self._players],
            "returns": self._returns._asdict(),
            "earned": self._earned,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned: open episodes are played again, action by action."""
        self._rollout, self._given, self._steps = state["rollout"], state["given"], state["steps"]
        self._hand = {name: tensor.to(self._world.device) for name, tensor in state["hand"].items()}
        self._episodes = list(state["episodes"])
        self._players = [Player(self._world.spec.environment) for _ in self._episodes]
        for place, (episode, actions) in enumerate(zip(self._episodes, state["actions"], strict=True)):
            self._players[place].restore(training_seed(self._seed, place, episode), actions)
        self._returns = Moments(**state["returns"])
        self._earned = state["earned"]
        self._pass, self._ready = -1, []
