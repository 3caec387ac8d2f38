"""What can be wrong with what the user gave: one class per kind, one clear message each.

A message says what was given, what was expected and what to do. The command line turns every `PellucidError` into
that one message and its exit code; a library user sees a `ValueError`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence


class PellucidError(ValueError):
    """The user's input cannot be used as it is. `kind` names the class of mistake in the `--json` answer."""

    kind = "input"
    exit_code = 2


class RecipeError(PellucidError):
    """A recipe that cannot be carried out: an unknown name or field, a wrong type, an impossible value."""

    kind = "recipe"

    def __init__(
        self, problems: Sequence[str], where: str = "recipe", values: Mapping[str, object] | None = None
    ) -> None:
        self.problems, self.where, self.values = list(problems), where, values
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"{where}: {count}\n" + "\n".join(f"  {problem}" for problem in self.problems))


class DataError(PellucidError):
    """Data that is missing, unreadable, inconsistent or impossible to learn from."""

    kind = "data"


class ShapeError(PellucidError):
    """Tensors whose shapes do not fit, where broadcasting would have hidden the mistake."""

    kind = "shape"


class RunError(PellucidError):
    """A folder that is not a run, is in use by another process, or whose checkpoints are all damaged."""

    kind = "run"


class ArtefactError(PellucidError):
    """An artefact that is incomplete, altered, or does not give its golden outputs."""

    kind = "artefact"


class LeakError(PellucidError):
    """Rows that were held out have been used to fit a preprocessing step or the model."""

    kind = "leak"


class SealedError(PellucidError):
    """The test part was asked for by what may not see it."""

    kind = "sealed"


class TrainingFailed(PellucidError):
    """The input was usable but the work failed: a loss or a gradient that is not finite, a disk that is full."""

    kind = "failed"
    exit_code = 1


def closest(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the nearest known names, or the list of all of them when none is near.

    Example:
        >>> closest("digit", ["digits", "mnist-mlp"])
        "Did you mean 'digits'?"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return "Did you mean " + " or ".join(repr(match) for match in near) + "?"
    return "Known: " + ", ".join(names) + "." if names else "There are none."
