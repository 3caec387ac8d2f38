"""Which units of a net are ever active: a ReLU whose sum is never above zero passes nothing on and learns nothing.

L. Lu, Y. Shin, Y. Su, G. Karniadakis, "Dying ReLU and Initialization: Theory and Numerical Examples", 2019,
arXiv:1903.06733.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass
class Activity:
    """The largest output of every ReLU unit, by the module's name, over all rows and places that were met, `[units]`.

    A unit is an output of a dense layer or a channel of a picture; what else a ReLU is put on is not followed.
    """

    largest: dict[str, Tensor] = field(default_factory=dict)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return, by layer, how many units there are and how many were never active."""
        return {
            name: {"units": len(largest), "dead": int((largest <= 0).sum())} for name, largest in self.largest.items()
        }

    def _meet(self, name: str, output: Tensor) -> None:
        if output.dim() not in (2, 4) or not len(output):
            return
        largest = output.detach().transpose(0, 1).flatten(1).amax(dim=1)  # (units,)
        before = self.largest.get(name)
        if before is None:
            self.largest[name] = largest
        elif before.shape == largest.shape:
            self.largest[name] = torch.maximum(before, largest)


@contextmanager
def watched(model: nn.Module) -> Iterator[Activity]:
    """Follow the ReLU units of a model for as long as the context lasts.

    Example:
        >>> with watched(model) as activity:
        ...     model(inputs)
        >>> activity.counts()
    """
    activity = Activity()
    hooks = [
        module.register_forward_hook(lambda module, inputs, output, name=name: activity._meet(name, output))
        for name, module in model.named_modules()
        if isinstance(module, nn.ReLU)
    ]
    try:
        yield activity
    finally:
        for hook in hooks:
            hook.remove()
