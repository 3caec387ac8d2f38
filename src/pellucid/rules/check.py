"""Trying a model out before a run folder is made: what does not fit is told as such, and nothing is changed by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from pellucid.errors import PellucidError, ShapeError
from pellucid.rules.rehearsal import rehearsal


def try_out(model: nn.Module, forward: Callable[[], Any], rows: int, shape: tuple[int, ...]) -> None:
    """Carry out a forward pass in training mode, and undo what it changes of the model.

    Raises:
        ShapeError: the model cannot take such a batch, in torch's words and ours.
    """
    try:
        with rehearsal(model), torch.no_grad():
            forward()
    except PellucidError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        raise ShapeError(
            f"The model {type(model).__name__} cannot take a batch of shape [{rows}, {', '.join(map(str, shape))}] "
            f"(the smallest of this run): {error}. Mend the model's first layers"
            + (", or give larger batches: a norm over the batch needs two rows." if rows == 1 else ".")
        ) from None
