"""Small restricted Boltzmann machines with weights that matter, and all of their states."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from pellucid.models.rbm import Config, RestrictedBoltzmannMachine
from pellucid.spec import Field, Spec


def machine(visible: int, hidden: int, size: float = 1.0, seed: int = 0) -> RestrictedBoltzmannMachine:
    made = RestrictedBoltzmannMachine(Config(hidden=hidden), Spec(Field("number", (visible,))))
    random = torch.Generator().manual_seed(seed)
    for parameter in made.parameters():
        parameter.data = size * torch.randn(parameter.shape, generator=random)
    return made


def states(units: int) -> Tensor:
    """All `[2**units, units]` states."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=units)))
