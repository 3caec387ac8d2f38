"""The learning rate: too high, and the loss jumps above that of knowing nothing; too low, and the weights hardly move.

Steps of about a thousandth of the weights' own length are usual for a healthy net (A. Karpathy, "Neural Networks: Zero
to Hero", 2022, 4; L. Bottou, "Stochastic gradient descent tricks", 2012, 3.3).
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from pellucid.verdict.finding import Finding, again
from pellucid.verdict.gradients import HUGE, usual_norm
from pellucid.verdict.record import EARLY, Numbers, Record
from pellucid.verdict.underfitting import still_falling, worse_than_simple

JUMP = 2.0
"""How many times the loss of knowing nothing. Fresh nets start at 0.7 to 1.2 times it, bad starts at a little more."""
RISE = 0.25
"""By what share of the loss of knowing nothing the training loss rose again at most; healthy curves stay below 0.05."""
MOVED = 1e-3
"""The update ratio below which a high loss is no fault of the rate: such steps do not throw a net far."""
CREEPS = 5e-4
"""The largest layer's update ratio below which a net hardly learns; healthy ones show 3e-3 to 1e-2 early on."""
FEWEST = 4
"""Points of the training curve below which nothing is said."""


def rate_too_high(record: Record) -> Finding | None:
    """Look for a training loss that jumped up."""
    losses, nothing = record.training_losses, _of_knowing_nothing(record)
    if not record.by_gradient or len(losses) < FEWEST or nothing is None:
        return None
    ratio = _largest(record.weights("update_ratios"), early=True)
    if (not math.isnan(ratio) and ratio < MOVED) or usual_norm(record) > HUGE:  # then the start is to blame
        return None
    highest = float(losses.max())
    rise = float((losses[1:] - np.minimum.accumulate(losses)[:-1]).max())
    if highest <= JUMP * nothing and rise <= RISE * nothing:
        return None
    if highest > JUMP * nothing:
        told = f"the training loss reached {highest:.3g}, where knowing nothing costs {nothing:.3g}"
    else:
        told = f"the training loss rose again by {rise:.3g}, where knowing nothing costs {nothing:.3g}"
    evidence = {
        "highest_loss": highest,
        "rise": rise,
        "loss_of_knowing_nothing": nothing,
        "update_ratio": _or_zero(ratio),
    }
    return Finding(
        "rate_too_high",
        f"The learning rate of {_rate(record):g} is too high: {told}"
        + (f"; early steps were {ratio:.1g} times as long as the weights." if not math.isnan(ratio) else "."),
        evidence,
        again(record.run, record.recipe, [f"rule.optimizer.learning_rate={_rate(record) / 10:.3g}"], "lower-rate"),
    )


def rate_too_low(record: Record) -> Finding | None:
    """Look for weights that hardly moved in a net that has not learned what there is."""
    ratios = record.weights("update_ratios")
    if (
        not record.by_gradient
        or len(ratios) < FEWEST
        or record.recipe["rule"].get("optimizer", {}).get("name") == "lbfgs"
    ):
        return None
    ratio = _largest(ratios, early=False)
    unfinished = worse_than_simple(record) is not None or still_falling(record) is not None
    if math.isnan(ratio) or ratio == 0 or ratio >= CREEPS or not unfinished:
        return None
    first, last = float(record.training_losses[0]), float(record.training_losses[-1])
    message = (
        f"The learning rate of {_rate(record):g} is too low: no layer's steps were longer than {ratio:.1g} of its "
        f"weights (about 1e-3 is usual), and the training loss went from {first:.4g} to {last:.4g} only."
    )
    evidence = {"update_ratio": ratio, "first_loss": first, "last_loss": last}
    times = 10 ** max(1, round(math.log10(2 * MOVED / ratio)))
    settings = [f"rule.optimizer.learning_rate={_rate(record) * times:.3g}"]
    return Finding("rate_too_low", message, evidence, again(record.run, record.recipe, settings, "higher-rate"))


def _of_knowing_nothing(record: Record) -> float | None:
    """The training loss of the best constant: the classes' entropy, or the variance of standardised numbers."""
    if record.recipe["task"]["name"] == "classify":
        weights = record.recipe["task"].get("class_weights", "none")
        classes = len(record.result.get("class_names", ()))
        return record.of_constant("log_loss") if weights == "none" or not classes else math.log(classes)
    if record.recipe["task"]["name"] == "regress" and record.recipe.get("prepare", {}).get("standardize", True):
        return 1.0
    return None


def _largest(ratios: Numbers, *, early: bool) -> float:
    """The layer that moves most, `[lines, weights]`: its median over the first lines, or its upper quartile."""
    if not ratios.size:
        return math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a layer without a finite number
        if early:
            typical = np.nanmedian(ratios[: max(1, int(EARLY * len(ratios)))], axis=0)
        else:
            typical = np.nanquantile(ratios, 0.75, axis=0)
    finite = typical[np.isfinite(typical)]
    return float(finite.max()) if finite.size else math.nan


def _rate(record: Record) -> float:
    return float(record.recipe["rule"].get("optimizer", {}).get("learning_rate", math.nan))


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value
