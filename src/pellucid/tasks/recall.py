"""Recall: a memory is given a corrupted pattern and should come to rest in the stored one (J. Hopfield, PNAS 79, 1982).

What is judged is memory and not generalisation: the patterns are the training rows, and what no part has seen before is
how they were corrupted. Each part corrupts every pattern anew, several times, by chance of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import tensor_of
from pellucid.data.pictures import grid, sheet
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.rows import Rows
from pellucid.data.world import World
from pellucid.errors import PellucidError
from pellucid.exhibit import Curves, Exhibit, Images, Signal
from pellucid.nn.attractor import CAPACITY
from pellucid.nn.energy import Associative
from pellucid.randomness import generator
from pellucid.spec import Spec
from pellucid.tasks import rows
from pellucid.tasks.capacity import LOADS, UNITS, overlaps
from pellucid.tasks.score import Score, mean_score
from pellucid.tasks.task import Answer, Scored

SHOWN = 10
LARGEST_SET = 500
"""Patterns that are corrupted and recalled at a look; of more, an even sample."""


class Config(Base):
    """Settings of recall."""

    flip: float = Field(0.1, gt=0, lt=0.5)
    """Share of the units that are flipped. At a half nothing of the pattern is left."""
    trials: int = Field(10, ge=1)
    """How often each pattern is corrupted anew."""
    asynchronous: bool = True
    """Whether units are renewed one at a time, which comes to rest for certain, or all at once."""
    sweeps: int = Field(50, ge=1)
    """Renewals of all units after which a net that has not come to rest is taken as it is."""


class Asking(Base):
    """What is done to the given patterns before they are recalled."""

    flip: float = Field(0.0, ge=0, lt=0.5)
    """Share of the units to flip first; 0 recalls what was given as it is."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Which units are flipped."""


class Recall:
    """Share of corrupted patterns that come back exactly, and how far the others are off. A target is ignored."""

    primary = "recalled"
    asking: type[Base] = Asking
    signals: tuple[Signal, ...] = (
        Signal(
            "overlap",
            "Overlap",
            "Mean agreement of what is recalled with the stored pattern: 1 is all units, 0 is chance.",
            low=0.95,
            when_low="The net settles elsewhere: store fewer patterns, or ones that resemble each other less.",
        ),
    )

    def __init__(self, config: Config, spec: Spec) -> None:
        self.config = config
        self.input = spec.input

    def check(self, model: nn.Module, world: World) -> None:
        """A memory over rows."""
        rows.of_rows(world)
        _associative(model)

    def source(self, model: nn.Module) -> str:
        """Every training row once an epoch."""
        return "shuffled"

    def look(self, model: nn.Module, world: World, part: str) -> Scored:
        """Return how many of the stored patterns come back, and the overlap, one trial per unit of the interval."""
        memory = _associative(model)
        stored, corrupted = self._trials(memory, rows.of_rows(world), part)
        found = self._recall(memory, corrupted)
        scores = _agreement(found, stored)
        told = {
            "patterns": len(stored) // self.config.trials,
            "flipped": self.config.flip,
            "judged": "the stored patterns (training rows), corrupted anew for this part",
        }
        return Scored(part, "trial", scores, tuple(score.value for score in scores.values()), told)

    def _trials(self, memory: Associative, world: Rows, part: str) -> tuple[Tensor, Tensor]:
        """The stored patterns, each as often as it is tried, and their corruptions, `[trials, units]` each."""
        stored = memory.states(world.take(_some(world.rows("train"), LARGEST_SET))["input"])
        stored = stored.repeat_interleave(self.config.trials, dim=0)
        return stored, corrupt(stored, self.config.flip, generator(0, f"corruptions for {part}"))

    def _recall(self, memory: Associative, states: Tensor) -> Tensor:
        return memory.recall(states, asynchronous=self.config.asynchronous, sweeps=self.config.sweeps)

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return the corrupted pattern itself, and the stored pattern nearest to it (which keeps all of them)."""
        world = rows.of_rows(world)
        patterns = world.take(_some(world.rows("train"), LARGEST_SET))["input"].flatten(1)
        patterns = (patterns > 0).float() * 2 - 1
        stored = patterns.repeat_interleave(self.config.trials, dim=0)
        corrupted = corrupt(stored, self.config.flip, generator(0, f"corruptions for {part}"))
        nearest = patterns[(corrupted @ patterns.T).argmax(dim=1)]
        return {
            "corrupted": (_agreement(corrupted, stored), 0),
            "nearest_pattern": (_agreement(nearest, stored), len(patterns)),
        }

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Return patterns before and after recall, and what loads a net of random patterns can bear."""
        memory, world = _associative(model), rows.of_rows(world)
        shown: list[Exhibit] = [_capacity()]
        if self.input.is_picture:
            stored = memory.states(world.take(_some(world.rows("train"), SHOWN))["input"])
            corrupted = corrupt(stored, self.config.flip, generator(0, "corruptions to show"))
            lines = [
                ((states + 1) / 2).cpu().numpy() for states in (stored, corrupted, self._recall(memory, corrupted))
            ]
            caption = f"Of each pattern {self.config.flip:.0%} of the units were flipped; the net was left to settle."
            pixels = np.stack([line.reshape(-1, *self.input.shape) for line in lines])
            shown.insert(0, Images("recall", "Recall", caption, pixels, ("stored", "corrupted", "recalled")))
        return shown

    def examples(self, world: World, num: int) -> NDArray[Any]:
        """Return raw rows that were not stored, where there are any."""
        return rows.examples(world, num)

    def respond(self, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
        """Return where raw rows come to rest when all units are renewed at once: that draws nothing."""
        memory = _associative(model)
        states = memory.states(preprocessing.apply("input", raw))
        found = memory.recall(states, asynchronous=False, sweeps=self.config.sweeps)
        return {"recalled": found, "energy": memory.energy(found)}

    def answer(
        self, model: nn.Module, preprocessing: Preprocessing, examples: NDArray[Any], inputs: Any, settings: Base
    ) -> list[Answer]:
        """Recall what is given (the examples where nothing is), with a share of its units flipped if asked."""
        assert isinstance(settings, Asking)
        memory = _associative(model)
        answers: list[Answer] = []
        for given in rows.read(inputs, self.input, examples):
            if given.values is None:
                answers.append(Answer({"input": given.names[0], "error": given.error}))
                continue
            states = memory.states(preprocessing.apply("input", tensor_of(given.values)))
            begun = corrupt(states, settings.flip, generator(settings.seed, "asked"))
            found = memory.recall(begun, asynchronous=False, sweeps=self.config.sweeps)
            energies, changed = memory.energy(found), (found != begun).sum(dim=1)
            for place, name in enumerate(given.names):
                values = {"input": name, "changed_units": int(changed[place]), "energy": float(energies[place])}
                pair = (torch.stack([begun[place], found[place]]) + 1) / 2
                picture = (
                    grid(sheet(pair.numpy().reshape(-1, *self.input.shape), 2))[None] if self.input.is_picture else None
                )
                answers.append(Answer(values, picture))
        return answers


def corrupt(states: Tensor, share: float, random: torch.Generator) -> Tensor:
    """Return states `[rows, units]` with exactly that share of each row's units flipped, chosen at random."""
    num = round(share * states.shape[1])
    chosen = torch.rand(states.shape, generator=random).argsort(dim=1)[:, :num].to(states.device)
    return states.scatter(1, chosen, -states.gather(1, chosen))


def _agreement(found: Tensor, stored: Tensor) -> dict[str, Score]:
    """The share of trials that end in the pattern, and the mean product of units that should be equal."""
    return {
        "recalled": mean_score((found == stored).all(dim=1).cpu().numpy(), "max", "wilson"),
        "overlap": mean_score((found * stored).mean(dim=1).cpu().numpy(), "max"),
    }


def _capacity() -> Curves:
    """How well random patterns are kept as more of them are stored."""
    measured = overlaps(UNITS, LOADS)
    return Curves(
        "capacity",
        "How much a net can hold",
        f"Nets of {UNITS} units and random patterns, this many per unit stored by Hebb's rule: a net is put into each "
        "pattern and left to settle. Up to the mark it stays near; beyond, it loses all of them at once. Pictures "
        "resemble one another and are lost far earlier than random patterns.",
        "patterns per unit",
        "mean overlap with the pattern, share kept exactly",
        LOADS,
        {"overlap": [both[0] for both in measured], "kept exactly": [both[1] for both in measured]},
        marks={"capacity (Amit, Gutfreund & Sompolinsky)": CAPACITY},
    )


def _some(chosen: Tensor, most: int) -> Tensor:
    """All rows, or an even sample of them."""
    return chosen if len(chosen) <= most else chosen[:: -(-len(chosen) // most)]


def _associative(model: nn.Module) -> Associative:
    if not isinstance(model, Associative):
        raise PellucidError(
            f"task.name = 'recall' asks a memory to settle, and {type(model).__name__} cannot. "
            "Choose model.name = 'hopfield'."
        )
    return model
