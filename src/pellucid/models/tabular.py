"""The tabular net: an embedding of every category, beside the numbers, into a multilayer perceptron.

C. Guo, F. Berkhahn, "Entity Embeddings of Categorical Variables", arXiv 1604.06737, 2016. A category with many values
is a point in a space of a few dimensions, which are learned with everything else, so that values which mean alike come
to lie close. A row arrives with each category spread over one column per value; an embedding is the linear map of
those columns, which picks the value's vector.

Where we differ: the paper's embeddings have dimensions chosen by hand; here they grow with the root of the number of
values. Without categories this is a multilayer perceptron.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.activations import ActivationName
from pellucid.nn.hidden import HiddenLayer
from pellucid.nn.inputs import flat_size
from pellucid.nn.norms import NormName
from pellucid.spec import Spec

# axes: B rows, I numbers of a row, K values of a category, D dimensions of its embedding, O outputs


class Config(catalogue.Config):
    """Settings of a tabular net."""

    hidden: tuple[Annotated[int, Field(gt=0)], ...] = Field((128, 64), min_length=1)
    """Units of each hidden layer, first to last."""
    embedding: int = Field(32, ge=1)
    """Dimensions of a category's embedding at most; twice the root of the number of its values where that is less."""
    activation: ActivationName = "relu"
    """What a hidden unit does with its sum."""
    norm: NormName = "none"
    """What normalises the sums of each hidden layer."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share of hidden units silenced at random in training; tables have few rows for the weights they meet."""


class TabularNet(nn.Module):
    """Embeddings and numbers side by side, hidden layers, one weighted sum per output."""

    places: Tensor

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        size, start = flat_size(spec, "tabular"), 0
        numbers: list[int] = []
        self.categories: list[tuple[int, int]] = []
        embeddings: list[nn.Linear] = []
        for feature in spec.input.features:
            if feature.levels:
                width = min(config.embedding, math.ceil(2 * math.sqrt(feature.width)))
                self.categories.append((start, feature.width))
                embeddings.append(nn.Linear(feature.width, width, bias=False))
            else:
                numbers += range(start, start + feature.width)
            start += feature.width
        places = torch.tensor(numbers if spec.input.features else range(size), dtype=torch.long)
        self.register_buffer("places", places, persistent=False)
        self.embeddings = nn.ModuleList(embeddings)
        read = len(self.places) + sum(embedding.out_features for embedding in embeddings)
        self.hidden = nn.Sequential(
            *(
                HiddenLayer(
                    num_inputs,
                    num_units,
                    activation_name=config.activation,
                    pieces=2,
                    norm=config.norm,
                    dropout=config.dropout,
                )
                for num_inputs, num_units in pairwise((read, *config.hidden))
            )
        )
        self.output = nn.Linear(config.hidden[-1], spec.num_outputs)
        for embedding in embeddings:  # as an embedding starts: a vector's size does not fall with K
            nn.init.normal_(embedding.weight, std=1 / math.sqrt(embedding.out_features))

    def forward(self, x: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch outputs"]:
        """Return logits of the classes, or the predicted numbers."""
        x = x.flatten(1)  # (B, I)
        embedded = [
            embedding(x[:, start : start + width])  # (B, K) -> (B, D)
            for (start, width), embedding in zip(self.categories, self.embeddings, strict=True)
        ]
        outputs: Tensor = self.output(self.hidden(torch.cat([x[:, self.places], *embedded], dim=1)))
        return outputs
