"""Signals and exhibits: said to be fine or not by their range, and shown whoever made them."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from pellucid.exhibit import Curves, Images, Signal, Texts, from_files, to_files
from pellucid.reporting import record, signals
from tests.reporting.test_report import page_of, sections_of

EXHIBITS = (
    Images("grid", "A grid", "Two by three.", np.arange(2 * 3 * 16, dtype=np.uint8).reshape(2, 3, 1, 4, 4), ("a", "b")),
    Texts("said", "What it says", "Not much.", (("greedy", "to <be> & to be"),)),
    Curves("recall", "Recall", "A knee.", "load", "share", [0, 1, 2], {"net": [1, 1, 0], "other": [1, 0, 0]},
           {"net": ([1, 0.9, 0], [1, 1, 0.1])}, {"knee": 1.0}),
)  # fmt: skip


def keep(folder: Path) -> None:
    told, pixels = to_files(EXHIBITS)
    (folder / "exhibits.json").write_text(json.dumps(told))
    save_file(pixels, folder / "exhibits.safetensors")


def test_exhibits_come_back_from_their_files() -> None:
    told, pixels = to_files(EXHIBITS)
    images, texts, curves = from_files(json.loads(json.dumps(told)), pixels)
    assert isinstance(images, Images)
    assert np.array_equal(images.pixels, EXHIBITS[0].pixels)
    assert isinstance(texts, Texts)
    assert list(map(tuple, texts.texts)) == list(EXHIBITS[1].texts)
    assert isinstance(curves, Curves)
    assert dict(curves.lines) == EXHIBITS[2].lines


def test_every_kind_is_shown(digits: Path) -> None:
    keep(digits)
    page = page_of(digits)
    assert "exhibits" in sections_of(page)
    shown = page[page.index('id="exhibits"') :]
    assert "to &lt;be&gt; &amp; to be" in shown
    picture = Image.open(io.BytesIO(base64.b64decode(re.findall(r"base64,([^\"]*)", shown)[0])))
    pixels = np.asarray(picture)
    assert pixels.shape == (2 * 4 + 1, 3 * 4 + 2)
    assert np.array_equal(pixels[5:9, 10:14], EXHIBITS[0].pixels[1, 2, 0])
    assert (digits / "figures/exhibit_recall.svg").is_file()


def test_pictures_that_were_removed_leave_the_rest(digits: Path) -> None:
    keep(digits)
    (digits / "exhibits.safetensors").unlink()
    page = page_of(digits)
    assert "What it says" in page
    assert "Two by three." not in page


@pytest.mark.parametrize(
    ("low", "high", "said", "is_fine"),
    [
        (None, None, "", None),
        (0.0, None, "fine", True),
        (1e9, None, "too small", False),
        (None, 0.0, "too large", False),
        (-1e9, 1e9, "fine", True),
    ],
)
def test_a_signal_is_judged_by_its_range(
    digits: Path, low: float | None, high: float | None, said: str, is_fine: bool | None
) -> None:
    signal = Signal("gradient_norm", "length of the gradient", "How it pulls.", low, high, "too small", "too large")
    (digits / "signals.json").write_text(json.dumps([vars(signal)]))
    (standing,) = signals.standings(record.read(digits))
    assert (standing.said, standing.is_fine) == (said, is_fine)
    page = page_of(digits)
    assert "signals" in sections_of(page)
    assert "How it pulls." in page
    assert (digits / "figures/signal_gradient_norm.svg").is_file()


def test_a_signal_may_be_a_score_and_one_that_was_never_seen_is_left_out(digits: Path) -> None:
    kept = [Signal("log_loss", "surprise", "In nats.", high=100.0), Signal("absent", "absent", "Nowhere.")]
    (digits / "signals.json").write_text(json.dumps([vars(signal) for signal in kept]))
    told = record.read(digits)
    (standing,) = signals.standings(told)
    last = told.validated[-1]["metrics"]["log_loss"]
    assert float(standing.value) == pytest.approx(last, rel=1e-3)
