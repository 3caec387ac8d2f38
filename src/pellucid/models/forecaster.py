"""The forecaster: what is added to the last value of a series, told from its window.

A. Zeng, M. Chen, L. Zhang, Q. Xu, "Are Transformers Effective for Time Series Forecasting?", AAAI 2023, arXiv
2205.13504: their NLinear subtracts the last value from a window, maps what is left by one linear layer, and adds the
value again. So the net starts from persistence, which is hard to beat one step ahead, and a series may drift to levels
that training did not have.

Where we differ: hidden layers stand beside the linear map, for what is not linear (`hidden = []` is the paper's
net); channels beside the target's own are read too, as they are; and the last value passes through a
weight that starts at 1 and a bias that starts at 0, because windows and targets are standardised by their own means.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.errors import ShapeError
from pellucid.nn.activations import ActivationName
from pellucid.nn.hidden import HiddenLayer
from pellucid.nn.inputs import flat_size
from pellucid.spec import Spec

# axes: B rows, C channels of which the first is the target's past, T steps, I = C * T, O outputs


class Config(catalogue.Config):
    """Settings of a forecaster."""

    hidden: tuple[Annotated[int, Field(gt=0)], ...] = (64,)
    """Units of each hidden layer beside the linear map, first to last; none is a linear model."""
    activation: ActivationName = "relu"
    """What a hidden unit does with its sum."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share of hidden units silenced at random in training; neighbouring windows are nearly the same row."""


class Forecaster(nn.Module):
    """The last value, a linear map of the window relative to it, and hidden layers on the same."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        size = flat_size(spec, "forecaster")
        if len(spec.input.shape) < 2:
            raise ShapeError(
                f"forecaster reads windows (channels, steps), but rows have shape {spec.input.shape}. Choose mlp or "
                "tabular, or give it a series (data.kind = 'series')."
            )
        self.last = nn.Linear(1, spec.num_outputs)
        self.linear = nn.Linear(size, spec.num_outputs, bias=False)
        widths = (size, *config.hidden)
        self.hidden = nn.Sequential(
            *(
                HiddenLayer(
                    num_inputs,
                    num_units,
                    activation_name=config.activation,
                    pieces=2,
                    norm="none",
                    dropout=config.dropout,
                )
                for num_inputs, num_units in pairwise(widths)
            )
        )
        self.output = nn.Linear(widths[-1], spec.num_outputs, bias=False) if config.hidden else None
        nn.init.ones_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        for weights in [self.linear.weight, *([self.output.weight] if self.output is not None else [])]:
            nn.init.normal_(weights, std=0.1 / weights.shape[1] ** 0.5)  # the first forecasts are nearly persistence

    def forward(self, x: Float[Tensor, "batch channels *shape"]) -> Float[Tensor, "batch outputs"]:
        """Return the predicted numbers."""
        past = x[:, 0].flatten(1)  # (B, T)
        last = past[:, -1:]  # (B, 1)
        relative = torch.cat([past - last, x[:, 1:].flatten(1)], dim=1)  # (B, I)
        outputs: Tensor = self.last(last) + self.linear(relative)  # (B, O)
        if self.output is not None:
            outputs = outputs + self.output(self.hidden(relative))
        return outputs
