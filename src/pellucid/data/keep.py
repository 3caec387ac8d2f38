"""Columns in a run folder: small arrays from memory are kept with the run, so that it can be resumed and judged."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pellucid.data.columns import Columns
from pellucid.errors import RunError
from pellucid.rundir import write_atomically
from pellucid.spec import Field

LARGEST = 64 << 20
"""Bytes up to which arrays are kept without asking."""


def write(columns: Columns, path: Path) -> None:
    """Write columns as one safetensors file."""
    arrays = {f"values/{name}": np.ascontiguousarray(columns.dense(name)) for name in columns.values}
    arrays |= {f"given/{part}": rows for part, rows in columns.given.items()}
    schema = json.dumps({name: asdict(field) for name, field in columns.schema.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(arrays, metadata={"schema": schema}))


def read(path: Path) -> Columns:
    """Read what `write` wrote; raise `RunError` where it is damaged."""
    found: dict[str, dict[str, np.ndarray]] = {"values": {}, "given": {}}
    try:
        with safe_open(path, "numpy") as file:
            schema = json.loads(file.metadata()["schema"])
            for key in file.keys():  # noqa: SIM118 (a file, not a mapping)
                group, _, name = key.partition("/")
                found[group][name] = file.get_tensor(key)
    except (OSError, SafetensorError, ValueError) as error:
        raise RunError(
            f"{path} is damaged: {error}. Give the arrays again, as in pellucid.fit(..., resume=RUN)."
        ) from None
    return Columns(found["values"], {name: Field.from_dict(field) for name, field in schema.items()}, found["given"])


def num_bytes(columns: Columns) -> int:
    """How large the columns are in memory."""
    return sum(columns.dense(name).nbytes for name in columns.values)
