"""What all tests share: a folder of their own to run in, and a cache of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile(
    "any machine", settings.default, deadline=None
)  # a slow example is no failure, whatever the machine
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every test in an empty folder, and never in the user's cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    return tmp_path
