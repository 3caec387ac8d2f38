"""Recall: exactly the share of units that was asked for is flipped, and only stored patterns are judged."""

from __future__ import annotations

import torch

from pellucid.randomness import generator
from pellucid.tasks.recall import corrupt


def test_exactly_the_share_is_flipped() -> None:
    states = torch.ones(50, 40)
    found = corrupt(states, 0.1, generator(0, "test"))
    assert ((found == -1).sum(dim=1) == 4).all()
    assert len({tuple(row) for row in found.tolist()}) > 40
    assert torch.equal(corrupt(states, 0.0, generator(0, "test")), states)
