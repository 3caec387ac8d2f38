"""Models that read: the equations are torch's, nothing looks ahead, what was read may be remembered."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.tasks.readers import SMALL, reader, spec
from torch import Tensor, nn

from pellucid import models
from pellucid.errors import RecipeError, ShapeError
from pellucid.inspection.layers import describe
from pellucid.nn.sequence import Recurrent, Sequential
from pellucid.spec import Field, Spec

TOKENS = torch.randint(0, 10, (3, 12), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layers", [1, 3])
def test_the_readable_lstm_is_torchs_to_the_gradient(layers: int) -> None:
    fused, readable = (
        models.build({**SMALL["lstm"], "layers": layers, "cell": cell}, spec(12), seed=3)
        for cell in ("fused", "readable")
    )
    assert list(fused.state_dict()) == list(readable.state_dict())
    for one, other in zip(fused.parameters(), readable.parameters(), strict=True):
        assert torch.equal(one, other)  # the same seed draws the same weights
    state = tuple(torch.randn(layers, 3, 16) for _ in range(2))
    gradients = []
    for model in (fused, readable):
        logits, memory = model(TOKENS, state)
        logits.square().sum().backward()
        gradients.append([logits.detach(), *(part.detach() for part in memory), *(p.grad for p in model.parameters())])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_the_forget_gate_begins_open() -> None:
    memory = models.build(SMALL["lstm"], spec(12), seed=0).get_submodule("memory")
    for layer in range(2):
        bias = memory.get_parameter(f"bias_ih_l{layer}") + memory.get_parameter(f"bias_hh_l{layer}")
        assert bias[16:32].tolist() == [1.0] * 16
        assert bias[:16].abs().max() < 1


@pytest.mark.parametrize("name", SMALL)
def test_nothing_looks_ahead(name: str) -> None:
    model = reader(name, 12)
    assert isinstance(model, Sequential)
    with torch.inference_mode():
        before, _ = model(TOKENS)
        for place in range(12):
            changed = TOKENS.clone()
            changed[:, place] = (changed[:, place] + 1) % 10
            after, _ = model(changed)
            assert torch.equal(after[:, :place], before[:, :place])
            assert not torch.allclose(after[:, place], before[:, place])


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("pieces", [[12], [5, 7], [1] * 12, [4, 1, 1, 6]])
def test_what_was_read_may_be_remembered(name: str, pieces: list[int]) -> None:
    model = reader(name, 12)
    with torch.inference_mode():
        whole, _ = model(TOKENS)
        state, found = None, []
        for piece in torch.split(TOKENS, pieces, dim=1):
            logits, state = model(piece, state)
            found.append(logits)
    torch.testing.assert_close(torch.cat(found, dim=1), whole, rtol=1e-4, atol=1e-4)


def test_only_the_lstm_is_recurrent() -> None:
    assert isinstance(reader("lstm", 12), Recurrent)
    assert not isinstance(reader("gpt", 12), Recurrent)


def gpt_by_hand(weights: dict[str, Tensor], tokens: Tensor, layers: int, heads: int) -> Tensor:
    """GPT-2's definition with explicit loops over heads and an explicit mask."""

    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(dim=-1, keepdim=True)
        scaled = centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def full(x: Tensor, name: str) -> Tensor:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    T = tokens.shape[1]
    x = weights["characters.weight"][tokens] + weights["places.weight"][:T]
    D = x.shape[-1]
    size = D // heads
    for layer in range(layers):
        block = f"blocks.{layer}"
        all_three = full(norm(x, f"{block}.attention_norm"), f"{block}.attention.queries_keys_values")
        q, k, v = all_three.split(D, dim=-1)
        answers = []
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            scores = q[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(size)
            for row in range(T):
                scores[:, row, row + 1 :] = -math.inf
            answers.append(scores.softmax(dim=-1) @ v[..., part])
        x = x + full(torch.cat(answers, dim=-1), f"{block}.attention.output")
        wide = full(norm(x, f"{block}.thought_norm"), f"{block}.widen")
        wide = 0.5 * wide * (1 + torch.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)))
        x = x + full(wide, f"{block}.narrow")
    return norm(x, "norm") @ weights["characters.weight"].T


def test_the_gpt_is_gpt_2s_definition() -> None:
    model = reader("gpt", 12)
    with torch.inference_mode():
        found, _ = model(TOKENS)
        expected = gpt_by_hand(dict(model.state_dict()), TOKENS, layers=2, heads=2)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_published_size_has_the_published_parameters() -> None:
    """GPT-2's smallest has 124,439,808; it is the same net with 50,257 tokens and 1,024 places."""
    with torch.device("meta"):
        layers = 12
        width = 768
        block = 12 * width * width + 13 * width
        expected = 50257 * width + 1024 * width + layers * block + 2 * width
        assert expected == 124_439_808
    small = models.build({"name": "gpt", "layers": 3, "heads": 4, "width": 32}, spec(20), seed=0)
    assert sum(p.numel() for p in small.parameters()) == 10 * 32 + 20 * 32 + 3 * (12 * 32 * 32 + 13 * 32) + 2 * 32


def test_writers_to_the_stream_begin_smaller() -> None:
    model = models.build({"name": "gpt", "layers": 8, "heads": 2, "width": 128}, spec(12), seed=0)
    stds = {name: float(p.detach().std()) for name, p in model.named_parameters() if p.ndim == 2}
    for name, std in stds.items():
        writes = name.endswith(("attention.output.weight", "narrow.weight"))
        assert std == pytest.approx(0.02 / 4 if writes else 0.02, rel=0.06)


@pytest.mark.parametrize("name", SMALL)
def test_every_layer_is_described(name: str) -> None:
    described = describe(reader(name, 12), TOKENS[:1])
    assert described.parameters == sum(p.numel() for p in reader(name, 12).parameters())
    assert described.multiply_adds > 0
    assert all(layer.output_shape is not None for layer in described.layers)


def test_attention_stays_in_fp32_on_a_processor() -> None:
    seen: list[torch.dtype] = []
    attend = F.scaled_dot_product_attention

    def watched(queries: Tensor, *arguments: Any, **settings: Any) -> Tensor:
        seen.append(queries.dtype)
        return attend(queries, *arguments, **settings)

    with pytest.MonkeyPatch.context() as patch, torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        patch.setattr(F, "scaled_dot_product_attention", watched)
        logits, _ = reader("gpt", 12)(TOKENS)
    assert seen == [torch.float32] * 2
    assert logits.dtype == torch.bfloat16


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"heads that divide width = 16 .here heads = 3.: one of 1, 2, 4, 8, 16"):
        models.build({**SMALL["gpt"], "heads": 3}, spec(12), seed=0)
    image = Spec(Field("image", (1, 8, 8)), Field("category", categories=("a", "b")))
    for name in SMALL:
        with pytest.raises(ShapeError, match=rf"{name} reads text, but the input is of kind 'image'"):
            models.build(SMALL[name], image, seed=0)
    with pytest.raises(
        ShapeError,
        match=r"mlp reads numbers, but the input is text. Choose text_convnet for documents",
    ):
        models.build({"name": "mlp"}, spec(12), seed=0)


def test_dropout_is_off_when_judged() -> None:
    for name in SMALL:
        model = reader(name, 12, dropout=0.5)
        assert any(isinstance(module, nn.Dropout) for module in model.modules())
        with torch.inference_mode():
            assert torch.equal(model(TOKENS)[0], model(TOKENS)[0])
            model.train()
            assert not torch.equal(model(TOKENS)[0], model(TOKENS)[0])
