"""Instruments: how large each parameter's gradient and step are, read off the flat buffers on some steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pellucid.optim.update import Update


class Instruments:
    """Per-parameter gradient norms and update/weight ratios of one step.

    A ratio near 1e-3 is usual for a healthy net; far below it hardly learns, far above it jumps about.
    """

    def __init__(self, updates: Mapping[str, Update]) -> None:
        self._updates = list(updates.values())
        several = len(updates) > 1
        self.names = [
            f"{owner}.{name}" if several else name for owner, update in updates.items() for name in update.flat.names
        ]
        self._before: list[Tensor] = []

    def before_step(self) -> None:
        """Remember the weights."""
        self._before = [update.flat.values.clone() for update in self._updates]

    @torch.no_grad()
    def after_step(self) -> dict[str, Any]:
        """Return, in the order of `names`, the L2 norms of gradients and of updates relative to the weights."""
        gradients: list[Tensor] = []
        ratios: list[Tensor] = []
        for owner, before in zip(self._updates, self._before, strict=True):
            flat = owner.flat
            sizes = [gradient.numel() for gradient in flat.gradients]
            # Sums of squares overflow a float32 early; one device has nothing longer.
            precise = torch.float32 if before.device.type == "mps" else torch.float64
            update = torch.stack(torch._foreach_norm(torch.split(flat.values - before, sizes), 2, precise))
            weight = torch.stack(torch._foreach_norm(torch.split(before, sizes), 2, precise))
            gradient = torch.stack(torch._foreach_norm(torch.split(flat.gradient, sizes), 2, precise))
            gradients.append(gradient if owner.shrink is None else gradient / owner.shrink)  # as it was before clipping
            # A parameter that starts at zero has no ratio; its first step is called 1, not infinite.
            ratios.append(torch.where(weight > 0, update / weight.clamp_min(1e-30), (update > 0).to(update.dtype)))
        self._before = []
        if not gradients:
            return {}
        return {
            "gradient_norms": [float(f"{x:.6g}") for x in torch.cat(gradients).tolist()],
            "update_ratios": [float(f"{x:.6g}") for x in torch.cat(ratios).tolist()],
        }
