"""The card of an artefact: what it is, what it was trained on, what it takes and gives, in Markdown."""

from __future__ import annotations

from pellucid.recipe import Recipe
from pellucid.spec import Spec
from pellucid.tasks import TASKS


def card(recipe: Recipe, spec: Spec) -> str:
    """Return the card's text."""
    task = TASKS[recipe.task["name"]]
    if spec.target is None or task.family != "supervised":
        gives = f"what the task `{recipe.task['name']}` asks: {task.line}"
    elif spec.target.kind == "category":
        classes = spec.target.categories
        gives = f"the probability of each of {len(classes)} classes: {', '.join(classes[:20])}"
    elif spec.target.kind == "labels":
        labels = spec.target.categories
        gives = f"the probability of each of {len(labels)} labels, of which a row may have several: "
        gives += ", ".join(labels[:20])
    elif spec.target.kind == "mask":
        classes = spec.target.categories
        gives = f"for every pixel one of {len(classes)} classes: {', '.join(classes[:20])}"
    else:
        gives = f"{spec.target.size} number(s), in the units of the data"
    shape = " x ".join(map(str, spec.input.shape))
    return (
        f"# {recipe.name}\n\n"
        f"A model `{recipe.model['name']}`, trained by Pellucid on `{recipe.data.source}` (seed {recipe.seed}).\n\n"
        f"- Takes: {spec.input.kind}, {shape} per row, raw; `preprocessing.json` is applied inside.\n"
        f"- Gives: {gives}.\n"
        "- Weights: `model.safetensors`, checked by the hash in `model.json` and by `golden.safetensors`.\n"
        "- How well it does, and where it errs: `results/` and `report.html` of the run.\n\n"
        "Nothing is known of its behaviour on data that differs from what it was trained on.\n"
    )
