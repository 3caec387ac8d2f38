"""Small models that read sequences of ten tokens, with weights large enough to prefer some."""

from __future__ import annotations

from typing import Any

import torch

from pellucid import models
from pellucid.spec import Field, Spec

SMALL: dict[str, dict[str, Any]] = {
    "lstm": {"name": "lstm", "embedding": 8, "hidden": 16, "layers": 2},
    "gpt": {"name": "gpt", "layers": 2, "heads": 2, "width": 16},
}


def spec(context: int, size: int = 10) -> Spec:
    field = Field("tokens", (context,), categories=(*"abcdefghijklmnopqrstuvwxyz"[: size - 1], "�"))
    return Spec(field, field)


def reader(name: str, context: int, **settings: Any) -> Any:
    model = models.build({**SMALL[name], **settings}, spec(context), seed=0).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model
