"""Drawing the next token: how sharp, from how many of the likeliest; pure functions, the generator passed in.

Top-k: A. Fan, M. Lewis, Y. Dauphin 2018. Top-p, the nucleus: A. Holtzman et al. 2019, arXiv:1904.09751.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pellucid.nn.sequence import Sequential, State


def filtered(logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> Tensor:
    """Return the probabilities to draw from, `[rows, vocabulary]`.

    Args:
        logits: `[rows, vocabulary]`.
        temperature: what they are divided by: below 1 sharpens, above 1 flattens; 0 leaves the likeliest token alone.
        top_k: how many of the likeliest are left.
        top_p: the likeliest that together hold this probability are left, one at least.
    """
    logits = logits.double()
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).double()
    logits = logits - logits.max(dim=-1, keepdim=True).values  # so that no temperature overflows
    ordered, places = (logits / temperature).sort(dim=-1, descending=True, stable=True)
    if top_k is not None:
        ordered[:, top_k:] = -math.inf
    if top_p is not None:
        probabilities = ordered.softmax(dim=-1)
        before = probabilities.cumsum(dim=-1) - probabilities  # what the likelier ones hold already
        ordered[before >= top_p] = -math.inf
    return torch.zeros_like(ordered).scatter_(-1, places, ordered.softmax(dim=-1))


def proceed(
    model: Sequential,
    prompt: Tensor,
    length: int,
    generator: torch.Generator,
    *,
    never: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Return the tokens that follow a prompt, `[rows, length]`, drawn one by one.

    The model remembers what it has read. Where it can look back on `context` tokens only and they are full, it begins
    anew with the later half of them.

    Args:
        prompt: `[rows, tokens]`, one token at least.
        generator: on the CPU.
        never: the token that is never drawn: the one for unknown characters.
    """
    read, drawn = prompt, []
    state: State | None = None
    unread = prompt if model.context is None else prompt[:, -model.context :]
    held = unread.shape[1]
    for _ in range(length):
        if model.context is not None and held > model.context:
            unread, state = read[:, -max(1, model.context // 2) :], None
            held = unread.shape[1]
        logits, state = model(unread, state)
        last = logits[:, -1].float()
        last[:, never] = -math.inf
        probabilities = filtered(last.cpu(), temperature, top_k, top_p)
        unread = torch.multinomial(probabilities, 1, generator=generator).to(prompt.device)  # (rows, 1)
        held += 1
        drawn.append(unread)
        read = torch.cat([read[:, -(model.context or 1) :], unread], dim=1)
    return torch.cat(drawn, dim=1)
