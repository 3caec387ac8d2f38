"""On what a run is computed: decided once before step 1, written to execution.json, replayed on resume."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import torch
from torch import nn

from pellucid.errors import PellucidError
from pellucid.recipe import ExecutionSection

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""As malloc.h counts them."""


@dataclass(frozen=True)
class Execution:
    """The decision. Two runs with the same one, on the same machine and versions, give the same bytes."""

    device: str
    precision: str
    threads: int
    layout: str
    variant: str

    def begin(self) -> None:
        """Set the process up as decided."""
        _keep_freed_memory()
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        if self.device == "cuda":
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # fp32 means fp32

    def place(self, model: nn.Module) -> None:
        """Bring a model to the device and its kernels into the layout. Comes before its parameters are made flat."""
        model.to(self.device)
        form = torch.channels_last if self.layout == "channels_last" else torch.contiguous_format
        for module in model.modules():
            if isinstance(module, nn.Conv2d):  # a user's own parameters stay as they are: they may be viewed
                module.to(memory_format=form)  # type: ignore[call-overload]

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of every forward pass and loss."""
        if self.precision == "bf16":
            return torch.autocast(self.device, torch.bfloat16)
        return nullcontext()

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as JSON types."""
        return asdict(self)


@contextmanager
def threads_kept() -> Iterator[None]:
    """Leave torch's number of threads as it was: what one run decides is not the next one's choice."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@cache
def _keep_freed_memory() -> None:
    """Let glibc keep what a step frees for the next one.

    As it comes, it hands large blocks back to the kernel, which clears every page of them again: a thousand page faults
    in each step of a LeNet, a tenth of its time. What a process takes at its peak stays the same.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has no mallopt
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, 1 << 30)
            mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def decide(section: ExecutionSection) -> Execution:
    """Turn the recipe's wishes into a decision; raise `PellucidError` when the device is not there."""
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    device = section.device
    if device == "auto":
        device = "cuda" if present["cuda"] else "mps" if present["mps"] else "cpu"
    if not present[device]:
        there = ", ".join(name for name, is_there in present.items() if is_there)
        raise PellucidError(f"execution.device = {device!r}: torch sees no such device here. Choose {there} or auto.")
    return Execution(
        device, section.precision, section.threads or torch.get_num_threads(), section.layout, section.variant
    )
