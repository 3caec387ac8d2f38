"""Ctrl-C and SIGTERM end a run between two steps, after it was saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The run was interrupted and saved; the message says how to go on."""

    def __init__(self, folder: Path, verb: str = "train") -> None:
        super().__init__(f"Interrupted; the run is saved. Go on with: pellucid {verb} --resume {folder}")
        self.folder = folder


class Flag:
    """Whether someone asked to stop."""

    raised = False


@contextmanager
def deferred() -> Iterator[Flag]:
    """While it lasts, the first SIGINT or SIGTERM only raises the flag; the second acts as ever."""
    flag = Flag()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield flag
        return

    def raise_flag(number: Any, frame: FrameType | None) -> None:
        flag.raised = True
        signal.signal(number, previous[number])

    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in previous:
        signal.signal(number, raise_flag)
    try:
        yield flag
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
