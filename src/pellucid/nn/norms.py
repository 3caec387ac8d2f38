"""Normalisation: subtract a mean, divide by a standard deviation, then let a learned scale and shift undo it if useful.

| name  | mean and deviation are taken over              | paper                                  |
|-------|------------------------------------------------|----------------------------------------|
| none  |                                                |                                        |
| batch | the batch and the positions, for each channel  | Ioffe & Szegedy 2015, arXiv:1502.03167 |
| layer | all channels and positions of one row          | Ba, Kiros & Hinton, arXiv:1607.06450   |
| group | the channels of one group, over their positions | Wu & He 2018, arXiv:1803.08494         |

Only batch norm mixes rows, and only it behaves differently in training (this batch) and evaluation (running averages).
"""

from __future__ import annotations

from typing import Literal, get_args

from torch import nn

from pellucid.errors import PellucidError, closest

NormName = Literal["none", "batch", "layer", "group"]


def vector_norm(name: str, num_features: int, *, num_groups: int = 8) -> nn.Module:
    """Return the norm called `name` for rows of shape `(batch, num_features)`; only group norm uses `num_groups`."""
    match name:
        case "none":
            return nn.Identity()
        case "batch":
            return nn.BatchNorm1d(num_features)
        case "layer":
            return nn.LayerNorm(num_features)
        case "group":
            if num_features == num_groups:
                raise PellucidError(
                    f"group norm with num_groups={num_groups} over {num_features} features leaves one number in each "
                    f"group, and a number minus its own mean is zero. Use more features than groups."
                )
            return _group_norm(num_groups, num_features)
    raise _unknown(name)


def image_norm(name: str, num_channels: int, *, num_groups: int = 8) -> nn.Module:
    """Return the norm called `name` for images of shape `(batch, num_channels, height, width)`."""
    match name:
        case "none":
            return nn.Identity()
        case "batch":
            return nn.BatchNorm2d(num_channels)
        case "layer":
            return nn.GroupNorm(1, num_channels)  # one group: all channels and positions, scale and shift per channel
        case "group":
            return _group_norm(num_groups, num_channels)
    raise _unknown(name)


def _group_norm(num_groups: int, num_channels: int) -> nn.GroupNorm:
    if num_channels % num_groups:
        divisors = ", ".join(str(n) for n in range(1, num_channels + 1) if num_channels % n == 0)
        raise PellucidError(
            f"group norm: num_groups={num_groups} does not divide {num_channels} channels. "
            f"Choose a width that is a multiple of {num_groups}, or one of {divisors} groups."
        )
    return nn.GroupNorm(num_groups, num_channels)


def _unknown(name: str) -> PellucidError:
    return PellucidError(f"norm: there is no {name!r}. {closest(name, get_args(NormName))}")
