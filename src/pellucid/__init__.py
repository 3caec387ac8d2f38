"""Pellucid: deep learning that you can see through.

import pellucid
run = pellucid.fit(X, y)                    # or pellucid.train("digits")
run.metrics, run.report                     # validation, with the page that explains it
pellucid.evaluate(run, split="test")        # opens the seal, and counts it
pellucid.predict(run, X_new)
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Artefact": "pellucid.artefacts.artefact",
    "CrossValidation": "pellucid.studies",
    "Curve": "pellucid.studies",
    "Recipe": "pellucid.recipe",
    "Run": "pellucid.verbs",
    "Runs": "pellucid.verbs",
    "check": "pellucid.preflight.check",
    "compare": "pellucid.studies",
    "crossval": "pellucid.studies",
    "curve": "pellucid.studies",
    "evaluate": "pellucid.verbs",
    "fit": "pellucid.verbs",
    "load": "pellucid.verbs",
    "predict": "pellucid.verbs",
    "propose": "pellucid.proposals",
    "replay": "pellucid.verbs",
    "resume": "pellucid.verbs",
    "resume_crossval": "pellucid.studies",
    "train": "pellucid.verbs",
    "copy": "pellucid.listing",
    "ls": "pellucid.listing",
    "show": "pellucid.listing",
    "ArtefactError": "pellucid.errors",
    "DataError": "pellucid.errors",
    "LeakError": "pellucid.errors",
    "PellucidError": "pellucid.errors",
    "RecipeError": "pellucid.errors",
    "RunError": "pellucid.errors",
    "ShapeError": "pellucid.errors",
    "TrainingFailed": "pellucid.errors",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import pellucid` loads nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
