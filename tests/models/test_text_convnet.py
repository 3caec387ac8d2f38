"""The convolutional net over words beside the plain way to compute it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.models.test_catalogue import accuracy_after
from torch import Tensor

from pellucid.errors import ShapeError
from pellucid.models import build
from pellucid.models.text_convnet import TextConvNet
from pellucid.spec import Field, Spec

CLASSES = Field("category", categories=("a", "b", "c"))
SPEC = Spec(Field("tokens", (40,), categories=tuple(map(str, range(50)))), CLASSES)


def model_of(**settings: Any) -> TextConvNet:
    model = build({"name": "text_convnet", **settings}, SPEC, seed=0)
    assert isinstance(model, TextConvNet)
    return model


def documents() -> Tensor:
    """Tokens `[6, 20]`: of all lengths, one of one token, one of none."""
    tokens = torch.randint(1, 50, (6, 20), generator=torch.Generator().manual_seed(0))
    for row, length in enumerate((20, 13, 5, 2, 1, 0)):
        tokens[row, length:] = 0
    return tokens


def plainly(model: TextConvNet, tokens: Tensor) -> Tensor:
    """All answers of all filters with a graph, and torch's own maximum."""
    largest = []
    for filters in model.filters:
        vectors = model.embedding(F.pad(tokens, (0, filters.width - 1)))
        answers = filters.convolution(vectors.transpose(1, 2)).masked_fill((tokens == 0)[:, None], -1e9)
        largest.append(F.relu(answers.max(dim=2).values))
    return model.output(torch.cat(largest, dim=1))


def test_outputs_and_gradients_are_those_of_the_plain_way() -> None:
    model = model_of(dropout=0, token_dropout=0, widths=[1, 2, 5], embedding=8, maps=7)
    parameters = list(model.parameters())
    outputs, expected = model(documents()), plainly(model, documents())
    torch.testing.assert_close(outputs, expected)
    ours = torch.autograd.grad(outputs.square().sum(), parameters)
    theirs = torch.autograd.grad(expected.square().sum(), parameters)
    for found, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, wanted)
        assert wanted.any()


def test_padding_changes_nothing() -> None:
    model = model_of().eval()
    torch.testing.assert_close(model(F.pad(documents(), (0, 13))), model(documents()))
    assert not torch.equal(model(documents()[:, :4]), model(documents()))
    assert not model.embedding.weight[0].any()


def test_tokens_are_dropped_in_training_only() -> None:
    model = model_of(dropout=0, token_dropout=0.5)
    seen: list[Tensor] = []
    model.embedding.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    tokens = torch.full((100, 40), 7)
    model(tokens)
    assert 0.4 < float((seen[0] == 1).float().mean()) < 0.6
    model.eval()
    assert torch.equal(model(tokens[:2]), model(tokens[:2]))
    assert (seen[-1] == 7).sum() > 0 == (seen[-1] == 1).sum()


def test_a_tiny_batch_can_be_learned_by_heart() -> None:
    tokens = documents()
    assert accuracy_after(model_of(), tokens, torch.arange(6) % 3, steps=60) == 1.0


def test_other_inputs_are_refused() -> None:
    with pytest.raises(ShapeError, match="text_convnet reads text"):
        build({"name": "text_convnet"}, Spec(Field("image", (1, 8, 8)), CLASSES), seed=0)
    with pytest.raises(ShapeError, match="Choose text_convnet for documents"):
        build({"name": "mlp"}, SPEC, seed=0)
