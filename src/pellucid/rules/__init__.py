"""Rules: how a model learns. Each fills the flat gradient in its own way and hands it to an `optim.Update`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pellucid.catalogue import Entry, configure, find

if TYPE_CHECKING:
    from torch import nn

    from pellucid.execution import Execution
    from pellucid.rules.rule import Rule
    from pellucid.tasks.task import Task

RULES: dict[str, Entry] = {
    "backpropagation": Entry(
        "pellucid.rules.backpropagation:Backpropagation",
        "gradient",
        "Rumelhart, Hinton & Williams, Learning representations by back-propagating errors",
        1986,
        "the gradient of the task's loss by the chain rule, backwards through the layers",
    ),
    "perceptron": Entry(
        "pellucid.rules.perceptron:PerceptronRule",
        "error correction",
        "Rosenblatt, The Perceptron",
        1958,
        "only mistakes teach: move the right unit's weights towards the input, the wrong unit's away",
    ),
    "adversarial": Entry(
        "pellucid.rules.adversarial:Adversarial",
        "adversarial",
        "Goodfellow et al., Generative Adversarial Nets",
        2014,
        "a discriminator tells samples from data, a generator learns to be taken for data; two updates",
    ),
    "contrastive_divergence": Entry(
        "pellucid.rules.contrastive_divergence:ContrastiveDivergence",
        "energy",
        "Hinton, Training products of experts by minimizing contrastive divergence; Tieleman 2008",
        2002,
        "lower the energy of the data, raise that of what the machine itself believes",
    ),
    "hebb": Entry(
        "pellucid.rules.hebb:Hebb",
        "correlation",
        "Hebb, The Organization of Behavior; Hopfield 1982",
        1949,
        "units that are active together are joined: the sum of the patterns' outer products, in one pass",
    ),
    "competitive": Entry(
        "pellucid.rules.competitive:Competitive",
        "competition",
        "Kohonen, Self-organized formation of topologically correct feature maps",
        1982,
        "the unit nearest to a row, and its neighbours on the map, move towards it",
    ),
}


def build(section: Mapping[str, Any], model: nn.Module, task: Task, execution: Execution, total_steps: int) -> Rule:
    """Return the rule that a recipe's section names, over this model and task."""
    config = configure(RULES, section, "rule")
    rule: Rule = find(RULES, section["name"], "rule.name").load()(config, model, task, execution, total_steps)
    return rule
