"""How much compressed data may become. What a header promises is judged before any room is made for it."""

from __future__ import annotations

from pellucid.errors import DataError

HARMLESS = 1 << 28
"""Bytes that any file may become."""
TIMES = 100
"""Times its own size that a larger one may become: photographs and measurements stay below ten."""


def check(where: str, packed: int, unpacked: int) -> None:
    """Raise `DataError` where so few bytes are said to hold so many."""
    if unpacked > max(HARMLESS, TIMES * packed):
        raise DataError(
            f"{where}: {packed:,} bytes are said to hold {unpacked:,}, more than {TIMES} times as many: a "
            "decompression bomb? Save it without compression."
        )
