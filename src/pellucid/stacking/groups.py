"""Who can learn together: members of one recipe whose nets, plans and batches have one shape; it is tried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from pellucid import experiment
from pellucid.data.batch import Batch
from pellucid.data.stacked import stack
from pellucid.execution import Execution
from pellucid.nn.stacked import Stacked as StackedModel
from pellucid.optim.flat import FlatParameters
from pellucid.randomness import StepNoise
from pellucid.recipe import Recipe
from pellucid.rules.backpropagation import Backpropagation
from pellucid.rules.gradient import Gradient
from pellucid.rules.stacked import Losses
from pellucid.sources.shuffled import Shuffled
from pellucid.sources.stacked import Stacked as StackedSource
from pellucid.tasks.task import Differentiable, Task

ELEMENTWISE = ("sgd", "adagrad", "rmsprop", "adam", "adamw")
"""Optimizers that change each weight by its own gradient alone."""
LARGEST = 1_000_000
"""Parameters of a net that is tried: the products of a larger one fill the processor by themselves."""
CLOSE = 1e-5
"""How far losses may lie apart, relative to 1 or to their size if that is more; gradients ten times as far, relative to
their norm: operations on all nets at once add up in another order."""


@dataclass(frozen=True)
class Member:
    """One training: a fold, a seed.

    Attributes:
        name: for messages, such as fold-1.
        parts: assembled with its own split.
    """

    name: str
    recipe: Recipe
    parts: experiment.Parts


@dataclass(frozen=True)
class Group:
    """Members that can learn in one pass, or one that cannot.

    Attributes:
        reason: why these are together, or why one is alone: a sentence for the user.
        draws: whether they draw random numbers as they learn.
    """

    members: tuple[Member, ...]
    reason: str
    draws: bool = False


def group(members: Sequence[Member], execution: Execution) -> list[Group]:
    """Sort members into those that can be stacked, and those that cannot with the reason.

    Whether they can is tried out on a first batch of each, one by one and stacked; nothing of it stays in them.
    """
    groups: list[Group] = []
    alike: dict[object, list[Member]] = {}
    for member in members:
        reason = _refusal(member, execution)
        if reason:
            groups.append(Group((member,), reason))
        else:
            alike.setdefault(_key(member), []).append(member)
    for found in alike.values():
        groups += _tried(found, execution)
    places = {member.name: place for place, member in enumerate(members)}
    return sorted(groups, key=lambda each: places[each.members[0].name])


def _refusal(member: Member, execution: Execution) -> str:
    """Why a member cannot be stacked whatever its net computes; nothing where it may be."""
    recipe, parts = member.recipe, member.parts
    if not isinstance(parts.rule, Backpropagation):
        return f"rule.name = {recipe.rule['name']!r}: only backpropagation is stacked."
    optimizer, schedule = recipe.rule["optimizer"]["name"], recipe.rule["schedule"]["name"]
    if optimizer not in ELEMENTWISE:
        return f"rule.optimizer.name = {optimizer!r} does not change each weight by its own gradient alone."
    if schedule == "plateau":
        return "rule.schedule.name = 'plateau': each net has a learning rate of its own, by its own validations."
    if parts.rule.accumulate > 1:
        return f"rule.accumulate = {parts.rule.accumulate}: nets whose batches are too large for the memory."
    if not isinstance(parts.source, Shuffled):
        return "Its batches differ in length from step to step."
    if execution.precision != "fp32":
        return f"execution.precision = {execution.precision!r} rounds too coarsely to give the numbers of one by one."
    if execution.device != "cpu":
        return f"execution.device = {execution.device!r}: stacking is tested on processors alone."
    size = _size(parts.model)
    if size > LARGEST:
        return f"A net of {size:,} parameters fills the processor by itself (tried up to {LARGEST:,})."
    return ""


def _size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _key(member: Member) -> object:
    """What members must have in common."""
    recipe, parts = member.recipe.model_copy(update={"seed": 0, "name": "any"}), member.parts
    example = parts.source.example()
    columns = tuple((name, column.shape[1:], column.dtype) for name, column in sorted(example.columns.items()))
    tensors = [*parts.model.named_parameters(), *parts.model.named_buffers()]
    shapes = tuple((name, tensor.shape, tensor.dtype) for name, tensor in tensors)
    modules = tuple((name, str(module), module.training) for name, module in parts.model.named_modules())
    return recipe.model_dump_json(), parts.plan, columns, shapes, modules


def _tried(members: Sequence[Member], execution: Execution) -> list[Group]:
    """Groups of members that have everything in common but their seeds."""
    if len(members) == 1:
        return [Group((members[0],), "No other has its shapes and its number of steps.")]
    reason, draws = try_out(members, execution)
    if reason:
        return [Group((member,), f"It cannot be stacked: {reason}.") for member in members]
    by_seed: dict[int, list[Member]] = {}
    for member in members:
        by_seed.setdefault(member.recipe.seed if draws else 0, []).append(member)
    groups = []
    for found in by_seed.values():
        if len(found) == 1:
            groups.append(Group((found[0],), "Its net draws random numbers as it learns, by a seed of its own."))
        else:
            told = f"{len(found)} nets of one shape, whose losses on a first batch are the same stacked and one by one."
            groups.append(Group(tuple(found), told, draws))
    return groups


def try_out(members: Sequence[Member], execution: Execution) -> tuple[str, bool]:
    """Compute the gradients of a first batch one by one and stacked.

    Returns:
        Why they cannot be stacked (nothing where they can), and whether random numbers are drawn.
    """
    batches = StackedSource(sources_of(members), execution.device).examples()
    noise = StepNoise(members[0].recipe.seed)
    alone = []
    for member, batch in zip(members, batches, strict=True):
        found = _alone(member, batch, noise, execution)
        if isinstance(found, str):
            return found, False
        alone.append(found)
    draws = any(found.draws for found in alone)
    try:
        stacked = _stacked(members, batches, noise, execution)
    except Exception as error:  # whatever torch makes of an unusual net, one by one it can still be trained
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0].rstrip('.')}", draws
    for place, (member, found) in enumerate(zip(members, alone, strict=True)):
        for name, tensor in found.tensors.items():
            if not _is_close(stacked[name][place], tensor, 1.0 if name == "loss" else 10.0):
                return f"its {name} is another number when {member.name} is computed with the others", draws
    return "", draws


@dataclass(frozen=True)
class _Found:
    """What a step computes: its loss, its gradients and its buffers, and whether it drew random numbers."""

    tensors: Mapping[str, Tensor]
    draws: bool


def _alone(member: Member, batch: Batch, noise: StepNoise, execution: Execution) -> _Found | str:
    parts = member.parts
    assert isinstance(parts.rule, Backpropagation)
    gradient = Gradient(parts.model, _task(parts.task), parts.rule.update.flat, _eager(execution))
    with gradient.rehearsal(batch) as before:
        noise.at(0)
        state = torch.get_rng_state()
        loss, carry = gradient.fill(batch)
        draws = not torch.equal(state, torch.get_rng_state())
        if carry is not None:
            return "it carries state from batch to batch"
        if before.changed():
            return before.changed()
        return _Found(_tensors(loss, parts.rule.update.flat, parts.model), draws)


def _stacked(
    members: Sequence[Member], batches: Sequence[Batch], noise: StepNoise, execution: Execution
) -> Mapping[str, Tensor]:
    model = StackedModel([member.parts.model for member in members])
    flat = FlatParameters(model, stacked=True)
    gradient = Gradient(model, Losses(differentiable(members)), flat, _eager(execution))
    batch = stack(batches, execution.device)
    with gradient.rehearsal(batch):
        noise.at(0)
        gradient.fill(batch)
        return _tensors(model.losses, flat, model.stack, prefix="stack.")


def sources_of(members: Sequence[Member]) -> list[Shuffled]:
    """Return each member's source."""
    found: list[Shuffled] = []
    for member in members:
        assert isinstance(member.parts.source, Shuffled), "any other was refused"
        found.append(member.parts.source)
    return found


def differentiable(members: Sequence[Member]) -> list[Differentiable]:
    """Return each member's task, whose loss is what is learned."""
    return [_task(member.parts.task) for member in members]


def _task(task: Task) -> Differentiable:
    assert isinstance(task, Differentiable), "backpropagation has seen to that"
    return task


def _tensors(loss: Tensor, flat: FlatParameters, model: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """Copies of what a step leaves, by a name each."""
    gradients = {
        f"gradient of {name.removeprefix(prefix)}": gradient
        for name, gradient in zip(flat.names, flat.gradients, strict=True)
    }
    found = {"loss": loss} | gradients | {f"buffer {name}": buffer for name, buffer in model.named_buffers()}
    return {name: tensor.detach().clone() for name, tensor in found.items()}


def _is_close(found: Tensor, expected: Tensor, times: float) -> bool:
    if not expected.is_floating_point():
        return torch.equal(found, expected)
    apart = torch.linalg.vector_norm((found - expected).double())
    return bool(apart <= times * CLOSE * max(1.0, float(torch.linalg.vector_norm(expected.double()))))


def _eager(execution: Execution) -> Execution:
    return replace(execution, variant="eager")
