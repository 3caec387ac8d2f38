"""Tasks: what is asked of a model. A loss as sums and counts, predictions per row, and scores over the whole set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pellucid.catalogue import Entry, configure, find
from pellucid.spec import Spec

if TYPE_CHECKING:
    from pellucid.tasks.task import Task

TASKS: dict[str, Entry] = {
    "classify": Entry(
        "pellucid.tasks.classify:Classify",
        "supervised",
        "Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs",
        1990,
        "one class per row: cross-entropy; accuracy, balanced accuracy, log loss, Brier score, F1, AUC and more",
    ),
    "multi_label": Entry(
        "pellucid.tasks.multi_label:MultiLabel",
        "supervised",
        "Zhang & Zhou, Multilabel Neural Networks",
        2006,
        "any number of labels per row: binary cross-entropy; macro and micro F1, exact match, Hamming loss",
    ),
    "regress": Entry(
        "pellucid.tasks.regress:Regress",
        "supervised",
        "Gauss, Theoria combinationis",
        1823,
        "numbers per row: squared, absolute, Huber or pinball loss; rmse, mae, r2, of series mase",
    ),
    "segment": Entry(
        "pellucid.tasks.segment:Segment",
        "supervised",
        "Long, Shelhamer & Darrell, Fully Convolutional Networks for Semantic Segmentation (arXiv 1411.4038)",
        2014,
        "one class per pixel: cross-entropy; mean intersection over union, pixel accuracy, Dice overlap",
    ),
    "next_token": Entry(
        "pellucid.tasks.next_token:NextToken",
        "sequences",
        "Shannon, Prediction and Entropy of Printed English",
        1951,
        "the next character of a text, at every place; nats and bits per character, perplexity; continues a prompt",
    ),
    "generate": Entry(
        "pellucid.tasks.generate:Generate",
        "generative",
        "Heusel et al., GANs Trained by a Two Time-Scale Update Rule",
        2017,
        "samples like the data: Frechet distance and coverage in the features of a classifier",
    ),
    "density": Entry(
        "pellucid.tasks.density:Density",
        "unsupervised",
        "Salakhutdinov & Murray, On the quantitative analysis of deep belief networks",
        2008,
        "the distribution of binary rows: log-likelihood in nats, by enumeration or annealed importance sampling",
    ),
    "recall": Entry(
        "pellucid.tasks.recall:Recall",
        "memory",
        "Hopfield, Neural networks and physical systems with emergent collective computational abilities",
        1982,
        "patterns that were stored, completed from corrupted ones",
    ),
    "map": Entry(
        "pellucid.tasks.map:Map",
        "unsupervised",
        "Kohonen, Self-organized formation of topologically correct feature maps",
        1982,
        "rows on a sheet of units: quantisation error, topographic error",
    ),
    "control": Entry(
        "pellucid.tasks.control:Control",
        "reinforcement",
        "Sutton & Barto, Reinforcement Learning: An Introduction",
        1998,
        "actions that earn the largest return: whole episodes are played; mean return, episode length",
    ),
}


def build(section: Mapping[str, Any], spec: Spec) -> Task:
    """Return the task that a recipe's section names, made for this world."""
    config = configure(TASKS, section, "task")
    task: Task = find(TASKS, section["name"], "task.name").load()(config, spec)
    return task
