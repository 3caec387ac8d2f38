"""GPT: a transformer that reads from left to right.

A. Radford et al., "Language models are unsupervised multitask learners", 2019 (GPT-2), after A. Vaswani et al.,
"Attention is all you need", 2017, arXiv:1706.03762. Characters and places are looked up as vectors; each block lets
every place look back at all places before it, and then thinks about each on its own. Norms stand before what they
feed; the table of characters is also what the logits are made with; the maps that write back into the stream start
smaller, by the root of how many there are.

Where we differ: characters where the paper has byte pairs, and dropout spares the weights of attention. The character
size of A. Karpathy's nanoGPT is `layers=6 heads=6 width=384` with a context of 256; the default is one that two
processor cores train in minutes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from pellucid import catalogue
from pellucid.nn.inputs import vocabulary_size
from pellucid.nn.sequence import State
from pellucid.spec import Spec

# axes: B rows, T characters, D width, V vocabulary


class Config(catalogue.Config):
    """Settings of a GPT. The context is the recipe's `prepare.context`."""

    layers: int = Field(4, ge=1)
    """Blocks, one after another."""
    heads: int = Field(4, ge=1)
    """Ways of looking back in each block; they share the width."""
    width: int = Field(128, ge=1)
    """Numbers that stand for a place in the stream."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of values dropped while training, after the tables and before each write to the stream. 0.2 once a net
    can learn its text by heart."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Config:
        if self.width % self.heads:
            fitting = ", ".join(str(heads) for heads in range(1, self.width + 1) if self.width % heads == 0)
            raise ValueError(f"heads that divide width = {self.width} (here heads = {self.heads}): one of {fitting}")
        return self


Known = tuple[Tensor, Tensor]
"""Keys and values of one block."""


class Attention(nn.Module):
    """Every place asks all places before it and itself, in several heads, and takes what their answers weigh."""

    def __init__(self, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch steps width"], past: Known | None
    ) -> tuple[Float[Tensor, "batch steps width"], Known]:
        """Return what is written to the stream, and the keys and values of all places so far.

        Args:
            past: keys and values of the places before, each `[B, heads, past steps, D / heads]`.
        """
        B, T, D = x.shape
        split = self.queries_keys_values(x).view(B, T, 3, self.heads, D // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)  # each (B, heads, T, D / heads)
        if past is not None:
            keys, values = torch.cat([past[0], keys], dim=2), torch.cat([past[1], values], dim=2)
        # In fp32 on a processor: the backward pass of attention in bf16 is slower there.
        with torch.autocast(x.device.type, enabled=x.device.type != "cpu"):
            if x.device.type == "cpu":
                queries, keys, values = queries.float(), keys.float(), values.float()
            answers = F.scaled_dot_product_attention(
                queries, keys, values, attn_mask=_mask(T, keys.shape[2], x.device), is_causal=keys.shape[2] == T
            )  # (B, heads, T, D / heads)
        written = self.output(answers.transpose(1, 2).reshape(B, T, D))
        return self.dropout(written), (keys, values)


def _mask(steps: int, past_and_steps: int, device: torch.device) -> Tensor | None:
    """Which places each of the last `steps` may look at; None where the kernel knows by itself, or all may be seen."""
    if steps in (1, past_and_steps):
        return None
    places = torch.arange(past_and_steps, device=device)
    return places <= places[-steps:, None]  # (T, past + T)


class Block(nn.Module):
    """Attention, then two full layers at each place; both add to the stream."""

    def __init__(self, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width=width, heads=heads, dropout=dropout)
        self.thought_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch steps width"], past: Known | None
    ) -> tuple[Float[Tensor, "batch steps width"], Known]:
        """Return the stream with what the block has written to it, and the block's keys and values."""
        written, known = self.attention(self.attention_norm(x), past)
        x = x + written
        thought = self.narrow(F.gelu(self.widen(self.thought_norm(x)), approximate="tanh"))
        return x + self.dropout(thought), known


class GPT(nn.Module):
    """Tables, blocks, a norm, and logits by the table of characters."""

    def __init__(self, config: Config, spec: Spec) -> None:
        super().__init__()
        self.context: int = spec.input.shape[0]
        self.characters = nn.Embedding(vocabulary_size(spec, "gpt"), config.width)
        self.places = nn.Embedding(self.context, config.width)
        self.dropout = nn.Dropout(config.dropout)
        blocks = [Block(width=config.width, heads=config.heads, dropout=config.dropout) for _ in range(config.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(config.width)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        for block in blocks:
            for writer in (block.attention.output, block.narrow):
                nn.init.normal_(writer.weight, std=0.02 / (2 * config.layers) ** 0.5)

    def forward(
        self, tokens: Int[Tensor, "batch steps"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch steps vocabulary"], State]:
        """Return the logits of the next character at each place, and every block's keys and values.

        Args:
            state: of the places before; together they are at most `context`.
        """
        T, past = tokens.shape[1], 0 if state is None else state[0][0].shape[2]
        x = self.characters(tokens) + self.places(torch.arange(past, past + T, device=tokens.device))  # (B, T, D)
        x = self.dropout(x)
        known = []
        for number, block in enumerate(self.blocks):
            x, of_block = block(x, None if state is None else state[number])
            known.append(of_block)
        logits = F.linear(self.norm(x), self.characters.weight)  # (B, T, V)
        return logits, tuple(known)
