"""Preprocessing: all the steps of a world, by column. Fitted on the training rows only, and they remember which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor

from pellucid.data.codes import Codes
from pellucid.data.columns import Columns, Rows
from pellucid.data.features import Features
from pellucid.data.log_mel import LogMel
from pellucid.data.ragged import Ragged
from pellucid.data.split import Split, rows_hash
from pellucid.data.steps import Binarize, Standardize, Step
from pellucid.data.tokens import Tokens
from pellucid.data.vocabulary import Vocabulary
from pellucid.errors import DataError, LeakError
from pellucid.recipe import PrepareSection
from pellucid.spec import Field

_STEPS: dict[str, Callable[[Mapping[str, Any]], Step]] = {
    "standardize": Standardize.from_dict,
    "binarize": Binarize.from_dict,
    "vocabulary": Vocabulary.from_dict,
    "features": Features.from_dict,
    "codes": Codes.from_dict,
    "log_mel": LogMel.from_dict,
    "tokens": Tokens.from_dict,
}


class Preprocessing:
    """Turns raw columns into what a model and a task take. Saved with the artefact."""

    def __init__(self, steps: Mapping[str, Step], device: str = "cpu", raw: Mapping[str, Field] | None = None) -> None:
        """Bind the steps to a device, and to how the raw columns are coded where that is not as the steps have it."""
        self.steps = dict(steps)
        self._device = device
        self._apply = {name: step.bind(device, (raw or {}).get(name)) for name, step in self.steps.items()}

    @staticmethod
    def fit(section: PrepareSection, columns: Columns, split: Split, device: str = "cpu") -> Preprocessing:
        """Fit every step that the recipe asks for on the training rows."""
        rows = split.parts["train"]
        fitted = {"input": _input_step(section, columns, rows), "target": _target_step(section, columns, rows)}
        return Preprocessing({name: step for name, step in fitted.items() if step is not None}, device, columns.schema)

    def apply(self, column: str, values: Shaped[Tensor, "rows ..."]) -> Shaped[Tensor, "rows ..."]:
        """Apply the column's step to raw rows. Images in uint8 come out as floats; category codes as they are."""
        if values.dtype == torch.int64:
            return values
        if column in self._apply:
            return self._apply[column](values)
        floats = values.to(torch.float32)
        return floats.mul_(1 / 255) if values.dtype == torch.uint8 else floats

    def check_fitted_on(self, split: Split) -> None:
        """Raise `LeakError` unless every step was fitted on exactly this split's training rows."""
        expected = rows_hash(split.parts["train"])
        for step in self.steps.values():
            if step.fitted_on is not None and step.fitted_on["hash"] != expected:
                raise LeakError(
                    f"The step {step.name!r} of {step.column!r} was fitted on other rows than this split's training "
                    "part: rows that are held out here may have been seen. Evaluate with the run's own split, or "
                    "train again."
                )

    def to_dict(self) -> dict[str, Any]:
        """Return preprocessing.json."""
        return {"version": 1, "steps": [step.to_dict() for step in self.steps.values()]}

    @staticmethod
    def from_dict(values: Mapping[str, Any], device: str = "cpu") -> Preprocessing:
        """Read what `to_dict` made."""
        steps = [_STEPS[step["name"]](step) for step in values["steps"]]
        return Preprocessing({step.column: step for step in steps}, device)


def _input_step(section: PrepareSection, columns: Columns, rows: Rows) -> Step | None:
    """What prepares the inputs, fitted on these rows."""
    field, values = columns.schema["input"], columns.values["input"]
    if field.kind == "text" and isinstance(values, Ragged):
        return Tokens.fit("input", values, field, rows, section)
    if field.features and section.binarize:
        raise DataError("prepare.binarize cuts values of 0 to 1, and the table has categories or missing values.")
    if field.kind == "audio" and section.binarize:
        raise DataError("prepare.binarize cuts values of 0 to 1, and sounds become logarithms of loudness.")
    if field.features:
        return Features.fit("input", columns.dense("input"), field, rows, section.standardize)
    if field.kind == "audio":
        return LogMel.fit("input", columns.dense("input"), field, rows, section.mels, section.standardize)
    if section.binarize:
        return Binarize.fit("input", columns.dense("input"))
    return Standardize.fit("input", columns.dense("input"), rows) if section.standardize else None


def _target_step(section: PrepareSection, columns: Columns, rows: Rows) -> Step | None:
    """What prepares the targets, fitted on these rows; classes stay the codes that they are."""
    field = columns.schema.get("target")
    if field is not None and field.kind == "mask":
        return Codes("target")
    if field is None or field.kind != "number" or not section.standardize:
        return None
    return Standardize.fit("target", columns.dense("target"), rows)
