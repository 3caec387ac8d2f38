"""Progress: one rewritten line for a person, plain lines for a file, nothing when asked to be quiet."""

from __future__ import annotations

import io

import pytest

from pellucid.training import progress
from pellucid.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def carry_out(stream: io.StringIO, quiet: bool = False) -> str:
    told = Progress(1000, quiet=quiet, stream=stream)
    told.begin(0)
    told.tell(250, 12_345.6, 2.5)
    told.validated({"accuracy": 0.97531, "log_loss": 0.1, "recall_a": 1.0, "recall_b": 0.5}, best=True)
    told.tell(500, 12_345.6, 5.0)
    told.say("something happened")
    told.tell(1000, 12_345.6, 10.0)
    told.end()
    return stream.getvalue()


def test_a_terminal_sees_one_line_rewritten() -> None:
    text = carry_out(Terminal())
    assert text.count("\n") == 2  # after the message, and at the end
    assert text.split("\r")[1].startswith("epoch 2.5  step 250/1,000  12,346 rows/s  0:00 left")
    assert "validation: accuracy 0.9753  log_loss 0.1  recall_a 1 (best)" in text
    assert text.endswith("\n")


def test_a_shorter_line_covers_a_longer_one() -> None:
    stream = Terminal()
    told = Progress(10, stream=stream)
    told.begin(0)
    told.validated({"accuracy": 0.5}, best=True)
    told.tell(5, 1.0, 0.5)
    told.validated({}, best=False)
    told.tell(6, 1.0, 0.6)
    _, long, short = stream.getvalue().split("\r")
    assert len(short) == len(long)


def test_a_file_gets_plain_lines() -> None:
    text = carry_out(io.StringIO())
    assert "\r" not in text
    assert len(text.splitlines()) == 4


def test_quiet_says_nothing() -> None:
    assert carry_out(Terminal(), quiet=True) == ""


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (3725, "1:02:05")])
def test_clock(seconds: float, shown: str) -> None:
    assert progress._clock(seconds) == shown


def test_time_left_counts_from_the_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    stream = io.StringIO()
    told = Progress(1000, stream=stream)
    clock[0] = 50.0
    told.begin(900)
    clock[0] = 60.0
    told.tell(950, 1.0, None)  # 50 steps took 10 seconds, 50 are left
    assert "0:10 left" in stream.getvalue()
