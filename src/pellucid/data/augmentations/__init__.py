"""Augmentations: changes of training rows that keep what they mean, drawn anew in every epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.catalogue import Entry, configure

if TYPE_CHECKING:
    from pellucid.data.augmentations.augmentation import Augmentations
    from pellucid.spec import Spec

AUGMENTATIONS: dict[str, Entry] = {
    "flip": Entry(
        "pellucid.data.augmentations.flip:Flip",
        "pictures",
        "Krizhevsky, Sutskever & Hinton, ImageNet Classification with Deep Convolutional Neural Networks",
        2012,
        "mirror images, left to right or top to bottom",
    ),
}


def build(sections: Sequence[Mapping[str, Any]], raw: Spec, prepared: Spec) -> Augmentations:
    """Return the augmentations that a recipe lists.

    Args:
        sections: of the recipe, each a name and that row's own fields.
        raw: what the columns hold as they were read.
        prepared: what they hold as a model meets them.

    Raises:
        DataError: one has no meaning for such columns.
    """
    from pellucid.data.augmentations.augmentation import Augmentations

    steps = []
    for place, section in enumerate(sections):
        kind = AUGMENTATIONS[section["name"]].load()
        config = configure(AUGMENTATIONS, section, f"augment.{place}")
        steps.append(kind(config, raw if kind.stage == "raw" else prepared))
    return Augmentations(steps)
