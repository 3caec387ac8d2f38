"""A language model of long short-term memories, as in the character models that made them popular.

S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997, doi:10.1162/neco.1997.9.8.1735; as
a character model: A. Karpathy, "The unreasonable effectiveness of recurrent neural networks", 2015. Each character is
looked up as a vector, the layers carry what they remember from character to character, and a linear map gives the
logits of the next one.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.inputs import vocabulary_size
from pellucid.nn.lstm import ReadableLSTM, remember_at_first
from pellucid.nn.sequence import State
from pellucid.spec import Spec

# axes: B rows, T characters, H hidden units, V vocabulary


class Config(catalogue.Config):
    """Settings of an LSTM language model."""

    embedding: int = Field(64, ge=1)
    """Numbers that stand for a character; a few dozen tell a hundred characters apart."""
    hidden: int = Field(512, ge=1)
    """Units per layer: what it can remember. Twice as many cost four times as much."""
    layers: int = Field(1, ge=1)
    """Layers, each reading the one below; a second one helps little on a million characters."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of a layer's outputs that is dropped while training, between layers and before the logits."""
    cell: Literal["fused", "readable"] = "fused"
    """fused is torch's; readable is the same equations written out, for looking inside, many times slower."""


class LSTM(nn.Module):
    """Embedding, layers of memory, logits."""

    context = None

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        size = vocabulary_size(spec, "lstm")
        self.hidden, self.layers = config.hidden, config.layers
        self.embedding = nn.Embedding(size, config.embedding)
        between = config.dropout if config.layers > 1 else 0.0  # torch warns of dropout after the last layer
        self.memory: nn.Module = (
            ReadableLSTM(config.embedding, config.hidden, config.layers, between)
            if config.cell == "readable"
            else nn.LSTM(config.embedding, config.hidden, config.layers, batch_first=True, dropout=between)
        )
        remember_at_first(self.memory, config.hidden, config.layers)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden, size)

    def initial_state(self, rows: int) -> State:
        """Return zeros, `[layers, rows, hidden]` twice: the memory of nothing."""
        zeros = torch.zeros(self.layers, rows, self.hidden, device=self.output.weight.device)
        return zeros, zeros

    def forward(
        self, tokens: Int[Tensor, "batch steps"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch steps vocabulary"], State]:
        """Return the logits of the next character at each place, and the memory after the last one."""
        memory = self.initial_state(len(tokens)) if state is None else state
        vectors = self.embedding(tokens)  # (B, T, embedding)
        remembered, memory = self.memory(vectors, memory)  # (B, T, H)
        logits: Tensor = self.output(self.dropout(remembered))  # (B, T, V)
        return logits, memory
