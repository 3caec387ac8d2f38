"""A convolutional network over words: which short phrases occur anywhere in a document.

Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014, arXiv:1408.5882. Each token is looked
up as a vector; filters of several widths slide over the vectors; of each filter only its largest answer in the whole
document is kept; a linear map reads these, behind dropout.

Where we differ: the vectors begin at random (Kim's "rand"; his other variants begin from word2vec), there is weight
decay in place of a limit on the norms of the output's weights, and tokens can be dropped in training. The largest
answers are looked for without a graph, and only the windows that gave them are computed again with one: the gradient is
the same, for a maximum passes it to one window only, and most of the backward pass is spared.
"""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.inputs import vocabulary_size
from pellucid.spec import Spec

REACH = 0.25
"""Vectors begin evenly spread between minus this and this, as in the paper (section 3.1)."""

# axes: B rows, T tokens, D numbers of a vector, M maps (filters of one width), W width, O outputs


class Config(catalogue.Config):
    """Settings of the convolutional network over words."""

    embedding: int = Field(64, ge=1)
    """Numbers that stand for a token. Kim's 300 were learned from far more text than most people have."""
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field((2, 3, 4), min_length=1)
    """Tokens that the filters look at together: one kind of filters per width."""
    maps: int = Field(64, ge=1)
    """Filters of each width."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Share of the filters' answers silenced in training, as in the paper."""
    token_dropout: float = Field(0.1, ge=0, lt=1)
    """Share of the tokens that become the unknown one in training, drawn anew at each step: the augmentation of texts.
    It teaches not to hang on single words, and what an unknown word is."""


class Filters(nn.Module):
    """Filters of one width over vectors, the largest answer of each, never below zero."""

    def __init__(self, embedding: int, maps: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.convolution = nn.Conv1d(embedding, maps, width)

    def forward(self, embedding: nn.Embedding, tokens: Int[Tensor, "batch tokens"]) -> Float[Tensor, "batch maps"]:
        """Return the largest answer of each filter to a window that begins at a token; zero where there is none."""
        padded = F.pad(tokens, (0, self.width - 1))  # (B, T + W - 1)
        with torch.no_grad():
            answers = self.convolution(F.embedding(padded, embedding.weight).transpose(1, 2))  # (B, M, T)
            answers.masked_fill_((tokens == 0)[:, None], float("-inf"))
            best = answers.argmax(dim=2)  # (B, M)
        places = best[:, :, None] + torch.arange(self.width, device=tokens.device)  # (B, M, W)
        windows = embedding(padded.gather(1, places.flatten(1)))  # (B, M W, D)
        windows = windows.view(*places.shape, -1)  # (B, M, W, D)
        weight = self.convolution.weight.transpose(1, 2)  # (M, W, D)
        sums = (windows * weight).sum(dim=(2, 3)) + self.convolution.bias  # (B, M)
        return F.relu(sums) * (tokens != 0).any(dim=1, keepdim=True)


class TextConvNet(nn.Module):
    """Embedding, filters of several widths, the largest answer of each, logits."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size(spec, "text_convnet"), config.embedding, padding_idx=0)
        with torch.no_grad():
            self.embedding.weight[1:].uniform_(-REACH, REACH)
        self.filters = nn.ModuleList(Filters(config.embedding, config.maps, width) for width in config.widths)
        self.token_dropout = config.token_dropout
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.maps * len(config.widths), spec.num_outputs)

    def forward(self, tokens: Int[Tensor, "batch tokens"]) -> Float[Tensor, "batch outputs"]:
        """Return logits of the classes, or the predicted numbers."""
        if self.training and self.token_dropout:
            dropped = (torch.rand(tokens.shape, device=tokens.device) < self.token_dropout) & (tokens != 0)
            tokens = tokens.masked_fill(dropped, 1)  # the unknown token
        largest = torch.cat([filters(self.embedding, tokens) for filters in self.filters], dim=1)  # (B, widths M)
        outputs: Tensor = self.output(self.dropout(largest))  # (B, O)
        return outputs
