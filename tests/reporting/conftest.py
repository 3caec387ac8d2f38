"""Two honest runs to report on, trained once, and copied for whoever writes into them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.reporting.samples import train_both


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of the two runs."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PELLUCID_CACHE", str(folder / "cache"))
        return train_both(folder)


@pytest.fixture
def digits(trained: dict[str, Path], tmp_path: Path) -> Path:
    """A classifier's run, to be written into."""
    return Path(shutil.copytree(trained["digits"], tmp_path / "digits"))


@pytest.fixture
def diabetes(trained: dict[str, Path], tmp_path: Path) -> Path:
    """A regression's run, to be written into."""
    return Path(shutil.copytree(trained["diabetes"], tmp_path / "diabetes"))
