"""The run folder: made whole or not at all, locked while it is written, every file written beside and renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from pellucid.errors import RunError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says of a full disk, a used-up quota and a file that may not be larger."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside, fsync, rename: after a crash at any moment the old file or the new one is there, whole."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        if error.errno in NO_ROOM:
            raise DiskFull(path) from None
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class DiskFull(RunError):
    """There is no room for a file. What was written before stays as it was."""

    kind = "disk_full"
    exit_code = 1

    def __init__(self, path: Path, remedy: str = "Make room, then resume.") -> None:
        free = shutil.disk_usage(path.parent).free
        super().__init__(
            f"The disk is full: {path} could not be written ({free / 1e6:.1f} MB are free). "
            f"Nothing that was saved before is lost. {remedy}"
        )


@dataclass
class RunFolder:
    """A run folder that this process may write. Use it as a context manager: leaving it releases the lock."""

    path: Path
    _lock: int

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)  # closing releases the lock, as the end of the process does

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write_text(self, name: str, text: str) -> None:
        """Write one file of the folder, making its parent folder where that is missing."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())

    def write_json(self, name: str, value: Any, indent: int | None = 1) -> None:
        """Write JSON; NaN and infinity are refused, for they would not be JSON."""
        self.write_text(name, json.dumps(value, indent=indent, allow_nan=False) + "\n")

    def sweep(self) -> None:
        """Remove files that a kill left half-written beside their places."""
        for path in self.path.rglob(".*.part"):
            if path.is_file():
                path.unlink(missing_ok=True)

    def append(self, name: str, lines: Iterable[dict[str, Any]]) -> None:
        """Append lines of JSON and fsync."""
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        path = self.path / name
        try:
            with path.open("ab+") as file:
                file.seek(0)
                whole = file.read()
                if not whole.endswith(b"\n"):  # a kill or a full disk left half a line
                    file.truncate(whole.rfind(b"\n") + 1)
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno in NO_ROOM:
                raise DiskFull(path) from None
            raise

    def keep_lines(self, name: str, count: int) -> None:
        """Cut a file of lines back to its first `count`, as a checkpoint left it."""
        path = self.path / name
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        if len(lines) != count:
            write_atomically(path, b"".join(lines[:count]))

    def note(self, event: str, **facts: Any) -> None:
        """Add to journal.jsonl what happened to this run from outside: a resume, a damaged checkpoint, an interrupt."""
        self.append("journal.jsonl", [{"when": now(), "event": event, **facts}])


def create(name: str, recipe_toml: str, out: Path | None = None, also: Mapping[str, Any] | None = None) -> RunFolder:
    """Make a run folder that holds its recipe and environment from the moment it exists, and lock it.

    Args:
        name: the recipe's name; the folder is `runs/NAME`, or `runs/NAME-2` and so on where that is taken.
        recipe_toml: the resolved recipe.
        out: another place; it must not exist yet, or be empty.
        also: JSON files that it holds from then on too, by name.

    Raises:
        RunError: `out` is taken.
    """
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} exists already. Choose another --out, or go on with it: pellucid train --resume {out}")
    parent = out.parent if out is not None else Path("runs")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        beside = parent / f".{name}.{os.getpid()}.part"
        for left in parent.glob(f".{name}.*.part"):  # by a process that was killed in here
            if left == beside or not _is_alive(int(left.suffixes[-2][1:])):
                shutil.rmtree(left, ignore_errors=True)
        beside.mkdir()
    except OSError as error:
        raise RunError(f"{parent}: no run folder can be made there: {error.strerror}.") from None
    try:
        write_atomically(beside / "recipe.toml", recipe_toml.encode())
        made = {**environment(), "recipe_sha256": hashlib.sha256(recipe_toml.encode()).hexdigest()}
        write_atomically(beside / "environment.json", json.dumps(made, indent=1).encode())
        for file, value in (also or {}).items():
            write_atomically(beside / file, (json.dumps(value, indent=1) + "\n").encode())
        path = _rename_to_free_name(beside, out, parent / name)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return lock(path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # asks, does nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # someone else's
    return True


def _rename_to_free_name(beside: Path, out: Path | None, wanted: Path) -> Path:
    if out is not None:
        beside.rename(out)  # replaces an empty folder, fails on any other
        return out
    number = 1
    while True:
        path = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            if not path.exists():
                beside.rename(path)
                return path
        except OSError as error:  # taken between the look and the rename
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        number += 1


def check(path: Path) -> Path:
    """Return `path` when it is a run folder; raise `RunError` with what is missing where it is not."""
    if not path.exists():
        raise RunError(f"{path}: there is no such run folder. `pellucid train RECIPE` makes one and prints its path.")
    if not (path / "recipe.toml").is_file():
        raise RunError(f"{path} is not a run folder: it has no recipe.toml. Give the folder that `train` printed.")
    return path


def check_single(path: Path) -> Path:
    """Return `path` when it is the folder of one run; raise `RunError` where it holds several."""
    check(path)
    if (path / "crossval.json").exists():
        raise RunError(
            f"{path} is a cross-validation: its folds are runs ({path}/fold-1). Its own result is in "
            f"{path}/results/crossval.json. For one net of all rows: pellucid train {path}/recipe.toml"
        )
    return path


def lock(path: Path) -> RunFolder:
    """Take a run folder for this process; raise `RunError` when another one is writing it, or its recipe altered."""
    check(path)
    began = read_json(path / "environment.json").get("recipe_sha256")
    if began != hashlib.sha256((path / "recipe.toml").read_bytes()).hexdigest():
        raise RunError(
            f"{path}/recipe.toml was altered since the run was made; the run would not be what it says. Restore it, or "
            f"train the altered one as a run of its own: pellucid train {path}/recipe.toml"
        )
    return hold(path)


def hold(path: Path) -> RunFolder:
    """Take a folder that holds several runs, and is none itself, for this process.

    Raises:
        RunError: another process is writing it.
    """
    handle = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.read(handle, 32).decode(errors="replace").strip()
        os.close(handle)
        raise RunError(f"{path} is being written by process {owner or 'another'}. Wait for it, or stop it.") from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return RunFolder(path, handle)


def read_json(path: Path, *keys: str) -> Any:
    """Read a JSON file of a run folder; raise `RunError` when it is missing, damaged or has no such keys."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it is damaged ({error})"
        raise RunError(f"{path} cannot be read: {reason}.") from None
    absent = [key for key in keys if not isinstance(values, dict) or key not in values]
    if absent:
        raise RunError(f"{path} cannot be read: it is damaged (there is no {absent[0]!r} in it).")
    return values


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines; a torn last line, left by a kill, is not a line. An absent file has none."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    try:
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    except ValueError as error:
        raise RunError(f"{path} cannot be read: it is damaged ({error}).") from None


def cache() -> Path:
    """Return the folder of what can be computed again: `$PELLUCID_CACHE`, else the user's cache, `/pellucid`."""
    home = os.environ.get("PELLUCID_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "pellucid"


def sweep(folder: Path) -> None:
    """Remove the files that killed processes left half-written in a folder that several processes write."""
    for path in folder.glob(".*.part"):
        if not _is_being_written(path):
            path.unlink(missing_ok=True)


def _is_being_written(path: Path) -> bool:
    """Whether a file beside its place may have a writer: one that lives, or was at it within the last hour.

    (A process of another machine that shares the folder cannot be asked whether it lives.)
    """
    process = path.suffixes[-2][1:] if len(path.suffixes) > 1 else ""
    if path.suffix != ".part" or not process.isdigit():
        return False
    return _is_alive(int(process)) or time.time() - path.stat().st_mtime < 3600


def cached() -> list[dict[str, Any]]:
    """Return what the cache holds: a name, how many files and bytes, for each of its folders."""
    rows = []
    for folder in sorted(path for path in cache().glob("*") if path.is_dir()):
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        files = f"{len(sizes):,} file{'s' if len(sizes) != 1 else ''}"
        line = f"{files}, {sum(sizes) / 1e6:,.1f} MB"
        rows.append({"name": folder.name, "files": len(sizes), "bytes": sum(sizes), "line": line})
    return rows


def clear_cache() -> int:
    """Remove what the cache holds, and return how many bytes that was. What a process has open stays readable to it."""
    removed = 0
    for path in sorted(cache().rglob("*"), reverse=True):  # what a folder holds comes before it
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # something is being written into it
                path.rmdir()
        elif not _is_being_written(path):
            removed += path.lstat().st_size
            path.unlink(missing_ok=True)
    return removed


def now() -> str:
    """The time in UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def environment() -> dict[str, Any]:
    """What the run was made with: versions and machine, without importing any of it."""
    system = os.uname()
    versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy")}
    return {
        "pellucid": importlib.metadata.version("pellucid"),
        "python": platform.python_version(),
        **versions,
        "platform": " ".join((system.sysname, system.release, system.machine)),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "created": now(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
