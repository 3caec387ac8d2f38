"""Environments: worlds that answer actions with observations and rewards. This is the table of them; it loads nothing.

A recipe may also name any other environment that Gymnasium knows, as `gymnasium:ID`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pellucid.catalogue import Entry
from pellucid.errors import RecipeError

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


class Known(NamedTuple):
    """What Gymnasium calls a row, its time limit included; and what its numbers and actions are called, which it does
    not say.
    """

    identifier: str
    features: tuple[str, ...]
    actions: tuple[str, ...]


NAMES = {
    "cartpole": Known("CartPole-v1", ("position", "velocity", "angle", "angular velocity"), ("left", "right")),
    "acrobot": Known(
        "Acrobot-v1",
        ("cosine 1", "sine 1", "cosine 2", "sine 2", "angular velocity 1", "angular velocity 2"),
        ("torque -1", "no torque", "torque +1"),
    ),
    "mountaincar": Known("MountainCar-v0", ("position", "velocity"), ("left", "coast", "right")),
}
PREFIX = "gymnasium:"
WITHOUT_EFFECT = {
    "split.kind": "an episode is drawn by its seed. Leave it out.",
    "split.validation": "episodes are counted: split.validation_episodes. (split.validation = 0 plays none.)",
    "split.test": "episodes are counted: split.test_episodes. (split.test = 0 plays none.)",
    "prepare.binarize": "observations are taken as they are. Leave it out.",
    "prepare.context": "a policy sees one observation at a time. Leave it out.",
    "train.batch_size": "the rule says how much experience an update sees. Set the rule's own fields instead "
    "(`pellucid show ppo`).",
}
"""Fields that speak of rows or texts, and why an environment has no use for them."""


def is_named_by(source: str) -> bool:
    """Whether a recipe's `data.source` is an environment and no data set."""
    return source in ENVIRONMENTS or source.startswith(PREFIX)


def identifier(source: str) -> str:
    """Return Gymnasium's own name of an environment.

    Example:
        >>> identifier("cartpole"), identifier("gymnasium:Acrobot-v1")
        ('CartPole-v1', 'Acrobot-v1')
    """
    return NAMES[source].identifier if source in NAMES else source.removeprefix(PREFIX)


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


def check(recipe: Recipe) -> None:
    """Refuse what was set and has no effect on an environment: anything but the default, or the 0 that asks for none.

    Raises:
        RecipeError: every such field, and what to set instead.
    """
    if not is_named_by(recipe.data.source):
        return
    problems = []
    for field, told in WITHOUT_EFFECT.items():
        name, _, own = field.partition(".")
        section = getattr(recipe, name)
        value = getattr(section, own)
        if value not in (0, type(section).model_fields[own].default):
            problems.append(f"{field} = {value!r} has no effect on {recipe.data.source!r}: {told}")
    if problems:
        raise RecipeError(problems, where=f"recipe {recipe.name!r}")
