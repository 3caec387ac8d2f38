"""What every optimizer offers. Each is a file: its equations as a function, torch's fused kernel, its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor


class Optimizer(Protocol):
    """Changes the flat values by the flat gradient, in place: `Optimizer(config, flat)`."""

    def step(self, learning_rate: float, loss: Tensor | float | None = None) -> None:
        """Make one update. Only a line search looks at the loss."""

    def state_dict(self) -> dict[str, Any]:
        """Return what the next step depends on: live tensors and numbers."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""


def has_fused(name: str, device: torch.device) -> bool:
    """Whether torch brings `_fused_{name}_` for the device: the whole update in one pass over the memory."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(f"aten::_fused_{name}_", device.type.upper())
