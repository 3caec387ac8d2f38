"""What a machine of binary units shows of itself: what its hidden units look for, and where its chains go."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.pictures import sheet, stretched
from pellucid.data.rows import Rows
from pellucid.exhibit import Exhibit, Images
from pellucid.nn.energy import Restricted, draw

FILTERS = 64
STEPS = (0, 1, 10, 100, 1000)
CHAINS = 8


def pictures(machine: Restricted, world: Rows) -> list[Exhibit]:
    """Return the weights of some hidden units, and chains from noise and from training rows."""
    field = world.spec.input
    filters = machine.weights[:FILTERS].detach().float().cpu().numpy()
    noise = torch.full((CHAINS, field.size), 0.5, device=world.device)
    train = world.rows("train")
    data = world.take(train[:: max(1, len(train) // CHAINS)][:CHAINS])["input"].flatten(1)
    told = ", ".join(map(str, STEPS))
    return [
        Images(
            "filters",
            "What hidden units look for",
            "Each picture is one hidden unit's weights: bright inputs turn it on, dark ones off, grey ones do not "
            "count. Strokes and edges are healthy; noise means that a unit has learned nothing.",
            sheet(stretched(filters, centre=True).reshape(-1, *field.shape)),
        ),
        *(
            Images(
                f"chains_from_{origin}",
                f"Chains from {origin}",
                f"Each line is a chain after {told} steps of Gibbs sampling; brightness is the probability that a "
                f"unit is on. {meaning}",
                chains(machine, start, field.shape),
            )
            for origin, start, meaning in (
                ("noise", draw(noise), "The ends are what the machine believes in, reached from nothing."),
                ("data", data, "A healthy machine stays with such rows and wanders among them."),
            )
        ),
    ]


def chains(machine: Restricted, start: Tensor, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return pictures of chains from visible states `[chains, units]`: `[chains, shown steps, *shape]`."""
    visible = probability = start
    shown = []
    for step in range(STEPS[-1] + 1):
        if step:
            probability = machine.visible(draw(machine.hidden(visible)))
            visible = draw(probability)
        if step in STEPS:
            shown.append(probability.float().cpu().numpy().reshape(-1, *shape))
    return np.stack(shown, axis=1).astype(np.float32)
