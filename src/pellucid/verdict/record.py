"""What a verdict is made from: everything that a run recorded, as plain values, and the curves that lie in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Line = Mapping[str, Any]
Numbers = NDArray[np.float64]

LOSSES = ("log_loss", "rmse", "nats_per_character", "cross_entropy")
"""Scores of validation that are the training loss by another name, or grow and fall with it."""
POINT_ROWS = 512
"""Rows behind a point of the training curve at least: a mean of fewer is mostly the chance of the batch."""
MATERIAL = 0.02
"""The share of the loss of knowing nothing that counts: 0.05 nats of ten classes, 0.02 deviations of a number."""
EARLY = 0.25
"""The share of the lines that tells how training began; as much tells how it ended."""


@dataclass(frozen=True)
class Told:
    """The held-out rows beside the training rows, for what can be seen in them alone.

    Attributes:
        inputs, targets: of training rows, `[rows, ...]` and `[rows]`, as they came from the user.
        held_inputs, held_targets: of validation rows.
        feature_names: of a table's columns.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    held_inputs: NDArray[Any]
    held_targets: NDArray[Any]
    feature_names: Sequence[str] = ()


@dataclass(frozen=True)
class Record:
    """What a run recorded.

    Attributes:
        run: its folder.
        recipe: resolved.
        result: of validation: scores with intervals, baselines, and what training came to.
        lines: of metrics.jsonl.
        fitted: the kept weights' scores on training rows, and which units are active there; empty where not looked at.
        parameter_names: in the order of the lines' `gradient_norms` and `update_ratios`.
        log_probability, targets: of validation rows, `[rows, classes]` and `[rows]`, of a classifier.
        clusters: which validation rows belong together, `[rows]`.
        told: rows of both parts; None where they are not looked at.
    """

    run: str
    recipe: Mapping[str, Any]
    result: Mapping[str, Any]
    lines: Sequence[Line] = ()
    fitted: Mapping[str, Any] = field(default_factory=dict)
    parameter_names: Sequence[str] = ()
    log_probability: NDArray[Any] | None = None
    targets: NDArray[Any] | None = None
    clusters: NDArray[np.int64] | None = None
    told: Told | None = None

    @property
    def by_gradient(self) -> bool:
        """Whether one loss was followed downhill from the first step to the last, to which all of this applies."""
        return bool(self.recipe["rule"]["name"] == "backpropagation")

    @cached_property
    def loss_name(self) -> str | None:
        """The score of validation that says what the training loss says."""
        return next((name for name in LOSSES if name in self.result.get("metrics", {})), None)

    @cached_property
    def trained(self) -> list[Line]:
        """The lines of training that hold a loss."""
        return [line for line in self.lines if line.get("kind") == "train" and is_number(line.get("loss"))]

    @cached_property
    def validated(self) -> list[Line]:
        """The lines of validation that hold the loss."""
        return [
            line
            for line in self.lines
            if line.get("kind") == "validation" and is_number(line.get("metrics", {}).get(self.loss_name))
        ]

    @cached_property
    def validation_losses(self) -> Numbers:
        """The loss at each validation, `[validations]`."""
        return np.array([line["metrics"][self.loss_name] for line in self.validated], np.float64)

    @cached_property
    def training_losses(self) -> Numbers:
        """The training loss as means over at least `POINT_ROWS` rows each, `[points]`."""
        return np.array([np.mean([line["loss"] for line in lines]) for lines in self._points], np.float64)

    @cached_property
    def _points(self) -> list[list[Line]]:
        size = self.recipe["train"].get("batch_size", 1)
        steps = [0, *(line["step"] for line in self.trained)]
        points: list[list[Line]] = []
        rows = math.inf
        for line, before in zip(self.trained, steps, strict=False):
            if rows >= POINT_ROWS:
                points.append([])
                rows = 0
            points[-1].append(line)
            rows += math.inf if size == "all" else (line["step"] - before) * size
        return points[:-1] if len(points) > 1 and rows < POINT_ROWS else points

    def weights(self, key: str) -> Numbers:
        """Return `gradient_norms` or `update_ratios` of the weights, biases left out, `[lines, weights]`."""
        places = [place for place, name in enumerate(self.parameter_names) if name.rpartition(".")[2] == "weight"]
        num = len(self.parameter_names)
        rows = [
            [math.nan if line[key][place] is None else line[key][place] for place in places]
            for line in self.trained
            if isinstance(line.get(key), list) and len(line[key]) == num
        ]
        return np.array(rows, np.float64).reshape(len(rows), len(places))

    @property
    def weight_names(self) -> list[str]:
        """What `weights` are called, in the order in which the model made them."""
        return [name for name in self.parameter_names if name.rpartition(".")[2] == "weight"]

    def score(self, name: str, of: str = "net") -> Mapping[str, Any] | None:
        """Return a score with its interval: of the net or a baseline on validation, or of the net on "train"."""
        if of == "net":
            scores = self.result.get("metrics", {})
        elif of == "train":
            scores = self.fitted.get("metrics", {})
        else:
            scores = self.result.get("baselines", {}).get(of, {})
        found = scores.get(name)
        return (
            found if found is not None and all(is_number(found.get(key)) for key in ("value", "low", "high")) else None
        )

    @cached_property
    def material(self) -> float:
        """A change of the validation loss that is worth a word: a share of what knowing nothing costs.

        From 0.04 to 0.03 nats is a quarter less, and changes hardly an answer.
        """
        constant = self.of_constant(str(self.loss_name))
        first = float(self.validation_losses[0]) if len(self.validation_losses) else math.inf
        return MATERIAL * (first if constant is None else constant)

    def of_constant(self, name: str) -> float | None:
        """Return the score of the best constant on validation: the baseline's, else by the rows' own classes or spread.

        None where neither tells.
        """
        baseline = self.score(name, "majority") or self.score(name, "mean")
        if baseline is not None:
            return float(baseline["value"])
        counts = np.array([sum(row) for row in self.result.get("confusion", ())], np.float64)
        counts = counts[counts > 0]
        if len(counts):
            shares = counts / counts.sum()
            known = {
                "accuracy": shares.max(),
                "balanced_accuracy": 1 / len(shares),
                "log_loss": -(shares * np.log(shares)).sum(),
            }
            return float(known[name]) if name in known else None
        error, explained = self.score("rmse"), self.score("r2")
        if name == "rmse" and error is not None and explained is not None and explained["value"] < 1:
            return float(error["value"]) / math.sqrt(1 - float(explained["value"]))
        return None

    @property
    def sign(self) -> float:
        """1 where more of the primary score is better, -1 where less is."""
        return -1.0 if self.result.get("directions", {}).get(self.result.get("primary")) == "min" else 1.0

    def beats_knowing_nothing(self, of: str = "net") -> bool | None:
        """Whether the primary score, "net" or "train", is above the best constant's by its whole interval.

        None where that is not known.
        """
        name = self.result.get("primary")
        mine = self.score(name, of) if name else None
        constant = self.of_constant(name) if name else None
        if mine is None or constant is None:
            return None
        return bool(mine["low"] > constant if self.sign > 0 else mine["high"] < constant)


def is_number(value: Any) -> bool:
    """Whether a recorded value is a finite number: None stands for what was not."""
    return isinstance(value, int | float) and math.isfinite(value)


def half(score: Mapping[str, Any]) -> float:
    """Return half the width of a score's interval."""
    return float(score["high"] - score["low"]) / 2


def when(line: Line) -> str:
    """Say when a line was written: in epochs where there are any."""
    return f"epoch {line['epoch']:g}" if is_number(line.get("epoch")) else f"step {line['step']:,}"


def longer(recipe: Mapping[str, Any], times: int) -> str:
    """Return the setting that trains so many times as long."""
    key = "epochs" if recipe["train"].get("epochs") else "steps"
    return f"train.{key}={times * int(recipe['train'][key])}"
