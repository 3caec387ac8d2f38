"""How many random patterns a Hopfield net can hold: measured, beside the theory's 0.138 per unit.

D. Amit, H. Gutfreund, H. Sompolinsky, "Storing infinite numbers of patterns in a spin-glass model of neural networks",
Physical Review Letters 55, 1985, doi:10.1103/PhysRevLett.55.1530: in a large net the states near the stored patterns,
which have an overlap of 0.967 just before, vanish at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pellucid.nn.attractor import hebbian, settle
from pellucid.randomness import generator

UNITS = 600
LOADS = (0.02, 0.05, 0.08, 0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.18, 0.2, 0.25)
SWEEPS = 60


def overlaps(units: int, loads: Sequence[float]) -> list[tuple[float, float]]:
    """Return for each load how a net of random patterns keeps them, when it is put into each and left to settle.

    All units are renewed at once: the states near the patterns are the same as for one at a time, and it is some
    hundred times faster.

    Returns:
        The mean overlap of where it comes to rest with the pattern, and the share of patterns kept exactly.
    """
    measured = []
    for number, load in enumerate(loads):
        shape = (max(1, round(load * units)), units)
        patterns = torch.randint(0, 2, shape, generator=generator(0, "capacity", number)).float() * 2 - 1
        found = settle(hebbian(patterns), patterns, asynchronous=False, sweeps=SWEEPS)
        kept = (found == patterns).all(dim=1).float().mean()
        measured.append((float((found * patterns).mean()), float(kept)))
    return measured
