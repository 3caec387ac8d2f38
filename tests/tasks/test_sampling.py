"""Sampling: the right tokens are left, and remembering what was read changes nothing."""

from __future__ import annotations

import pytest
import torch

from pellucid.tasks.sampling import filtered, proceed
from tests.tasks.readers import reader


def test_temperature_divides_logits_and_zero_is_greedy() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [0.0, -1.0, 5.0]])
    torch.testing.assert_close(filtered(logits, 2.0), (logits.double() / 2).softmax(dim=1))
    assert filtered(logits, 0).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert filtered(logits, 1e-320).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_top_k_leaves_the_likeliest_in_their_proportions() -> None:
    probabilities = torch.tensor([[0.1, 0.4, 0.3, 0.2]])
    found = filtered(probabilities.log(), top_k=2)
    torch.testing.assert_close(found, torch.tensor([[0, 4 / 7, 3 / 7, 0]]).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("top_p", "left"), [(0.05, [1]), (0.39, [1]), (0.41, [1, 2]), (0.75, [1, 2, 3]), (1.0, [0, 1, 2, 3])]
)
def test_top_p_leaves_the_fewest_that_hold_it(top_p: float, left: list[int]) -> None:
    found = filtered(torch.tensor([[0.1, 0.4, 0.3, 0.2]]).double().log(), top_p=top_p)
    assert found[0].nonzero()[:, 0].tolist() == left
    assert float(found.sum()) == pytest.approx(1)


@pytest.mark.parametrize("name", ["lstm", "gpt"])
def test_remembering_equals_reading_everything_again(name: str) -> None:
    """Greedy, so that one wrong logit would show; beyond the context a GPT begins anew with its later half."""
    model = reader(name, context=16)
    prompt = torch.tensor([[3, 1, 4, 1, 5]])
    with torch.inference_mode():
        found = proceed(model, prompt, 11, torch.Generator(), never=9, temperature=0)[0].tolist()
        read = prompt
        for code in found:
            logits = model(read)[0][0, -1]
            logits[9] = -torch.inf
            assert int(logits.argmax()) == code
            read = torch.cat([read, torch.tensor([[code]])], dim=1)


def test_beyond_its_context_a_gpt_goes_on_with_the_later_half() -> None:
    model = reader("gpt", context=8)
    generator = torch.Generator()
    with torch.inference_mode():
        long = proceed(model, torch.arange(8)[None], 12, generator, never=9, temperature=0)[0]
        assert len(long) == 12
        # 8 given and 1 drawn are one too many: the last 4 of the nine are read anew
        anew = torch.cat([torch.arange(8), long[:1]])[-4:]
        logits = model(anew[None])[0][0, -1]
        logits[9] = -torch.inf
        assert int(logits.argmax()) == int(long[1])


def test_the_unknown_token_is_never_drawn_and_the_seed_decides() -> None:
    model = reader("lstm", context=16)
    prompt = torch.zeros(4, 1, dtype=torch.int64)
    with torch.inference_mode():
        draws = [
            proceed(model, prompt, 200, torch.Generator().manual_seed(seed), never=9, temperature=3.0)
            for seed in (0, 0, 1)
        ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0][0], draws[0][1])
    assert set(draws[0].flatten().tolist()) == set(range(9))
