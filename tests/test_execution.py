"""Where and how it is computed: decided once, the same results to rounding, nothing of the user's own moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from pellucid.errors import PellucidError
from pellucid.execution import Execution, decide
from pellucid.recipe import ExecutionSection

LAST = Execution("cpu", "fp32", 1, "channels_last", "eager")


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.Flatten(), nn.Linear(16, 2))


def test_kernels_lie_with_their_channels_last_even_where_there_is_one() -> None:
    """One channel is the ambiguous case: it counts as either layout, but only the strides of one are the fast ones."""
    model = net()
    LAST.place(model)
    assert [model[place].weight.stride(1) for place in (0, 2)] == [1, 1]
    replace(LAST, layout="channels_first").place(model)
    assert [model[place].weight.is_contiguous() for place in (0, 2)] == [True, True]


def test_layouts_agree_to_rounding() -> None:
    images = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    first, last = net(), net()
    LAST.place(last)
    torch.testing.assert_close(last(images), first(images), rtol=1e-5, atol=1e-6)


def test_a_users_own_four_axes_stay_as_they_are() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.zeros(2, 3, 4, 5))

    model = Own()
    LAST.place(model)
    assert model.table.is_contiguous()


def test_auto_is_something_that_is_there() -> None:
    decided = decide(ExecutionSection(threads=1))
    assert torch.zeros(1, device=decided.device).item() == 0
    assert decided.threads == 1


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is an mps device")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(PellucidError, match=r"execution.device = 'mps': torch sees no such device here. Choose cpu"):
        decide(ExecutionSection(device="mps"))
