"""The multilayer perceptron: layers of units, each reading all units of the layer before.

D. Rumelhart, G. Hinton, R. Williams, "Learning representations by back-propagating errors", Nature 323, 1986,
doi:10.1038/323533a0. Between linear maps stands an activation, without which the whole would be one linear map. Every
hidden layer is the same block: weighted sums, a norm, the activation, dropout.

Where we differ: the paper's units are sigmoid and start at small random weights (`activation = "sigmoid"`,
`initialiser = "small_random"` bring that back); the defaults are today's. Any input is read as one long row of numbers.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.activations import ActivationName
from pellucid.nn.hidden import HiddenLayer
from pellucid.nn.initialisers import InitialiserName, initialise
from pellucid.nn.inputs import flat_size
from pellucid.nn.norms import NormName
from pellucid.spec import Spec

# axes: B rows, I inputs, U units of a hidden layer, O outputs


class Config(catalogue.Config):
    """Settings of a multilayer perceptron."""

    hidden: tuple[Annotated[int, Field(gt=0)], ...] = Field((256, 128), min_length=1)
    """Units of each hidden layer, first to last; two layers that narrow suit digits and most tables."""
    activation: ActivationName = "relu"
    """What a hidden unit does with its sum; ReLU is the cheapest and lets gradients through at any depth."""
    pieces: int = Field(2, ge=2)
    """For maxout only: how many sums each unit takes the largest of; two already give any convex bend."""
    initialiser: InitialiserName = "default"
    """How the weights start; PyTorch's own suits a few layers and starts near the loss of knowing nothing. Take he for
    many layers of ReLU, xavier for many of tanh, layer_sequential for anything deep."""
    norm: NormName = "none"
    """What normalises the sums of each hidden layer; a shallow net does not need one."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of hidden units silenced at random in training; zero until the net is seen to overfit."""


class MultilayerPerceptron(nn.Module):
    """Hidden layers, then one weighted sum per output."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        widths = (flat_size(spec, "mlp"), *config.hidden)
        self.hidden = nn.Sequential(
            *(
                HiddenLayer(
                    num_inputs,
                    num_units,
                    activation_name=config.activation,
                    pieces=config.pieces,
                    norm=config.norm,
                    dropout=config.dropout,
                )
                for num_inputs, num_units in pairwise(widths)
            )
        )
        self.output = nn.Linear(widths[-1], spec.num_outputs)
        initialise(self, config.initialiser)

    def forward(self, x: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch outputs"]:
        """Return logits of the classes, or the predicted numbers."""
        outputs: Tensor = self.output(self.hidden(x.flatten(1)))  # (B, I) -> (B, U) -> (B, O)
        return outputs
