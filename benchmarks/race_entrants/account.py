"""What an entrant says of itself: one JSON line, with its own age as the kernel counts it."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path


def process_seconds() -> float:
    """Seconds since the kernel started this process (in steps of 10 ms): interpreter and imports are counted."""
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return float(Path("/proc/uptime").read_text().split()[0]) - started


def tell(*, accuracy: float, steps: int, train_seconds: float, samples_per_second: float) -> None:
    """Print the line. Call it last: it reads the clock.

    Args:
        accuracy: on the test rows.
        steps: updates of the weights.
        train_seconds: from the first step to the last, validations left out.
        samples_per_second: rows of the epochs after the first over their seconds.
    """
    print(
        json.dumps(
            {
                "accuracy": round(accuracy, 6),
                "steps": steps,
                "train_seconds": round(train_seconds, 4),
                "samples_per_second": round(samples_per_second, 1),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "process_seconds": round(process_seconds(), 3),
            }
        ),
        flush=True,
    )
