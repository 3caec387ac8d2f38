"""Overfits: validation turned and became worse, by more than its own interval, while the training loss went on falling.

Judged by the loss, which shows it first: a net may grow ever surer of what it gets wrong while as many rows are right.
L. Prechelt, "Early Stopping - But When?", 1998, on the generalisation loss above the minimum of validation so far.
"""

from __future__ import annotations

import math

import numpy as np

from pellucid.verdict.finding import Finding, again
from pellucid.verdict.record import Record, half, when
from pellucid.verdict.words import metric

RISE = 0.1
"""Share of the best validation loss that the end is worse by at least: below it nothing is lost by going on."""
SHARED = 0.7
"""And of the half-width of its interval. Two looks at the same rows share most of their noise: where their losses
correlate by 3/4, that of the difference is sqrt(2 (1 - 3/4)) = 0.7 of that of each."""
FEWEST = 3
"""Validations below which no turn can be seen."""


def overfits(record: Record) -> Finding | None:
    """Find the turn of the validation loss."""
    losses, name = record.validation_losses, record.loss_name
    if not record.by_gradient or name is None or len(losses) < FEWEST:
        return None
    score = record.score(name)
    if record.beats_knowing_nothing("net") is False and record.beats_knowing_nothing("train"):
        return _by_heart(record)
    turn = int(losses.argmin())
    best, end = float(losses[turn]), float(losses[-max(1, len(losses) // 10) :].mean())
    if score is None or best <= 0 or score["value"] <= 0:
        return None
    # The interval belongs to the kept weights; where those are worse than the best ones by loss, so is its width.
    noise = max(half(score) * min(1.0, best / score["value"]), 1e-9 * best)
    before = [line["loss"] for line in record.trained if line["step"] <= record.validated[turn]["step"]]
    start = before[-1] if before else float(record.training_losses[0]) if len(record.training_losses) else np.nan
    last = record.trained[-1]["loss"] if record.trained else np.nan
    if not (end - best > max(SHARED * noise, RISE * best, record.material) and last < start):
        return None
    evidence = {
        "best": best,
        "end": end,
        "noise": noise,
        "step": float(record.validated[turn]["step"]),
        "training_loss_at_turn": float(start),
        "training_loss_at_end": float(last),
    }
    told = f"It overfits: {metric(name)} on validation was best at {when(record.validated[turn])}"
    told += f" ({best:.4g}) and ended at {end:.4g}, with {noise:.2g} on either side as its interval, "
    told += f"while the training loss fell from {start:.3g} to {last:.3g}. {_kept(record)}"
    return Finding("overfits", told, evidence, again(record.run, record.recipe, _remedy(record), "regularised"))


def _by_heart(record: Record) -> Finding | None:
    """A net that knows its training rows, and of others no more than a constant does."""
    name = str(record.result["primary"])
    mine, held = record.score(name, "train"), record.score(name)
    if mine is None or held is None:
        return None
    noise = math.hypot(half(mine), half(held))
    if record.sign * (mine["value"] - held["value"]) <= noise:
        return None
    message = (
        f"It overfits: it has learned by heart. Its {metric(name)} is {mine['value']:.4g} on its training rows "
        f"and {held['value']:.4g} on validation rows, where it is not shown to know more than a constant does. "
        f"{_kept(record)}"
    )
    evidence = {"train": float(mine["value"]), "validation": float(held["value"]), "noise": noise}
    command = again(record.run, record.recipe, _remedy(record), "regularised")
    return Finding("overfits", message, evidence, command)


def _kept(record: Record) -> str:
    if record.recipe["train"].get("keep", "best") == "last":
        return "The weights kept are the last ones."
    line = next((line for line in reversed(record.validated) if line.get("best")), None)
    return (
        f"The weights kept are those of {when(line)}, the best by {metric(record.result['primary'])}." if (line) else ""
    )


def _remedy(record: Record) -> list[str]:
    """Dropout where the model has it and uses little; else weight decay, and stopping in time."""
    model, optimizer = record.recipe["model"], record.recipe["rule"].get("optimizer", {})
    settings = []
    if model.get("dropout", 1.0) < 0.3:
        settings.append("model.dropout=0.3")
    elif "dropout" in model and model["dropout"] < 0.5:
        settings.append("model.dropout=0.5")
    if "weight_decay" in optimizer:
        # Decoupled decay is a share of the weights per step at the rate; in the loss it is added to the gradient.
        usual = 0.1 if optimizer.get("name") == "adamw" else 1e-3
        settings.append(f"rule.optimizer.weight_decay={max(usual, 3 * optimizer['weight_decay']):g}")
    return [*settings, "train.patience=10"]
