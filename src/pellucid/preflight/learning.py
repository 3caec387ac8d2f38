"""What is wrong with a recipe before it runs: its first loss, gradients that never arrive, a batch it cannot learn."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pellucid.experiment import Parts
from pellucid.preflight import Finding
from pellucid.rules.rule import Tunable

STEPS = 200
"""Updates on one batch."""
LEARNED = 0.5
"""Share of the first loss, below which one batch counts as learned."""
SURPRISED = 2.0
"""Times ln C that a first loss may be."""


def check(parts: Parts) -> Iterator[Finding]:
    """Yield what is found by a few steps on one batch. The parts are used up: they have learned that batch.

    Only rules that backpropagate are tried; the others have no loss that must fall on every batch.
    """
    if not isinstance(parts.rule, Tunable):
        return
    batch = parts.source.example()
    gradient, flat = parts.rule.gradient, parts.rule.updates["update"].flat
    with gradient.rehearsal(batch):
        first = float(gradient.fill(batch)[0])
    silent = [name for name, of in zip(flat.names, flat.gradients, strict=True) if not of.any()]
    target = parts.world.spec.target
    if target is not None and target.kind == "category" and parts.world.spec.input.kind != "tokens":
        even = math.log(len(target.categories))
        if first > SURPRISED * even:
            yield Finding(
                "first_loss",
                "doubtful",
                f"before any step the loss is {first:.3g} nats, and knowing nothing costs ln {len(target.categories)} "
                f"= {even:.3g}: the first weights are too large. Try another model.initialiser.",
            )
    if silent:
        shown = ", ".join(silent[:5]) + (", ..." if len(silent) > 5 else "")
        message = f"no gradient arrives at {len(silent)} of {len(flat.names)} parameters ({shown}) with the first batch"
        yield Finding("no_gradient", "doubtful", f"{message}: dead units, or a branch that is not used.")
    lowest = first
    for _ in range(STEPS):
        lowest = min(lowest, float(parts.rule.step(batch)["loss"]))
        if lowest < LEARNED * first:
            return
    rows = len(batch)
    message = f"{STEPS} updates on one batch of {rows} rows bring the loss from {first:.3g} to {lowest:.3g} at best"
    remedy = "the learning rate is too small or too large, or the inputs do not hold the answer"
    yield Finding("cannot_learn_a_batch", "doubtful", f"{message}: {remedy}.", [int(row) for row in batch.rows])
