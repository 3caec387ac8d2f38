"""Who is stacked with whom, and the sentence for those that are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pellucid import rules, stacking
from pellucid.stacking import measuring
from tests.stacking.members import members


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"rule.optimizer.name": "muon", "model.hidden": [16, 16]},
            "rule.optimizer.name = 'muon' does not change each weight by its own",
        ),
        ({"rule.schedule.name": "plateau"}, "each net has a learning rate of its own"),
        ({"rule.accumulate": 2}, "rule.accumulate = 2"),
        ({"execution.precision": "bf16"}, "rounds too coarsely"),
        ({"model.hidden": [2000, 500]}, "A net of 1,135,510 parameters fills the processor by itself"),
    ],
)
def test_what_cannot_be_stacked_says_why(settings: dict[str, Any], told: str) -> None:
    some, execution = members(settings, num=2)
    found = stacking.group(some, execution)
    assert [len(group.members) for group in found] == [1, 1]
    assert all(told in group.reason for group in found)
    assert stacking.pays(found[0], execution).reason == found[0].reason


class Looking(nn.Module):
    """Decides by a number in a tensor, which is another one for each net."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.net(x)
        return outputs if outputs.sum() > 0 else -outputs


class Counting(Looking):
    """Counts its calls."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        outputs: Tensor = self.net(x)
        return outputs


@pytest.mark.parametrize(("kind", "told"), [(Looking, "vmap"), (Counting, "Counting.calls changes from step to step")])
def test_a_net_that_cannot_be_computed_at_once_says_why(kind: type[Looking], told: str) -> None:
    some, execution = members({}, num=2)
    made = []
    for member in some:
        replacement = kind(member.parts.model)
        rule = rules.build(member.recipe.rule, replacement, member.parts.task, execution, 100)
        made.append(replace(member, parts=replace(member.parts, model=replacement, rule=rule)))
    found = stacking.group(made, execution)
    assert [len(group.members) for group in found] == [1, 1]
    assert found[0].reason.startswith("It cannot be stacked: ")
    assert told in found[0].reason


def test_seeds_are_stacked_unless_each_draws_its_own() -> None:
    some, execution = members({}, seeds=(0, 1, 2))
    (group,) = stacking.group(some, execution)
    assert len(group.members) == 3
    some, execution = members({"model.dropout": 0.1}, seeds=(0, 1, 2))
    found = stacking.group(some, execution)
    assert len(found) == 3
    assert all("draws random numbers as it learns, by a seed of its own" in group.reason for group in found)


def test_members_of_another_length_are_alone() -> None:
    some, execution = members({}, num=3)
    others, _ = members({"train.epochs": 3}, num=3)
    found = stacking.group([*some[:2], others[2]], execution)
    assert [[member.name for member in group.members] for group in found] == [["fold-1", "fold-2"], ["fold-3"]]
    assert "No other has its shapes and its number of steps" in found[1].reason


def test_a_short_run_is_not_measured() -> None:
    some, execution = members({}, num=2)
    found = stacking.pays(stacking.Group(tuple(some), "together"), execution)
    assert not found
    assert found.stacked is None
    assert "are over before a measurement pays" in found.reason


class Counted:
    """A step that does nothing."""

    def __call__(self) -> None:
        pass


@pytest.mark.parametrize(("share", "chosen"), [(0.5, True), (0.9, False)])
def test_the_decision_follows_the_measurement(share: float, chosen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    some, execution = members({"train.epochs": 50}, num=2)
    one, together = Counted(), Counted()
    times = {one: 1e-3, together: 2e-3 * share}
    monkeypatch.setattr(measuring, "_one", lambda *_: one)
    monkeypatch.setattr(measuring, "_all", lambda *_: together)
    monkeypatch.setattr(measuring, "_seconds", lambda step, clock: times[step])
    found = measuring.pays(stacking.Group(tuple(some), "together"), execution)
    assert found.pays is chosen
    assert found.alone == pytest.approx(2e-3)
    assert found.reason.startswith("Stacked: a step of 2 nets takes" if chosen else "One after another: ")


def test_a_large_net_is_declined_after_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    some, execution = members({"train.epochs": 50}, num=2)
    taken = []
    monkeypatch.setattr(measuring, "_seconds", lambda step, clock: taken.append(step) or 1.0)
    found = measuring.pays(stacking.Group(tuple(some), "together"), execution)
    assert not found
    assert len(taken) == 2
    assert "a step of one net takes over 0.05 s" in found.reason


def test_torch_is_left_as_it_was() -> None:
    threads = torch.get_num_threads()
    some, execution = members({"train.epochs": 50}, num=2)
    stacking.pays(stacking.group(some, execution)[0], execution)
    assert torch.get_num_threads() == threads
