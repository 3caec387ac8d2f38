"""Density: how probable a model finds rows that it has not seen.

The log-likelihood of a row is -F(v) - log Z, in nats. Z is summed exactly where one side of the machine has at most 20
units; else annealed importance sampling estimates it (R. Salakhutdinov, I. Murray, ICML 2008). Validation uses
`temperatures`, the test part the larger `test_temperatures`; the result says which, and the estimate's standard error.

What to watch follows G. Hinton, "A practical guide to training restricted Boltzmann machines", 2010: the free energy of
held-out rows minus that of as many training rows. Z is the same for both, so that the gap is exactly the training
rows' advantage in nats per row; it needs no estimate and grows as soon as the machine learns rows by heart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
from pellucid.errors import DataError, PellucidError
from pellucid.exhibit import Exhibit, Signal
from pellucid.nn.energy import Restricted, draw, is_binary
from pellucid.nn.partition import annealed, enumerable, exact
from pellucid.randomness import undisturbed
from pellucid.spec import Spec
from pellucid.tasks import rows
from pellucid.tasks.density_baselines import Distribution, independent, mixture
from pellucid.tasks.density_pictures import pictures
from pellucid.tasks.score import Score, mean_score
from pellucid.tasks.task import Answer, Scored


class Config(Base):
    """Settings of the estimate of the likelihood, where it cannot be summed exactly."""

    chains: int = Field(100, ge=2)
    """Annealed chains: the standard error falls with their root. 100 is the papers' number."""
    temperatures: int = Field(2000, ge=1)
    """Steps of annealing at each validation: a nat or two off, some seconds for 500 hidden units."""
    test_temperatures: int = Field(10_000, ge=1)
    """Steps of annealing where the test part is opened: the number that is published."""


class Asking(Base):
    """What to draw where no input is given."""

    samples: int = Field(64, ge=1, le=4096)
    """How many."""
    steps: int = Field(1000, ge=0)
    """Steps of Gibbs sampling from noise. Too few still show the noise, or only what is easily reached."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Which samples."""


class Density:
    """The likelihood of rows under a machine of binary units. A target, if there is one, is ignored."""

    primary = "log_likelihood"
    asking: type[Base] = Asking
    signals: tuple[Signal, ...] = (
        Signal(
            "reconstruction_error",
            "Reconstruction error",
            "Mean squared difference per unit between held-out rows and what one step down from their features gives. "
            "Cheap to follow and no likelihood: it also falls where chains hardly move.",
            high=0.25,
            when_high="Worse than calling every unit a coin: lower the learning rate.",
        ),
        Signal(
            "free_energy_gap",
            "Free-energy gap",
            "Free energy of held-out rows minus that of training rows: by how many nats per row the machine likes the "
            "rows better that it has seen.",
            high=5.0,
            when_high="It learns rows by heart: stop earlier, take fewer hidden units, or weight decay.",
        ),
    )

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.input.kind not in ("image", "number"):
            raise DataError(
                f"task.name = 'density' asks how probable rows of units that are on or off are, and the input is of "
                f"kind {spec.input.kind!r}. Choose a task for such data."
            )
        self.config = config
        self.input = spec.input

    def check(self, model: nn.Module, world: World) -> None:
        """A machine of visible and hidden units over rows."""
        rows.of_rows(world)
        _restricted(model)

    def source(self, model: nn.Module) -> str:
        """Every training row once an epoch."""
        return "shuffled"

    def look(self, model: nn.Module, world: World, part: str) -> Scored:
        """Return the log-likelihood of a part, the free-energy gap to the training rows, and the reconstruction."""
        machine, world = _restricted(model), rows.of_rows(world)
        with torch.autocast(world.device, enabled=False):  # energies are sums of hundreds of numbers
            held_out, error = _of_rows(machine, world, world.rows(part))
            train = world.rows("train")
            num = min(len(held_out), len(train))
            seen, _ = _of_rows(machine, world, train[:: len(train) // num][:num])
            log_z, told = self._log_z(machine, world, part)
        pairs = np.stack([held_out[:num], seen, np.ones(num)], axis=1)
        likelihood = mean_score(-held_out - log_z, "max")
        scores = {
            "log_likelihood": replace(likelihood, standard_error=told["log_z_standard_error"]),
            "reconstruction_error": mean_score(error, "min"),
            "free_energy_gap": Score(pairs, "mean_difference", "min"),
        }
        return Scored(part, "row", scores, (scores["log_likelihood"].value,), told)

    def _log_z(self, machine: Restricted, world: Rows, part: str) -> tuple[float, dict[str, Any]]:
        """Log Z, and how it was found."""
        if enumerable(machine):
            log_z = exact(machine)
            return log_z, {"log_z": log_z, "log_z_by": "enumeration", "log_z_standard_error": 0.0}
        temperatures = self.config.test_temperatures if part == "test" else self.config.temperatures
        rates = base_rates(world)
        found = annealed(machine, rates, chains=self.config.chains, temperatures=temperatures)
        return found.log_z, {
            "log_z": found.log_z,
            "log_z_by": "annealed importance sampling",
            "log_z_standard_error": found.standard_error,
            "chains": self.config.chains,
            "temperatures": temperatures,
        }

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return units on their own, and a mixture of such."""
        world = rows.of_rows(world)
        train = world.take(world.rows("train"))["input"].flatten(1)
        judged = world.take(world.rows(part))["input"].flatten(1)
        found = {"independent_units": independent(train), "mixture": mixture(train)}
        return {name: (_judge(distribution, judged), len(train)) for name, distribution in found.items()}

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Return what hidden units look for, and chains from noise and from data."""
        return pictures(_restricted(model), rows.of_rows(world)) if self.input.is_picture else []

    def examples(self, world: World, num: int) -> NDArray[Any]:
        """Return raw rows of the validation part."""
        return rows.examples(world, num)

    def respond(self, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
        """Return each row's reconstruction by its features, and its free energy."""
        machine = _restricted(model)
        visible = preprocessing.apply("input", raw).flatten(1)
        with torch.autocast(visible.device.type, enabled=False):
            return {
                "reconstruction": machine.visible(machine.hidden(visible)),
                "free_energy": machine.free_energy(visible),
            }

    def answer(
        self, model: nn.Module, preprocessing: Preprocessing, examples: NDArray[Any], inputs: Any, settings: Base
    ) -> list[Answer]:
        """Draw samples where nothing is given; else reconstruct what is."""
        assert isinstance(settings, Asking)
        if inputs is None:
            return [self._samples(_restricted(model), settings)]
        found: list[Answer] = []
        for given in rows.read(inputs, self.input, examples):
            if given.values is None:
                found.append(Answer({"input": given.names[0], "error": given.error}))
                continue
            raw = tensor_of(given.values)
            visible = preprocessing.apply("input", raw).flatten(1)
            outputs = self.respond(model, preprocessing, raw)
            errors = (visible - outputs["reconstruction"]).square().mean(dim=1)
            for place, name in enumerate(given.names):
                pair = torch.stack([visible[place], outputs["reconstruction"][place]]).numpy()
                values = {
                    "input": name,
                    "reconstruction_error": round(float(errors[place]), 6),
                    "free_energy": round(float(outputs["free_energy"][place]), 4),
                }
                picture = grid(sheet(pair.reshape(-1, *self.input.shape), 2))[None] if self.input.is_picture else None
                found.append(Answer(values, picture))
        return found

    def _samples(self, machine: Restricted, settings: Asking) -> Answer:
        """Chains from noise, as one picture or as numbers."""
        with undisturbed(settings.seed), torch.autocast(machine.weights.device.type, enabled=False):
            start = torch.full((settings.samples, machine.weights.shape[1]), 0.5, device=machine.weights.device)
            visible = probability = draw(start)
            for _ in range(settings.steps):
                probability = machine.visible(draw(machine.hidden(visible)))
                visible = draw(probability)
        told = {"input": "noise", "samples": settings.samples, "steps": settings.steps, "seed": settings.seed}
        if not self.input.is_picture:
            return Answer({**told, "rows": visible.int().tolist()})
        return Answer(told, grid(sheet(probability.cpu().numpy().reshape(-1, *self.input.shape)))[None])


def base_rates(world: Rows) -> Tensor:
    """Return how often each unit is on in the training rows, as if one row more were on and one off, `[units]`."""
    total = torch.zeros(world.spec.input.size, device=world.device)  # whole numbers: exact
    for batch in world.batches("train"):
        total += batch["input"].flatten(1).sum(dim=0)
    return (total + 1) / (world.size("train") + 2)


def _of_rows(machine: Restricted, world: Rows, chosen: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The free energy of rows, and their mean squared error after one step up and down."""
    energies, errors = [], []
    for some in torch.split(chosen, rows.BATCH_ROWS):
        visible = world.take(some)["input"].flatten(1)
        if not is_binary(visible):
            raise DataError(
                "task.name = 'density' is about units that are on or off, and the inputs are not all 0 or 1. "
                "Set prepare.binarize=true, which cuts inputs of 0 to 1 at a half."
            )
        energies.append(machine.free_energy(visible))
        errors.append((visible - machine.visible(machine.hidden(visible))).square().mean(dim=1))
    return tuple(torch.cat(parts).cpu().double().numpy() for parts in (energies, errors))  # type: ignore[return-value]


def _judge(distribution: Distribution, judged: Tensor) -> dict[str, Score]:
    error = (judged - distribution.reconstruct(judged)).square().mean(dim=1)
    return {
        "log_likelihood": mean_score(distribution.log_likelihood(judged).cpu().numpy(), "max"),
        "reconstruction_error": mean_score(error.cpu().numpy(), "min"),
    }


def _restricted(model: nn.Module) -> Restricted:
    if not isinstance(model, Restricted):
        raise PellucidError(
            f"task.name = 'density' asks for the energy of visible and hidden units, and {type(model).__name__} has "
            "none. Choose model.name = 'rbm'."
        )
    return model
