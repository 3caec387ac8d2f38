"""Sources: where batches come from, and a position in them that can be saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.catalogue import Entry, find

if TYPE_CHECKING:
    from pellucid.data.world import World
    from pellucid.recipe import Recipe
    from pellucid.sources.source import Source

SOURCES: dict[str, Entry] = {
    "shuffled": Entry(
        "pellucid.sources.shuffled:Shuffled",
        "rows",
        "Bottou, Curiously fast convergence of some stochastic gradient descent algorithms",
        2009,
        "every row once an epoch, in an order that is a function of (seed, epoch)",
    ),
    "bucketed": Entry(
        "pellucid.sources.bucketed:Bucketed",
        "rows",
        "Khomenko et al., Accelerating recurrent neural network training using sequence bucketing (arXiv 1708.05604)",
        2016,
        "every row once an epoch, in batches of about one length whose order is a function of (seed, epoch)",
    ),
    "streams": Entry(
        "pellucid.sources.streams:Streams",
        "text",
        "Williams & Peng, An efficient gradient-based algorithm for on-line training of recurrent network trajectories",
        1990,
        "pieces of a text side by side, each read on from step to step, so that a recurrent net can carry its state",
    ),
    "windows": Entry(
        "pellucid.sources.windows:Windows",
        "text",
        "Radford et al., Language Models are Unsupervised Multitask Learners",
        2019,
        "every window of a text once an epoch, cut at an offset and in an order that are functions of (seed, epoch)",
    ),
    "rollouts": Entry(
        "pellucid.sources.rollouts:Rollouts",
        "experience",
        "Mnih et al., Asynchronous Methods for Deep Reinforcement Learning (arXiv 1602.01783)",
        2016,
        "environments played side by side by the rule's policy; noise is a function of (seed, rollout, step)",
    ),
}


def build(name: str, recipe: Recipe, world: World) -> Source:
    """Return the source that feeds a recipe's rule from this world.

    Args:
        name: the row that the task asks for.
    """
    settings: dict[str, Any] = {"batch_size": recipe.train.batch_size, "seed": recipe.seed}
    if recipe.augment:
        from pellucid.sources.augmented import augmentations

        settings["augmentations"] = augmentations(name, recipe, world)
    source: Source = find(SOURCES, name, "source").load()(world, **settings)
    return source
