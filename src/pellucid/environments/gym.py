"""Gymnasium (Towers et al. 2024, arXiv:2407.17032; Brockman et al. 2016, arXiv:1606.01540): environments by name.

The one place that imports it. What is learned here: observations that are one row of numbers, actions that are one of
a few.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.environments import NAMES, Known
from pellucid.errors import DataError, PellucidError, closest
from pellucid.spec import Field, Spec

INSTALL = "In Pellucid's folder: pip install -c constraints.txt -e '.[rl]'."


def library() -> ModuleType:
    """Import Gymnasium.

    Raises:
        PellucidError: it is not installed.
    """
    try:
        import gymnasium
    except ImportError:
        raise PellucidError(f"Environments need gymnasium, which is not installed. {INSTALL}") from None
    return gymnasium


def make(identifier: str, render: bool = False) -> Any:
    """Make an environment.

    Args:
        render: pictures of it will be asked for.

    Raises:
        DataError: there is none of that name, or a library that it needs is missing.
    """
    gymnasium = library()
    if identifier not in gymnasium.registry:
        raise DataError(f"Gymnasium knows no environment {identifier!r}. {closest(identifier, gymnasium.registry)}")
    settings = {"render_mode": "rgb_array"} if render else {}
    try:
        return gymnasium.make(identifier, disable_env_checker=True, **settings)
    except (gymnasium.error.Error, ImportError) as error:  # what it needs is not installed, or is too new for it
        raise DataError(f"{identifier} cannot be made: {error}") from None


def spec(identifier: str) -> Spec:
    """Return what an environment shows and which actions it takes.

    Raises:
        DataError: the observations are no row of numbers, or the actions not one of a few.
    """
    environment = make(identifier)
    seen, taken = environment.observation_space, environment.action_space
    environment.close()
    spaces = library().spaces
    ready = "Choose an environment such as cartpole or acrobot (`pellucid ls environments`)."
    if not isinstance(taken, spaces.Discrete):
        raise DataError(
            f"{identifier} takes actions of the kind {taken}: the policies here choose one of a few actions. {ready}"
        )
    if not isinstance(seen, spaces.Box) or len(seen.shape) != 1:
        raise DataError(f"{identifier} shows {seen}: the models here read one row of numbers. {ready}")
    codes = Known(identifier, (), tuple(str(code) for code in range(taken.n)))
    _, features, actions = next((known for known in NAMES.values() if known.identifier == identifier), codes)
    target = Field("category", categories=actions)
    return Spec(Field("number", tuple(seen.shape), names=features, unit="own"), target, environment=identifier)


def first_action(environment: Any) -> int:
    """Return the environment's number of the first action, whose code is 0."""
    return int(environment.action_space.start)


def version() -> str:
    """Return Gymnasium's version."""
    return str(library().__version__)


def frame(environment: Any) -> NDArray[np.uint8]:
    """Return a picture of the environment as it stands, `[height, width, 3]`."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it would greet on standard output
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # it is drawn into memory: no screen is needed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pygame's own, about its packaging
            drawn = environment.render()
    except library().error.DependencyNotInstalled:
        raise PellucidError(f"Pictures of environments need pygame. {INSTALL}") from None
    return np.asarray(drawn, np.uint8)


def can_render(environment: Any) -> bool:
    """Whether an environment can be drawn into an array."""
    modes: Sequence[str] = environment.metadata.get("render_modes", ())
    return "rgb_array" in modes
