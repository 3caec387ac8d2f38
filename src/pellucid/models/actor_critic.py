"""Actor and critic: what to do, and what to expect, from one observation.

A. Barto, R. Sutton, C. Anderson 1983 have the two parts. The form is the one that large comparisons settled on:
two separate perceptrons of two layers of 64 tanh units (Engstrom et al. 2020, arXiv:2005.12729; Andrychowicz et al.
2020, arXiv:2006.05990), weights that start orthogonal with gain sqrt 2, a last layer of the policy with gain 0.01, so
that it starts almost even over the actions, one of the value with gain 1, and observations normalised by their running
mean and deviation.

Where we differ: nothing is shared between the two nets, as in these papers for small observations; Mnih et al. 2016
share all layers but the last, for images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.activations import activation
from pellucid.nn.inputs import flat_size
from pellucid.nn.running import RunningNorm
from pellucid.spec import Spec

# axes: B rows, O numbers of an observation, A actions


class Config(catalogue.Config):
    """Settings of an actor and its critic."""

    hidden: tuple[Annotated[int, Field(gt=0)], ...] = Field((64, 64), min_length=1)
    """Units of each hidden layer, of the policy and of the value alike; 64 twice suits a dozen numbers."""
    activation: Literal["tanh", "relu", "elu", "gelu"] = "tanh"
    """What a hidden unit does with its sum; tanh did best in the comparison of Andrychowicz et al."""
    normalise: bool = True
    """Normalise observations by the running mean and deviation of those that training has seen."""


class Opinion(NamedTuple):
    """What the two nets say: logits of the actions `(B, A)`, and the expected return `(B,)`."""

    logits: Float[Tensor, "batch actions"]
    values: Float[Tensor, " batch"]


class ActorCritic(nn.Module):
    """A policy and a value behind one normaliser."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        inputs = flat_size(spec, "actor_critic")
        self.normaliser = RunningNorm(spec.input.shape) if config.normalise else None
        self.policy = perceptron((inputs, *config.hidden, spec.num_outputs), config.activation, last_gain=0.01)
        self.value = perceptron((inputs, *config.hidden, 1), config.activation, last_gain=1.0)

    def forward(self, observations: Float[Tensor, "batch *shape"]) -> Opinion:
        """Return logits of the actions and the expected return of each observation."""
        if self.normaliser is not None:
            observations = self.normaliser(observations)
        rows = observations.flatten(1)  # (B, O)
        return Opinion(self.policy(rows), self.value(rows)[:, 0])

    def absorb(self, observations: Float[Tensor, "batch *shape"]) -> None:
        """Let the normaliser take note of training observations."""
        if self.normaliser is not None:
            self.normaliser.absorb(observations)


def perceptron(widths: Sequence[int], activation_name: str, *, last_gain: float) -> nn.Sequential:
    """Return linear maps between the widths with an activation between them, orthogonal, biases zero."""
    layers: list[nn.Module] = []
    for place, (inputs, outputs) in enumerate(pairwise(widths)):
        is_last = place == len(widths) - 2
        linear = nn.Linear(inputs, outputs)
        nn.init.orthogonal_(linear.weight, last_gain if is_last else math.sqrt(2))
        nn.init.zeros_(linear.bias)
        layers += [linear] if is_last else [linear, activation(activation_name)]
    return nn.Sequential(*layers)
