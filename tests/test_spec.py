"""The spec: sizes, and JSON both ways."""

from __future__ import annotations

import json

import pytest

from pellucid.data import DATA
from pellucid.data.world import specs
from pellucid.spec import Field, Spec

SPECS = [specs(name) for name in DATA] + [
    Spec(Field("image", (3, 8, 9))),
    Spec(
        Field("number", (2,), names=("age", "weight")),
        Field("number", (2,), names=("up", "down"), mean=(0.1, 1e-30), std=(3.0, 1e30)),
    ),
    Spec(Field("number", (1,)), Field("category", categories=("no", "ja"), counts=(3, 4))),
]


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_comes_back_from_json(spec: Spec) -> None:
    assert Spec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_outputs_are_one_per_class_or_per_number() -> None:
    image = Field("image", (3, 8, 9))
    assert image.size == 216
    assert Spec(image, Field("category", categories=("a", "b", "c"))).num_outputs == 3
    assert Spec(image, Field("number", (2,))).num_outputs == 2
    assert Spec(image).num_outputs == 216  # a model of the input itself
    assert Field("category").size == 1
