"""Progress: one line that is rewritten on a terminal or in a notebook, plain lines in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

_LIVE_SECONDS = 0.2
_LINE_SECONDS = 10.0


class Progress:
    """Tells where a run stands, on standard error, a few times a second at most.

    Args:
        total_steps: of the run.
        quiet: say nothing.
        stream: where to; standard error by default.
    """

    def __init__(self, total_steps: int, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._total = total_steps
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() or "ipykernel" in sys.modules
        self._interval = _LIVE_SECONDS if self._live else _LINE_SECONDS
        self._quiet = quiet
        self._width = 0
        self._metrics = ""
        self._start = self._told = time.perf_counter()
        self._start_step = self._rows = 0

    def begin(self, step: int) -> None:
        """Start the clock at `step`: what was done before a resume does not count for the rate."""
        self._start = self._told = time.perf_counter()
        self._start_step = step

    def due(self) -> bool:
        """Whether it is time to tell. Cheap enough for every step."""
        return not self._quiet and time.perf_counter() - self._told >= self._interval

    def tell(self, step: int, rows_per_second: float, epoch: float | None) -> None:
        """Rewrite the line (or write one more)."""
        if self._quiet:
            return
        self._told = time.perf_counter()
        done = step - self._start_step
        left = (self._told - self._start) / done * (self._total - step) if done else 0.0
        where = f"epoch {epoch:.1f}  " if epoch is not None else ""
        self._write(
            f"{where}step {step:,}/{self._total:,}  {rows_per_second:,.0f} rows/s  {_clock(left)} left{self._metrics}"
        )

    def validated(self, values: Mapping[str, float], best: bool) -> None:
        """Keep the newest scores in the line."""
        shown = "  ".join(f"{name} {value:.4g}" for name, value in list(values.items())[:3])
        self._metrics = f"  validation: {shown}{' (best)' if best else ''}"

    def say(self, message: str) -> None:
        """Write a message on a line of its own."""
        if self._quiet:
            return
        if self._live and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._width = 0
        self._stream.write(message + "\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line as it stands."""
        if self._live and self._width and not self._quiet:
            self._stream.write("\n")
            self._stream.flush()

    def _write(self, line: str) -> None:
        if self._live:
            self._stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
