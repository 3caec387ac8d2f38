"""The seal on the test part: whatever trains, stops early, chooses or compares settings cannot take a row of it."""

from __future__ import annotations

from pellucid.errors import SealedError


class Seal:
    """Closed until `open` is called, which `evaluate --split test` does after it has written the look down."""

    def __init__(self) -> None:
        self._closed = True

    def open(self) -> None:
        """Let the test part be judged."""
        self._closed = False

    def check(self, part: str) -> None:
        """Raise `SealedError` where `part` is the test part and the seal is closed."""
        if part == "test" and self._closed:
            raise SealedError(
                "The test part is sealed: nothing that trains or chooses may see it. Judge by validation; the verb "
                "that opens it is pellucid evaluate RUN --split test."
            )
