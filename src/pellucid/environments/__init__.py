"""Environments: worlds that answer actions with observations and rewards. This is the table of them; it loads nothing.

A recipe may also name any other environment that Gymnasium knows, as `gymnasium:ID`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.catalogue import Entry

if TYPE_CHECKING:
    from pellucid.environments.episodes import Episodes
    from pellucid.recipe import Recipe
    from pellucid.spec import Spec

ENVIRONMENTS: dict[str, Entry] = {
    "cartpole": Entry(
        "gymnasium.envs.classic_control.cartpole:CartPoleEnv",
        "classic control",
        "Barto, Sutton & Anderson, Neuronlike adaptive elements",
        1983,
        "push a cart left or right so that its pole stays upright: a point per step, 500 at most",
    ),
    "acrobot": Entry(
        "gymnasium.envs.classic_control.acrobot:AcrobotEnv",
        "classic control",
        "Sutton, Generalization in reinforcement learning: successful examples",
        1996,
        "swing two hanging links up by their joint: a point off per step, 500 steps at most",
    ),
    "mountaincar": Entry(
        "gymnasium.envs.classic_control.mountain_car:MountainCarEnv",
        "classic control",
        "Moore, Efficient memory-based learning for robot control",
        1990,
        "rock a weak car out of a valley: a point off per step, 200 at most, and no sign of progress before the end",
    ),
}

IDENTIFIERS = {"cartpole": "CartPole-v1", "acrobot": "Acrobot-v1", "mountaincar": "MountainCar-v0"}
"""What Gymnasium calls the rows, its time limits included."""
PREFIX = "gymnasium:"


def is_named_by(source: str) -> bool:
    """Whether a recipe's `data.source` is an environment and no data set."""
    return source in ENVIRONMENTS or source.startswith(PREFIX)


def identifier(source: str) -> str:
    """Return Gymnasium's own name of an environment.

    Example:
        >>> identifier("cartpole"), identifier("gymnasium:Acrobot-v1")
        ('CartPole-v1', 'Acrobot-v1')
    """
    return IDENTIFIERS.get(source) or source.removeprefix(PREFIX)


def open(recipe: Recipe, device: str = "cpu") -> Episodes:
    """Open the environment that a recipe names.

    Raises:
        PellucidError: Gymnasium is not installed.
        DataError: there is no such environment, or its observations and actions are of a kind that is not learned here.
    """
    from pellucid.environments.episodes import Episodes

    return Episodes(identifier(recipe.data.source), recipe.split, device)


def specs(source: str) -> Spec:
    """Return what an environment dictates."""
    from pellucid.environments import gym

    return gym.spec(identifier(source))
