"""Dead units: ReLU units that are active for no training row, pass nothing on and will never learn again.

L. Lu et al., "Dying ReLU and Initialization", 2019, arXiv:1903.06733. A few are usual: they cost only their place.
"""

from __future__ import annotations

from pellucid.evaluation.intervals import wilson
from pellucid.verdict.finding import Finding, again
from pellucid.verdict.record import Record

DEAD = 0.4
"""Share of a layer's units, by the lower end of its interval, so that a few of few units are no finding. Healthy nets
show up to 0.2, and 0.4 do no harm in a wide layer."""


def dead_units(record: Record) -> Finding | None:
    """Find the layer that lost the largest share."""
    found = []
    for name, counted in record.fitted.get("units", {}).items():
        units, dead = counted.get("units"), counted.get("dead")
        if units and dead is not None and wilson(dead, units)[0] > DEAD:
            found.append((dead / units, name, int(dead), int(units)))
    if not found:
        return None
    share, name, dead, units = max(found)
    others = f" ({len(found)} layers lost more than {DEAD:.0%})" if len(found) > 1 else ""
    message = f"{dead} of the {units} units of {name} are active for no training row: they are dead{others}."
    model, optimizer = record.recipe["model"], record.recipe["rule"].get("optimizer", {})
    settings = ["model.activation=leaky_relu"] if model.get("activation") == "relu" else []
    if "learning_rate" in optimizer:
        settings.append(f"rule.optimizer.learning_rate={optimizer['learning_rate'] / 3:.3g}")
    evidence = {"dead": float(dead), "units": float(units), "share": share, "layers": float(len(found))}
    return Finding("dead_units", message, evidence, again(record.run, record.recipe, settings, "alive"))
