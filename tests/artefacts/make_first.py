"""Make the artefact of `tests/artefacts/first`, which every later version must load. Run once per format."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pellucid
from pellucid.artefacts.artefact import read

if __name__ == "__main__":
    here = Path(__file__).parent / "first"
    with tempfile.TemporaryDirectory() as folder:
        settings = {"model.hidden": [8], "train.epochs": 5, "evaluate.baselines": False}
        run = pellucid.train("digits-mlp", settings, out=Path(folder) / "run", report=False, quiet=True)
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(run.folder / "artefact", here)
    artefact = read(here)
    (here / "expected.json").write_text(
        json.dumps([answer.values["prediction"] for answer in artefact.answer()]) + "\n"
    )
