"""A stacked pass as a run: killed and resumed, and what becomes of a member that fails."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pellucid import rundir, stacking
from pellucid.randomness import StepNoise
from pellucid.rules.stacked import MemberFailed
from pellucid.stacking.fitting import assemble
from tests.stacking.members import folder, members
from tests.training.runs import dying

SETTINGS = {"model.dropout": 0.3, "model.norm": "batch", "rule.ema": 0.9, "train.patience": 3, "train.epochs": 4}
EVERY = {"train.checkpoint_every": 7, "rule.optimizer.learning_rate": 0.02}


def test_a_resumed_pass_ends_with_the_same_bytes(tmp_path: Path) -> None:
    settings = {**SETTINGS, **EVERY, "execution.variant": "captured"}
    some, execution = members(settings)
    (group,) = stacking.group(some, execution)
    with folder(tmp_path / "whole", some[0].recipe) as run:
        expected = stacking.fit(group, execution, run, quiet=True)
    some, execution = members(settings)
    with dying(25), folder(tmp_path / "killed", some[0].recipe) as run:
        stacking.fit(stacking.Group(tuple(some), "", draws=True), execution, run, quiet=True)
    some, execution = members(settings)
    (group,) = stacking.group(some, execution)
    with rundir.lock(tmp_path / "killed") as run:
        found = stacking.fit(group, execution, run, quiet=True)
        again = stacking.fit(group, execution, run, quiet=True)
    for one, own, repeated in zip(expected, found, again, strict=True):
        assert all(torch.equal(own.weights[name], tensor) for name, tensor in one.weights.items())
        assert all(torch.equal(repeated.weights[name], tensor) for name, tensor in one.weights.items())
        assert [{**line, "seconds": 0} for line in own.lines] == [{**line, "seconds": 0} for line in one.lines]
        assert repeated.lines == own.lines
        assert {**own.account, "training_seconds": 0, "samples_per_second": 0} == {
            **one.account,
            "training_seconds": 0,
            "samples_per_second": 0,
        }


def test_a_member_that_fails_is_named_and_nothing_is_touched() -> None:
    some, execution = members({})
    group = stacking.Group(tuple(some), "")
    stacked = assemble(group, execution)
    stacked.rule.step(stacked.source.next())
    with torch.no_grad():
        stacked.model.tensors()["output.weight"][1] = torch.inf
    before = stacked.rule.update.flat.values.clone()
    with pytest.raises(
        MemberFailed,
        match=r"Step 2 was stopped at learning rate 0.002: fold-2 has the loss nan and the gradient norm nan",
    ):
        stacked.rule.step(stacked.source.next())
    assert torch.equal(before.nan_to_num(), stacked.rule.update.flat.values.nan_to_num())


def test_a_member_that_fails_after_it_stopped_does_not_hold_up_the_others() -> None:
    some, execution = members({"rule.clip": 1.0})
    stacked, healthy = (assemble(stacking.Group(tuple(some), ""), execution) for _ in range(2))
    stacked.rule.standing.members[1].stopped_at = 0
    with torch.no_grad():
        stacked.model.tensors()["output.weight"][1] = torch.inf
    batch = stacked.source.next()
    stacked.rule.step(batch)
    healthy.rule.step(batch)
    for name, tensor in stacked.model.tensors().items():
        assert torch.isfinite(tensor).all()
        for place in (0, 2):
            assert torch.equal(tensor[place], healthy.model.tensors()[name][place])


def test_neither_grouping_nor_measuring_leaves_a_trace() -> None:
    some, execution = members({"model.norm": "batch", "model.dropout": 0.2, "train.epochs": 50})
    before = [{name: t.clone() for name, t in member.parts.model.state_dict().items()} for member in some]
    state = torch.get_rng_state()
    (group,) = stacking.group(some, execution)
    measured = stacking.pays(group, execution)
    assert measured.stacked is not None
    assert measured.alone is not None
    assert measured.pays == bool(measured)
    assert torch.equal(state, torch.get_rng_state())
    fresh, _ = members({"model.norm": "batch", "model.dropout": 0.2, "train.epochs": 50})
    for member, kept, new in zip(some, before, fresh, strict=True):
        assert all(torch.equal(t, kept[name]) for name, t in member.parts.model.state_dict().items())
        assert [_step(member) for _ in range(3)] == [_step(new) for _ in range(3)]


def _step(member: stacking.Member) -> tuple[list[int], float]:
    batch = member.parts.source.next()
    StepNoise(0).at(0)
    return batch.rows.tolist(), float(member.parts.rule.step(batch)["loss"])
