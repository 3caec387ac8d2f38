"""Gradients that vanish or explode on their way through the layers, and gradients that burst now and then.

S. Hochreiter, "Untersuchungen zu dynamischen neuronalen Netzen", 1991; X. Glorot & Y. Bengio, "Understanding the
difficulty of training deep feedforward neural networks", 2010; R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of
training recurrent neural networks", 2013, arXiv:1211.5063.

Norms are read before clipping, of weights, in the first quarter of the run: a net that has learned has small ones.
"""

from __future__ import annotations

import warnings

import numpy as np

from pellucid.verdict.finding import Finding, again
from pellucid.verdict.record import EARLY, Numbers, Record, is_number

FADED = 1e-3
"""The gradient of an early layer over that of the last one. Healthy nets of a few layers stay above 0.03."""
GROWN = 1e3
"""The gradient of an early layer over that of the last one, or of the worst step over the usual one."""
HUGE = 1e3
"""A usual norm of the whole gradient that no standardised problem of any size shows: healthy ones are of order 1."""
FEWEST_LAYERS = 3
"""Weights below which a gradient has no way to go."""


def vanishing_gradients(record: Record) -> Finding | None:
    """Compare each layer's gradient with the last layer's."""
    norms = _early(record)
    if norms is None or len(norms) < FEWEST_LAYERS or norms[-1] <= 0:
        return None
    # A whole stretch of early layers fades; one layer alone is dead, or is rarely asked (an embedding).
    shares = norms[:-1] / norms[-1]
    faded = int(shares.argmin())
    if not (shares[faded] < FADED and (shares[: faded + 1] < 0.1).mean() > 0.5):
        return None
    names = record.weight_names
    message = (
        f"Gradients vanish: that of {names[faded]} is {norms[faded]:.2g}, {shares[faded]:.1g} of that of {names[-1]}, "
        "so the early layers hardly learn from the loss."
    )
    evidence = {"early": float(norms[faded]), "last": float(norms[-1]), "share": float(shares[faded])}
    return Finding(
        "vanishing_gradients", message, evidence, again(record.run, record.recipe, _remedy(record), "flowing")
    )


def exploding_gradients(record: Record) -> Finding | None:
    """Look for a gradient that grows on its way back, or that is huge altogether."""
    norms = _early(record)
    if norms is None:
        return None
    usual, largest = usual_norm(record), max(_whole(record), default=0.0)
    grown = float(norms[:-1].max() / norms[-1]) if len(norms) >= FEWEST_LAYERS and norms[-1] > 0 else 0.0
    if grown <= GROWN and usual <= HUGE and not (usual > 0 and largest > GROWN * usual and largest > HUGE):
        return None
    if grown > GROWN:
        names = record.weight_names
        told = f"that of {names[int(norms[:-1].argmax())]} is {grown:.1g} times that of {names[-1]}"
    elif usual > HUGE:
        told = f"the norm of the whole gradient is {usual:.2g} over the whole run, where about 1 is usual"
    else:
        told = (
            f"the norm of the whole gradient reached {largest:.2g}, {largest / usual:.1g} times the usual {usual:.2g}"
        )
    evidence = {"growth": grown, "usual_norm": usual, "largest_norm": largest}
    settings = ["rule.clip=1.0", *(_remedy(record) if grown > GROWN else [])]
    if not record.recipe.get("prepare", {}).get("standardize", True):
        settings = ["prepare.standardize=true"]
    command = again(record.run, record.recipe, settings, "clipped")
    return Finding("exploding_gradients", f"Gradients explode: {told}.", evidence, command)


def usual_norm(record: Record) -> float:
    """Return the median norm of the whole gradient over the run; 0 where it was not recorded."""
    whole = _whole(record)
    return float(np.median(whole)) if whole else 0.0


def _whole(record: Record) -> list[float]:
    return [float(line["gradient_norm"]) for line in record.trained if is_number(line.get("gradient_norm"))]


def _early(record: Record) -> Numbers | None:
    """Each weight's usual gradient norm in the first quarter of the run, `[weights]`; None where it is not known."""
    norms = record.weights("gradient_norms")
    if not record.by_gradient or not norms.size:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a layer without a finite number
        typical = np.nanmedian(norms[: max(1, int(EARLY * len(norms)))], axis=0)
    found: Numbers = typical
    return found if np.isfinite(found).all() else None


def _remedy(record: Record) -> list[str]:
    """What lets a gradient through: ReLU units, a start made for their depth, a norm in between."""
    model, settings = record.recipe["model"], []
    if "activation" in model and model["activation"] != "relu":
        settings.append("model.activation=relu")
    if "initialiser" in model:
        settings.append("model.initialiser=he")
    if model.get("norm") == "none":
        settings.append("model.norm=batch")
    return settings or ["rule.optimizer.name=adam"]
