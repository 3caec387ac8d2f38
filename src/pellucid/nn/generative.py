"""What every generative model offers: images out of latents, whatever the model is inside."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Generative(Protocol):
    """A model that turns latents, `[rows, latent_size]` from a standard normal distribution, into data."""

    @property
    def latent_size(self) -> int:
        """How many numbers a sample is made from."""

    def generate(self, latents: Tensor) -> Tensor:
        """Return a sample for each row of latents, in the units of the prepared data."""
