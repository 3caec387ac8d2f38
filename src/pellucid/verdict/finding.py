"""A finding: one illness (or health) of a run in plain words, with its numbers and the next experiment as a command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "suspiciously_good",
    "rate_too_high",
    "exploding_gradients",
    "vanishing_gradients",
    "dead_units",
    "rate_too_low",
    "underfits",
    "overfits",
    "poorly_calibrated",
    "unstable",
    "data_limited",
    "fits",
]


@dataclass(frozen=True)
class Finding:
    """What is found in a run.

    Attributes:
        message: one or two sentences with the numbers.
        evidence: the numbers that it rests on, thresholds among them.
        next: the next experiment, ready to be typed.
    """

    kind: Kind
    message: str
    evidence: Mapping[str, float]
    next: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON types."""
        return asdict(self)


def again(
    run: str, recipe: Mapping[str, Any], settings: Sequence[str], ending: str, more: str = "", beside: str = ""
) -> str:
    """Return what does a run again with other settings, beside it.

    In a shell where the recipe says where the data is; in Python where the data or the model came from memory.

    Args:
        settings: `section.field=value`.
        ending: what is added to the name of the run's folder.
        more: further options of `pellucid train`, such as `--seeds 5`.
        beside: the folder whose name is taken, where that is not the run's.
    """
    out = f"{beside or run}-{ending}"
    own = recipe["model"]["name"] == "own"
    if own or recipe["data"].get("source") == "arrays":
        model = ", model=YourModel()" * own
        changed = f", settings={list(settings)!r}" * bool(settings)
        return f"pellucid.fit(X, y{model}, recipe={f'{run}/recipe.toml'!r}{changed}, out={out!r})"
    words = ["pellucid", "train", f"{run}/recipe.toml", *settings, *more.split(), "--out", out]
    return shlex.join(words)
