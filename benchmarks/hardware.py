"""What a result was measured on, and where it is written: results/THEME_HARDWARE_DATE.csv."""

from __future__ import annotations

import csv
import importlib.metadata
import os
import platform
import re
from datetime import date
from pathlib import Path
from typing import Any


def hardware() -> dict[str, Any]:
    """The processor by its name, the cores that may be used, and the versions that matter."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    versions = {name: importlib.metadata.version(name) for name in ("pellucid", "torch", "numpy")}
    return {
        "processor": next(names, platform.machine()),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        **versions,
    }


def results_path(theme: str) -> Path:
    """Where a theme's results of this machine and day are written."""
    machine = hardware()
    slug = re.sub(r"[^a-z0-9]+", "-", f"{machine['processor']} {machine['cores']} cores".lower()).strip("-")
    return Path(__file__).parent / "results" / f"{theme}_{slug}_{date.today().isoformat()}.csv"


def write_results(theme: str, rows: list[dict[str, Any]]) -> Path:
    """Write one line per row, each with the hardware and versions, and return the file."""
    machine, path = hardware(), results_path(theme)
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], *machine])
        writer.writeheader()
        writer.writerows(row | machine for row in rows)
    return path
