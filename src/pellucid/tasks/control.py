"""Control: choose actions in an environment so that the rewards of an episode sum up to as much as possible.

A look plays whole episodes from seeds that training never draws (R. Sutton, A. Barto, "Reinforcement Learning: An
Introduction", 1998). An episode is the unit: the mean return is a mean over episodes, and intervals resample them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.world import World
from pellucid.environments.episodes import Episodes, evaluation_seed
from pellucid.environments.play import Choose, Played, film, play
from pellucid.environments.player import Observation
from pellucid.errors import DataError, PellucidError
from pellucid.exhibit import Exhibit, Images, Signal
from pellucid.randomness import undisturbed
from pellucid.spec import Spec
from pellucid.tasks.score import mean_score
from pellucid.tasks.task import Answer, Scored

STRIP = 8
"""Pictures of an episode in the report."""
STRIP_WIDTH = 150
FILM_FRAMES = 125
"""Frames of an episode's film at most: five seconds."""
FILM_WIDTH = 300
PRACTICE = 20
"""Episodes on which the best constant action is found."""


class Config(Base):
    """Settings of control."""

    greedy: bool = True
    """Judge the likeliest action of every step; false draws actions as training does."""


class Asking(Base):
    """What `predict` plays."""

    episodes: int = Field(1, ge=1, le=1000)
    """How many episodes; the first is filmed."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Of the episodes, and of the actions where they are drawn."""
    greedy: bool = True
    """Take the likeliest action of every step; false draws actions as training does."""


class Control:
    """Mean return over whole episodes."""

    primary = "mean_return"
    signals: tuple[Signal, ...] = (
        Signal(
            "mean_return",
            "Mean return of validation episodes",
            "The rewards of an episode, summed, over the same episodes each time; what the best weights are chosen by.",
        ),
    )
    asking: type[Base] = Asking

    def __init__(self, config: Config, spec: Spec) -> None:
        if not spec.environment:
            raise DataError(
                "task.name = 'control' needs an environment, and data.source names rows of data. "
                "Choose one of `pellucid ls environments`."
            )
        assert spec.target is not None
        self.environment = spec.environment
        self.actions = spec.target.categories
        self.shape = spec.input.shape
        self.greedy = config.greedy

    def check(self, model: nn.Module, world: World) -> None:
        """An environment is played in."""
        of_episodes(world)

    def source(self, model: nn.Module) -> str:
        """Experience of the policy's own."""
        return "rollouts"

    def look(self, model: nn.Module, world: World, part: str) -> Scored:
        """Play every episode of a part, all side by side."""
        world = of_episodes(world)
        played = play(world.players(world.size(part)), world.seeds(part), _chooser(model, self.greedy))
        return _scored(part, played)

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Any], int]]:
        """Return a random policy, and the one action that did best in other episodes, always taken."""
        world = of_episodes(world)
        num = len(self.actions)
        practice = [evaluation_seed(0, "practice", episode) for episode in range(PRACTICE)]
        players = world.players(max(PRACTICE, world.size(part)))
        tried = [play(players[:PRACTICE], practice, _always(action)).returns.mean() for action in range(num)]
        best = int(np.argmax(tried))
        random = np.random.default_rng(0)
        policies: dict[str, tuple[Choose, int]] = {
            "random_actions": (lambda seen: random.integers(num, size=len(seen)).tolist(), 0),
            f"always_{self.actions[best]}": (_always(best), PRACTICE * num),
        }
        return {
            name: (_scored(part, play(players[: world.size(part)], world.seeds(part), choose)).scores, fitted_on)
            for name, (choose, fitted_on) in policies.items()
        }

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Return pictures of one greedy episode, evenly spaced in time."""
        frames, total, _ = film(self.environment, evaluation_seed(0, "exhibit", 0), _chooser(model, greedy=True))
        if not frames:
            return []
        places = np.linspace(0, len(frames) - 1, min(STRIP, len(frames))).round().astype(int)
        pixels = np.stack([_shrunk(frames[place], STRIP_WIDTH) for place in places])  # (frames, C, H, W)
        caption = f"Steps {', '.join(map(str, places))} of an episode that returned {total:g}; likeliest actions."
        return [Images("episode", "An episode", caption, pixels[None])]

    def examples(self, world: World, num: int) -> NDArray[Any]:
        """Return what a random policy sees in its first steps."""
        return of_episodes(world).observations(num)

    def respond(self, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
        """Return the log-probability of each action and the expected return, for observations."""
        logits, values = model(preprocessing.apply("input", raw))
        return {"log_probability": logits.float().log_softmax(dim=1), "value": values.float()}

    def answer(
        self, model: nn.Module, preprocessing: Preprocessing, examples: NDArray[Any], inputs: Any, settings: Base
    ) -> list[Answer]:
        """Play episodes, and film the first; where observations `[rows, ...]` are given, say what would be done."""
        assert isinstance(settings, Asking)
        if inputs is not None:
            return self._advise(model, preprocessing, inputs)
        choose = _chooser(model, settings.greedy)
        answers = []
        for episode in range(settings.episodes):
            seed = evaluation_seed(settings.seed, "predict", episode)
            with undisturbed(seed % 2**63):
                frames, total, length = film(self.environment, seed, choose, drawn=episode == 0)
            values = {"input": f"episode {episode}", "return": total, "length": length}
            every = max(1, math.ceil(len(frames) / FILM_FRAMES))
            picture = np.stack([_shrunk(frame, FILM_WIDTH) for frame in frames[::every]]) if frames else None
            answers.append(Answer(values, picture))
        return answers

    def _advise(self, model: nn.Module, preprocessing: Preprocessing, inputs: Any) -> list[Answer]:
        """Say what would be done, and what is expected, for each observation."""
        if isinstance(inputs, Sequence) and any(isinstance(item, str) for item in inputs):
            raise PellucidError(
                "A policy is asked without files: it plays. Say how with predict.episodes=3, predict.seed=1, "
                "predict.greedy=false; or give observations as an array in Python."
            )
        try:
            raw = torch.as_tensor(np.asarray(inputs, np.float32))
        except (TypeError, ValueError):
            raise DataError("Observations are rows of numbers, and these are not all numbers.") from None
        if not torch.isfinite(raw).all():
            raise DataError("Observations hold values that are not finite (NaN or infinite): nothing is known of such.")
        if tuple(raw.shape[1:]) != self.shape:
            raise DataError(
                f"Observations of shape {tuple(raw.shape)}: expected [rows, {', '.join(map(str, self.shape))}]."
            )
        said = self.respond(model, preprocessing, raw)
        shares = said["log_probability"].exp().tolist()
        return [
            Answer(
                {
                    "input": str(row),
                    "prediction": self.actions[int(np.argmax(share))],
                    "probabilities": dict(zip(self.actions, (round(p, 6) for p in share), strict=True)),
                    "value": value,
                }
            )
            for row, (share, value) in enumerate(zip(shares, said["value"].tolist(), strict=True))
        ]


def of_episodes(world: World) -> Episodes:
    """Return the world as one of episodes; refuse any other."""
    if not isinstance(world, Episodes):
        raise PellucidError("task.name = 'control' plays in an environment, and this world is none.")
    return world


def _chooser(model: nn.Module, greedy: bool) -> Choose:
    """The model's actions for observations: the likeliest ones, or drawn from torch's own generator."""
    device = next(model.parameters()).device

    def choose(seen: Observation) -> list[int]:
        logits, _ = model(torch.tensor(seen, device=device))
        if greedy:
            return list(logits.argmax(dim=1).tolist())
        return list(torch.multinomial(logits.float().softmax(dim=1), 1)[:, 0].tolist())

    return choose


def _always(action: int) -> Choose:
    return lambda seen: [action] * len(seen)


def _scored(part: str, played: Played) -> Scored:
    scores = {
        "mean_return": mean_score(played.returns, "max"),
        "episode_length": mean_score(played.lengths, "max"),
    }
    worst, best = float(played.returns.min()), float(played.returns.max())
    return Scored(part, "episode", scores, (scores["mean_return"].value, worst), {"lowest": worst, "highest": best})


def _shrunk(frame: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """A frame `[H, W, 3]` as `[3, height, width]`, at most that wide."""
    from PIL import Image

    picture = Image.fromarray(frame)
    if picture.width > width:
        picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))
