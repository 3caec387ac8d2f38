"""Fits: nothing ill was found. What remains is to open the test part, once, at the end."""

from __future__ import annotations

import shlex

from pellucid.verdict.finding import Finding
from pellucid.verdict.overfitting import FEWEST
from pellucid.verdict.record import Record
from pellucid.verdict.words import metric


def fits(record: Record) -> Finding:
    """Say the score on validation, and on the training rows where it is known."""
    name = record.result.get("primary")
    held = record.score(name) if name else None
    mine = record.score(name, "train") if name else None
    message, evidence = "It fits: nothing ill was found", {}
    if not record.by_gradient:
        message += ", as far as one can see where learning is not by backpropagation"
    elif len(record.validated) < FEWEST:
        message += f", but of {len(record.validated)} validation(s) no curve can be read"
    if held is not None:
        message += f". On validation, {metric(name)} is {held['value']:.4g}"
        evidence["validation"] = float(held["value"])
    if mine is not None:
        message += f"; on the rows that it learned from, {mine['value']:.4g}"
        evidence["train"] = float(mine["value"])
    return Finding("fits", message + ".", evidence, f"pellucid evaluate {shlex.quote(record.run)} --split test")
