"""A small convolutional network: the first one to try on images of any size.

The idea is Y. LeCun et al., "Backpropagation Applied to Handwritten Zip Code Recognition", Neural Computation 1, 1989,
doi:10.1162/neco.1989.1.4.541: a unit sees a small window, all windows share their weights, and resolution falls as the
number of maps grows. Each stage is a 3 x 3 convolution, a norm, an activation and a halving; a linear map reads what is
left.

Where we differ: 1989 had strided 5 x 5 windows, tanh and no norm. This is the same plan with the parts of 2015, which
train in seconds: batch norm (Ioffe & Szegedy), ReLU and max pooling.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.activations import ActivationName, activation, sums_per_unit
from pellucid.nn.initialisers import InitialiserName, initialise
from pellucid.nn.inputs import image_shape
from pellucid.nn.norms import NormName, image_norm
from pellucid.spec import Spec

# axes: B rows, C channels (maps), H height, W width, O outputs


class Config(catalogue.Config):
    """Settings of the small convolutional network."""

    widths: tuple[Annotated[int, Field(gt=0)], ...] = Field((32, 64), min_length=1)
    """Maps of each stage, first to last; every stage halves the image, so two stages work from 4 x 4 pixels on."""
    activation: ActivationName = "relu"
    """What follows each convolution; ReLU is the cheapest and trains well behind a norm."""
    initialiser: InitialiserName = "default"
    """How the weights start; behind a norm their size hardly matters, and PyTorch's own starts near the loss of knowing
    nothing. Take he where there is no norm."""
    norm: NormName = "batch"
    """What normalises the maps; batch norm allows the large steps that make training a matter of seconds."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the last features silenced at random in training; zero until the net is seen to overfit."""


class Stage(nn.Module):
    """A 3 x 3 convolution, a norm, the activation and a halving."""

    def __init__(self, in_channels: int, out_channels: int, *, activation_name: str, norm: str) -> None:
        super().__init__()
        num_sums = out_channels * sums_per_unit(activation_name)
        bias = norm != "batch"  # batch norm would subtract it again
        self.convolution = nn.Conv2d(in_channels, num_sums, kernel_size=3, padding=1, bias=bias)
        self.norm = image_norm(norm, num_sums)
        self.activation = activation(activation_name)
        self.pool = nn.MaxPool2d(2)

    def forward(
        self, x: Float[Tensor, "batch in_channels height width"]
    ) -> Float[Tensor, "batch out_channels half_height half_width"]:
        """Return the maps at half the height and width, rounded down."""
        maps: Tensor = self.pool(self.activation(self.norm(self.convolution(x))))
        return maps


class ConvNet(nn.Module):
    """Stages that halve the image, then a linear map of all that is left."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        halving = 2 ** len(config.widths)
        channels, height, width = image_shape(spec, "convnet", smallest=halving)
        self.stages = nn.Sequential(
            *(
                Stage(in_channels, out_channels, activation_name=config.activation, norm=config.norm)
                for in_channels, out_channels in pairwise((channels, *config.widths))
            )
        )
        self.dropout = nn.Dropout(config.dropout) if config.dropout else nn.Identity()
        num_features = config.widths[-1] * (height // halving) * (width // halving)
        self.output = nn.Linear(num_features, spec.num_outputs)
        initialise(self, config.initialiser)

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch outputs"]:
        """Return logits of the classes, or the predicted numbers."""
        maps = self.stages(x)  # (B, C, H / 2^stages, W / 2^stages)
        outputs: Tensor = self.output(self.dropout(maps.flatten(1)))  # (B, O)
        return outputs
