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
        gradients: list[float] = []
        ratios: list[float] = []
        for owner, before in zip(self._updates, self._before, strict=True):
            flat = owner.flat
            sizes = [gradient.numel() for gradient in flat.gradients]
            pieces = [torch.split(whole, sizes) for whole in (flat.gradient, flat.values - before, before)]
            # Sums of squares overflow a float32 early; one device has nothing longer.
            precise = torch.float32 if before.device.type == "mps" else torch.float64
            norms = torch.stack(torch._foreach_norm([*pieces[0], *pieces[1], *pieces[2]], 2, precise)).tolist()
            num = len(sizes)
            gradient, update, weight = norms[:num], norms[num : 2 * num], norms[2 * num :]
            shrink = 1.0 if owner.shrink is None else float(owner.shrink)
            gradients += [norm / shrink for norm in gradient]  # as it was before clipping
            # A parameter that starts at zero has no ratio; its first step is called 1, not infinite.
            ratios += [u / w if w > 0 else float(u > 0) for u, w in zip(update, weight, strict=True)]
        self._before = []
        if not gradients:
            return {}
        return {
            "gradient_norms": [float(f"{x:.6g}") for x in gradients],
            "update_ratios": [float(f"{x:.6g}") for x in ratios],
        }
