"""Underfits: the net does worse on the very rows that it learned from than something simple does on new ones.

What a simple model reaches on rows that it never saw shows what there is to be learned; a net that does not reach it
even on its training rows, in evaluation mode, lacks size, time or a better start (Goodfellow, Bengio & Courville 2016,
5.2). Or it was stopped while validation was still becoming better, by more than can be chance.
"""

from __future__ import annotations

import math

from pellucid.verdict.finding import Finding, again
from pellucid.verdict.record import EARLY, Record, half, longer
from pellucid.verdict.words import metric, named

MARGIN = 1.25
"""Of the two intervals' joint half-width: several baselines are compared with, and the best of them is lucky."""
FALL = 0.05
"""Share of the loss that the last quarter of the run must have brought to be worth another run."""
FALL_NOISE = 0.5
"""And the same in half-widths of the loss's interval. Two looks at the same rows differ by far less than that."""


def worse_than_simple(record: Record) -> tuple[str, float, float, float] | None:
    """Return the best baseline that beats the net's training score: its name, both scores, and their joint noise."""
    name = record.result.get("primary")
    mine = record.score(name, "train") if name else None
    if mine is None or name is None:
        return None
    found = []
    for baseline in record.result.get("baselines", {}):
        score = record.score(name, baseline)
        if score is not None:
            noise = math.hypot(half(score), half(mine))
            if record.sign * (score["value"] - mine["value"]) > MARGIN * noise:
                found.append(
                    (record.sign * score["value"], baseline, float(mine["value"]), float(score["value"]), noise)
                )
    if not found:
        return None
    _, baseline, value, other, noise = max(found)
    return baseline, value, other, noise


def still_falling(record: Record) -> tuple[float, float] | None:
    """Return the validation loss a quarter of the run ago and at the end, where it still became better."""
    losses, name = record.validation_losses, record.loss_name
    score = record.score(name) if name else None
    if len(losses) < 2 or score is None:
        return None
    quarter = max(1, int(EARLY * len(losses)))
    before, end = float(losses[-1 - quarter]), float(losses[-1])
    best_is_late = int(losses.argmin()) >= len(losses) - quarter
    side = min(score["value"] - score["low"], score["high"] - score["value"])  # a few large errors stretch the other
    noise = side * min(1.0, end / score["value"]) if score["value"] > 0 else side
    if best_is_late and before - end > max(FALL * end, FALL_NOISE * noise, record.material):
        return before, end
    return None


def underfits(record: Record) -> Finding | None:
    """Compare the training score with the baselines', and the end of the validation curve with what came before."""
    if not record.by_gradient:
        return None
    simple, falling = worse_than_simple(record), still_falling(record)
    # Not better than a constant, on what it learned from either: where it is there, it has learned by heart.
    nothing = record.beats_knowing_nothing("net") is False and record.beats_knowing_nothing("train") is False
    if simple is None and falling is None and not nothing:
        return None
    sentences: list[str] = []
    evidence: dict[str, float] = {}
    if simple is not None:
        baseline, value, other, noise = simple
        sentences.append(
            f"{metric(record.result['primary'])} on its own training rows is {value:.4g}, worse than the {other:.4g} "
            f"that {named(baseline)} reaches on validation rows."
        )
        evidence |= {"train": value, "baseline": other, "noise": noise}
    elif nothing:
        primary = str(record.result["primary"])
        mine, held = record.score(primary, "train"), record.score(primary)
        assert mine is not None
        assert held is not None
        sentences.append(
            f"{metric(primary)} is {mine['value']:.4g} on its own training rows and {held['value']:.4g} on "
            "validation rows: it is not shown to know more than a constant does."
        )
        evidence |= {"train": float(mine["value"]), "validation": float(held["value"])}
    if falling is not None:
        before, end = falling
        sentences.append(
            f"It was trained too briefly: {metric(record.loss_name)} on validation still fell from {before:.4g} "
            f"to {end:.4g} in the last quarter of the run."
        )
        evidence |= {"loss_before": before, "loss_at_end": end}
    if falling is not None:
        settings, ending = [longer(record.recipe, 3)], "longer"
    else:
        settings, ending = _larger(record), "larger"
    message = "It underfits: " + " ".join(sentences)
    return Finding("underfits", message, evidence, again(record.run, record.recipe, settings, ending))


def _larger(record: Record) -> list[str]:
    """A larger model, for longer; a linear one is replaced."""
    model = record.recipe["model"]
    if model["name"] in ("linear", "perceptron"):
        return ["model.name=mlp", longer(record.recipe, 2)]
    settings = []
    if model.get("dropout"):
        settings.append("model.dropout=0")
    for field in ("hidden", "channels", "widths"):
        widths = model.get(field)
        if isinstance(widths, list | tuple) and all(isinstance(width, int) for width in widths):
            settings.append(f"model.{field}={[max(64, 2 * width) for width in widths]}")
            break
    return [*settings, longer(record.recipe, 3)]
