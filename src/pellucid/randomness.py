"""Where chance comes from: every draw is a pure function of a seed and a position, so nothing needs to be saved.

The order of the rows depends on (seed, epoch), dropout and sampling on (seed, step). A run that was killed and resumed
draws the same numbers, and a look at the validation set in between draws none of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: consecutive steps land far apart (Steele et al. 2014, SplitMix)


def derive(seed: int, purpose: str, position: int = 0) -> int:
    """Return a 63-bit seed for one purpose at one position; different purposes never share a stream."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{position}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, purpose: str, position: int = 0) -> torch.Generator:
    """Return a generator of its own for one purpose at one position."""
    return torch.Generator().manual_seed(derive(seed, purpose, position))


def permutation(size: int, seed: int, epoch: int) -> Tensor:
    """Return the order of `size` rows in one epoch, shape `[size]`."""
    return torch.randperm(size, generator=generator(seed, "order", epoch))


class StepNoise:
    """Sets torch's own generators to a function of (seed, step) before each step: dropout, sampling, latents."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._base = derive(seed, "noise")
        self._cpu = torch.default_generator
        self._cuda = torch.cuda.is_available()
        self._mps = torch.backends.mps.is_available()

    def at(self, step: int) -> None:
        """Set the generators for `step`. About a microsecond."""
        # The CPU's Mersenne Twister takes 32 bits of its seed, so the mix is folded into its upper half.
        mixed = ((self._base + step * _GOLDEN) & 0xFFFFFFFFFFFFFFFF) >> 32
        self._cpu.manual_seed(mixed)
        if self._cuda:
            torch.cuda.manual_seed_all(mixed)
        if self._mps:
            torch.mps.manual_seed(mixed)


def _seed(seed: int) -> None:
    """Do what `torch.manual_seed` does, for the devices that are there: for those that are not, it writes down who
    called it, which takes longer than a look at a small validation part."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


@contextmanager
def undisturbed(seed: int | None = None) -> Iterator[None]:
    """Run a block whose draws leave torch's own generators as they were; with `seed`, the block draws from it."""
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    with torch.random.fork_rng():
        if seed is not None:
            _seed(seed)
        try:
            yield
        finally:
            if mps is not None:
                torch.mps.set_rng_state(mps)
