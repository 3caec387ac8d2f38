"""Every score of classification, by name: what a result shows, and what may be asked for.

Two classes called 0 and 1, or False and True, say themselves which one is sought; otherwise `task.positive` may name
it. Then F1, the area under the curve and average precision are those of this class against all others; without it they
are means over the classes, each against the others (macro, one-vs-rest), in which a rare class counts as much as any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from pellucid.errors import DataError, RecipeError, closest
from pellucid.spec import Field
from pellucid.tasks.score import Score, mean_score

MOST_RANKED = 25
"""Classes above which rows are sorted class by class only when a recipe asks for it."""
TOP = 5
"""Of the likeliest classes so many count as an answer (Russakovsky et al. 2015), where there are more than twice as
many."""


@dataclass(frozen=True)
class Judged:
    """What scores are made of.

    Attributes:
        log_probability: of each class.
        predicted, targets: codes of classes.
        positive: the code of the class that is sought; None where all count alike.
        classes: the names of the classes.
    """

    log_probability: Float[NDArray[np.floating], "rows classes"]
    predicted: Int[NDArray[np.integer], " rows"]
    targets: Int[NDArray[np.integer], " rows"]
    positive: int | None
    classes: Sequence[str]


def accuracy(judged: Judged) -> Score:
    """The share of rows that are right."""
    return mean_score(judged.predicted == judged.targets, "max", "wilson")


def log_loss(judged: Judged) -> Score:
    """The mean cross-entropy in nats."""
    return mean_score(-np.take_along_axis(judged.log_probability, judged.targets[:, None], axis=1)[:, 0], "min")


def brier(judged: Judged) -> Score:
    """The mean squared error of the probabilities (Brier 1950): summed over the classes, of two over one of them.

    So it is 0 to 1 for two classes and 0 to 2 for more, as in scikit-learn.
    """
    error = np.exp(judged.log_probability.astype(np.float64))
    error[np.arange(len(error)), judged.targets] -= 1
    return mean_score(np.square(error).sum(axis=1) / (2 if error.shape[1] == 2 else 1), "min")


def balanced_accuracy(judged: Judged) -> Score:
    """The mean recall of the classes that have rows."""
    return _of_codes(judged, "balanced_accuracy")


def f1(judged: Judged) -> Score:
    """The harmonic mean of precision and recall, of the positive class or averaged over those that occur."""
    if judged.positive is None:
        return _of_codes(judged, "macro_f1")
    true, said = judged.targets == judged.positive, judged.predicted == judged.positive
    return Score(np.stack([2.0 * (true & said), 1.0 * true + said], axis=1), "ratio", "max")


def mcc(judged: Judged) -> Score:
    """The correlation of truth and prediction (Matthews 1975, Gorodkin 2004)."""
    return _of_codes(judged, "matthews")


def kappa(judged: Judged) -> Score:
    """The agreement with the truth beyond chance (Cohen 1960)."""
    return _of_codes(judged, "kappa")


def auc(judged: Judged) -> Score:
    """The area under the ROC curve."""
    return _ranked(judged, "area_under_roc")


def average_precision(judged: Judged) -> Score:
    """The area under the curve of precision and recall, without interpolation."""
    return _ranked(judged, "average_precision")


def top(judged: Judged, num: int) -> Score:
    """The share of rows whose class is among the `num` likeliest; of equally likely ones the first goes first."""
    held = np.take_along_axis(judged.log_probability, judged.targets[:, None], axis=1)
    before = np.arange(judged.log_probability.shape[1]) < judged.targets[:, None]
    ahead = (judged.log_probability > held) | ((judged.log_probability == held) & before)
    return mean_score(ahead.sum(axis=1) < num, "max", "wilson")


def recalls(judged: Judged) -> dict[str, Score]:
    """Of each class that has rows the share that was found."""
    found: dict[str, Score] = {}
    for code, name in enumerate(judged.classes):
        true = judged.targets == code
        if true.any():
            moments = np.stack([true & (judged.predicted == code), true], axis=1).astype(np.float64)
            found[f"recall_{name}"] = Score(moments, "ratio", "max", "wilson")
    return found


METRICS: Mapping[str, Callable[[Judged], Score]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "log_loss": log_loss,
    "brier": brier,
    "f1": f1,
    "auc": auc,
    "average_precision": average_precision,
    "mcc": mcc,
    "kappa": kappa,
}
"""In the order in which a result shows them; besides, `top_K` for any K, and `recall`, a score for every class."""


def positive_of(target: Field, wanted: str | int | float | None) -> int | None:
    """Return the code of the class that is sought; None where none is.

    Raises:
        DataError: no class is called so.
    """
    if wanted is not None:
        if str(wanted) not in target.categories:
            raise DataError(
                f"task.positive = {wanted!r}: there is no such class. {closest(str(wanted), target.categories)}"
            )
        return target.categories.index(str(wanted))
    return 1 if target.labels == "truth" or target.categories == ("0", "1") else None


def default_metrics(num_classes: int, *, imbalanced: bool, positive: bool) -> tuple[str, ...]:
    """Return what a result shows unasked: few enough to read, and what a lone accuracy would hide."""
    names = ["accuracy", "balanced_accuracy", "log_loss", "brier", "f1"]
    if num_classes <= MOST_RANKED:
        names += ["auc", *(["average_precision"] if imbalanced or positive else [])]
    return (*names, *([f"top_{TOP}"] if num_classes > 2 * TOP else []), *(["recall"] if imbalanced else []))


def check(names: Sequence[str], num_classes: int) -> None:
    """Raise `RecipeError` with every name that is no metric, and the closest ones."""
    known = [*METRICS, "recall", f"top_{TOP}"]
    problems = [
        f"task.metrics: there is no {name!r}. {closest(name, known)}"
        for name in names
        if name not in METRICS and name != "recall" and _top(name) is None
    ]
    problems += [
        f"task.metrics: {name!r} is always 1 of {num_classes} classes. Choose a smaller number, or leave it out."
        for name in names
        if (_top(name) or 0) >= num_classes
    ]
    if problems:
        raise RecipeError(problems, where="task.metrics")


def scores(names: Sequence[str], judged: Judged) -> dict[str, Score]:
    """Return some scores in the order of their names.

    Where a part's rows are all of one class, or none is of the positive one, there is no order to judge: the area and
    the average precision are left out.
    """
    present = np.unique(judged.targets)
    ranked = len(present) > 1 and (judged.positive is None or judged.positive in present)
    found: dict[str, Score] = {}
    for name in names:
        num = _top(name)
        if name == "recall":
            found |= recalls(judged)
        elif num is not None:
            found[name] = top(judged, num)
        elif ranked or name not in ("auc", "average_precision"):
            found[name] = METRICS[name](judged)
    return found


def _top(name: str) -> int | None:
    number = name.removeprefix("top_")
    return int(number) if number != name and number.isdecimal() and int(number) > 0 else None


def _of_codes(judged: Judged, kind: str) -> Score:
    return Score(np.stack([judged.targets, judged.predicted], axis=1).astype(np.float64), kind, "max")


def _ranked(judged: Judged, kind: str) -> Score:
    """Rows in the order of each class's log-probability; of two classes in that of its difference, which never
    saturates."""
    held = judged.log_probability.astype(np.float64)
    if held.shape[1] == 2:
        held = held - held[:, ::-1]
    codes = list(range(held.shape[1])) if judged.positive is None else [judged.positive]
    if held.shape[1] == 2 and kind == "area_under_roc":
        codes = [1]  # whichever of two is sought, the area is the same
    labels = np.stack([judged.targets == code for code in codes], axis=1)
    return Score(np.concatenate([held[:, codes], labels], axis=1), kind, "max")
