"""Checkpoints: a tree of tensors and plain values as safetensors + JSON, committed by a rename, verified by a hash.

`step-N.json` is written last and names the SHA-256 of every tensor file it needs, so a checkpoint is whole or it is
not there. The best weights are a file of their own that stays while a kept checkpoint names it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from pellucid.errors import RunError
from pellucid.rundir import write_atomically

VERSION = 1
KEEP = 2
_SEQUENCE = "(sequence)"

Tree = Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """What was saved: the state after `step` updates and, where something was validated, the best weights so far."""

    step: int
    state: dict[str, Any]
    best: dict[str, Tensor] | None


def save(folder: Path, step: int, state: Tree, best: Mapping[str, Tensor] | None, best_step: int | None) -> None:
    """Write the checkpoint of `step` and remove those that are no longer needed.

    Args:
        folder: `RUN/checkpoints`.
        state: a nested mapping of tensors, numbers, strings, lists and None.
        best, best_step: the best weights so far and the step they come from; written once per best step.
    """
    folder.mkdir(exist_ok=True)
    tensors, values = _split(state)
    files = {f"step-{step:09d}.safetensors": lambda: save_tensors(tensors)}
    if best is not None:
        files[f"best-{best_step:09d}.safetensors"] = lambda: save_tensors(dict(best))
    hashes = {name: _write_once(folder / name, content) for name, content in files.items()}
    record = {"version": VERSION, "step": step, "files": hashes, "values": values}
    record["hash"] = _hash(_canonical(record))
    write_atomically(folder / f"step-{step:09d}.json", _canonical(record))
    prune(folder)


def restore(folder: Path, warn: Callable[[str], None]) -> Checkpoint | None:
    """Return the newest checkpoint that is whole, or None where there is none yet.

    A truncated or altered one is named through `warn` and one before it is used.

    Raises:
        RunError: there are checkpoints, and all of them are damaged.
    """
    paths = sorted(folder.glob("step-*.json"), reverse=True)
    damaged: list[str] = []
    for path in paths:
        try:
            found = _read(path)
            for problem in damaged:
                warn(f"{problem}; the one of step {found.step} is used instead.")
            return found
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            damaged.append(f"The checkpoint {path} is damaged ({error})")
    if paths:
        raise RunError(
            f"No checkpoint in {folder} is whole: {'; '.join(damaged)}. Remove them, and "
            f"pellucid train --resume {folder.parent} starts over."
        )
    return None


def _read(path: Path) -> Checkpoint:
    record = json.loads(path.read_text(encoding="utf-8"))
    expected = record.pop("hash", None)
    if expected != _hash(_canonical(record)):
        raise ValueError("its JSON was altered")
    if record["version"] > VERSION:
        raise ValueError(f"it has version {record['version']}, this Pellucid reads up to {VERSION}")
    loaded = {}
    for name, digest in record["files"].items():
        content = (path.parent / name).read_bytes()
        if _hash(content) != digest:
            raise ValueError(f"{name} was altered or cut short")
        loaded[name.partition("-")[0]] = load_tensors(content)
    return Checkpoint(record["step"], _join(loaded["step"], record["values"]), loaded.get("best"))


def _write_once(path: Path, content: Callable[[], bytes]) -> str:
    """Write a tensor file unless these very bytes are there already, and return their hash."""
    data = content()
    digest = _hash(data)
    if not (path.exists() and _hash(path.read_bytes()) == digest):  # what lies there may have been damaged
        write_atomically(path, data)
    return digest


def prune(folder: Path) -> None:
    """Remove what the last checkpoints do not need: after each, and after a kill that came between the two."""
    records = sorted(folder.glob("step-*.json"), reverse=True)
    needed: set[str] = set()
    for path in records[:KEEP]:
        needed.add(path.name)
        try:
            needed.update(json.loads(path.read_text(encoding="utf-8"))["files"])
        except (OSError, ValueError, KeyError):
            continue  # a damaged one needs nothing; restore will say so
    for path in folder.iterdir():
        if path.name not in needed:
            path.unlink(missing_ok=True)


def _split(tree: Tree, prefix: str = "") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Take the tensors out of a tree: tensors by path, and the rest of the tree with their places left out."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for key, value in tree.items():
        assert "/" not in key, key
        if isinstance(value, Tensor):
            tensors[prefix + key] = value.detach().cpu().contiguous().clone()
        elif isinstance(value, list | tuple) and _holds_tensors(value):
            kind = "tuple" if isinstance(value, tuple) else "list"
            below, values[key] = _split(
                {_SEQUENCE: kind, **{str(i): v for i, v in enumerate(value)}}, f"{prefix}{key}/"
            )
            tensors |= below
        elif isinstance(value, Mapping):
            below, values[key] = _split(value, f"{prefix}{key}/")
            tensors |= below
        else:
            values[key] = value
    return tensors, values


def _holds_tensors(value: Any) -> bool:
    """Whether there is a tensor anywhere in a tree."""
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, Tensor) or any(map(_holds_tensors, inside))


def _join(tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(json.dumps(values))
    for path, tensor in tensors.items():
        *parents, name = path.split("/")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = tensor
    restored: dict[str, Any] = _sequences(tree)
    return restored


def _sequences(value: Any) -> Any:
    """Make sequences again of the mappings that stand for them."""
    if not isinstance(value, dict):
        return value
    inside = {name: _sequences(item) for name, item in value.items()}
    kind = inside.pop(_SEQUENCE, None)
    if kind is None:
        return inside
    items = [inside[str(place)] for place in range(len(inside))]
    return tuple(items) if kind == "tuple" else items


def _canonical(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, indent=1).encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def module_state(module: torch.nn.Module) -> dict[str, Tensor]:
    """Return a module's weights and buffers as contiguous copies on the CPU, ready for safetensors."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module.state_dict().items()}
