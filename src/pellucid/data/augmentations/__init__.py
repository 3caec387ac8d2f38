"""Augmentations: changes of training rows that keep what they mean, drawn anew in every epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.catalogue import Entry, configure
from pellucid.errors import DataError, RecipeError

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
    "crop": Entry(
        "pellucid.data.augmentations.crop:Crop",
        "pictures",
        "He et al., Deep Residual Learning for Image Recognition (arXiv 1512.03385)",
        2015,
        "moved by some pixels: a frame is put around the picture, and its size cut out at a random place",
    ),
    "resize_crop": Entry(
        "pellucid.data.augmentations.resize_crop:ResizeCrop",
        "pictures",
        "Szegedy et al., Going Deeper with Convolutions (arXiv 1409.4842)",
        2014,
        "a part of random area, shape and place, brought to the picture's size",
    ),
    "affine": Entry(
        "pellucid.data.augmentations.affine:Affine",
        "pictures",
        "Simard, Steinkraus & Platt, Best Practices for Convolutional Neural Networks",
        2003,
        "turned, scaled, sheared and moved, in one interpolation",
    ),
    "colour": Entry(
        "pellucid.data.augmentations.colour:Colour",
        "pictures",
        "Howard, Some Improvements on Deep CNN Based Image Classification (arXiv 1312.5402)",
        2013,
        "other brightness, contrast, saturation and hue, as by other light and another camera",
    ),
    "erase": Entry(
        "pellucid.data.augmentations.erase:Erase",
        "pictures",
        "Zhong et al., Random Erasing Data Augmentation (arXiv 1708.04896)",
        2017,
        "a rectangle of random area, shape and place is covered",
    ),
    "mixup": Entry(
        "pellucid.data.augmentations.mixup:Mixup",
        "pictures, tables, sounds",
        "Zhang et al., mixup: Beyond Empirical Risk Minimization (arXiv 1710.09412)",
        2017,
        "weighted means of two rows and of their classes",
    ),
    "cutmix": Entry(
        "pellucid.data.augmentations.cutmix:Cutmix",
        "pictures",
        "Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers (arXiv 1905.04899)",
        2019,
        "a rectangle of another picture, and as much of its class",
    ),
    "speed": Entry(
        "pellucid.data.augmentations.speed:Speed",
        "sounds",
        "Ko et al., Audio Augmentation for Speech Recognition",
        2015,
        "played faster or slower, pitch and length together",
    ),
    "shift": Entry(
        "pellucid.data.augmentations.shift:Shift",
        "sounds",
        "Piczak, Environmental Sound Classification with Convolutional Neural Networks",
        2015,
        "a sound begins earlier or later",
    ),
    "noise": Entry(
        "pellucid.data.augmentations.noise:Noise",
        "sounds",
        "Ko et al., A Study on Data Augmentation of Reverberant Speech for Robust Speech Recognition",
        2017,
        "white noise, softer than the sound by so many decibels",
    ),
    "equalise": Entry(
        "pellucid.data.augmentations.equalise:Equalise",
        "sounds",
        "Nam, Kim & Park, FilterAugment (arXiv 2110.03282)",
        2022,
        "bands of frequency are raised and lowered, as by another microphone",
    ),
    "spec_augment": Entry(
        "pellucid.data.augmentations.spec_augment:SpecAugment",
        "sounds",
        "Park et al., SpecAugment (arXiv 1904.08779)",
        2019,
        "bands of frequency and stretches of time are covered",
    ),
    "feature_noise": Entry(
        "pellucid.data.augmentations.feature_noise:FeatureNoise",
        "tables",
        "Bishop, Training with Noise is Equivalent to Tikhonov Regularization",
        1995,
        "Gaussian noise on every feature, in units of its spread",
    ),
}


def resolve(sections: Any) -> tuple[dict[str, Any], ...]:
    """Return a recipe's list with every field filled in; what is no list of sections is the recipe's own problem.

    Raises:
        RecipeError: every unknown name, unknown field and impossible value of all of them, at once.
    """
    if not isinstance(sections, list | tuple):
        return ()
    problems: list[str] = []
    filled = []
    for place, section in enumerate(sections):
        where = f"augment.{place}"
        if not isinstance(section, Mapping):
            continue
        if not isinstance(section.get("name"), str):
            problems.append(f'{where}.name: must be given, as in augment = [{{name = "flip"}}].')
            continue
        try:
            filled.append({"name": section["name"], **configure(AUGMENTATIONS, section, where).model_dump()})
        except RecipeError as error:
            problems += error.problems
    if problems:
        raise RecipeError(problems)
    return tuple(filled)


def build(sections: Sequence[Mapping[str, Any]], raw: Spec, prepared: Spec) -> Augmentations:
    """Return the augmentations that a recipe lists.

    Args:
        sections: of the recipe, each a name and that row's own fields.
        raw: what the columns hold as they were read.
        prepared: what they hold as a model meets them.

    Raises:
        RecipeError: all that have no meaning for such columns.
    """
    from pellucid.data.augmentations.augmentation import Augmentations

    steps, problems = [], []
    for place, section in enumerate(sections):
        where = f"augment.{place}"
        config = configure(AUGMENTATIONS, section, where)
        kind = AUGMENTATIONS[section["name"]].load()
        try:
            steps.append(kind(config, raw if kind.stage == "raw" else prepared))
        except DataError as error:
            problems.append(f"{where}.name = {section['name']!r}: {error}")
    if problems:
        raise RecipeError(problems)
    return Augmentations(steps)
