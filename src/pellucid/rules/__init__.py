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
    "reinforce": Entry(
        "pellucid.rules.reinforce:reinforce",
        "policy gradient",
        "Williams, Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning",
        1992,
        "make the actions of whole episodes likelier, the more so the larger the return that followed",
    ),
    "a2c": Entry(
        "pellucid.rules.a2c:advantage_actor_critic",
        "policy gradient",
        "Mnih et al., Asynchronous Methods for Deep Reinforcement Learning (arXiv 1602.01783)",
        2016,
        "make actions likelier that turn out better than a learned value expected, every few steps",
    ),
    "ppo": Entry(
        "pellucid.rules.ppo:proximal_policy",
        "policy gradient",
        "Schulman et al., Proximal Policy Optimization Algorithms (arXiv 1707.06347)",
        2017,
        "go over the same experience several times, and stop where the policy has moved far enough",
    ),
}


def build(section: Mapping[str, Any], model: nn.Module, task: Task, execution: Execution, total_steps: int) -> Rule:
    """Return the rule that a recipe's section names, over this model and task."""
    config = configure(RULES, section, "rule")
    rule: Rule = find(RULES, section["name"], "rule.name").load()(config, model, task, execution, total_steps)
    return rule
