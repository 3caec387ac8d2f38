"""Update: clipping, finiteness, the moving average, exact resume, the recipe's section."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from pellucid.catalogue import validate
from pellucid.errors import RecipeError
from pellucid.optim import OPTIMIZERS, SCHEDULES
from pellucid.optim.update import NonFinite, Update, UpdateConfig


def copy(state):
    return {
        key: copy(value) if isinstance(value, dict) else value.clone() if isinstance(value, torch.Tensor) else value
        for key, value in state.items()
    }


def train(model, update, batches, fill):
    for batch in batches:
        update.step(fill(model, update.flat, batch))
        update.observe(0.5)


SECTIONS = [{"optimizer": {"name": name, "weight_decay": 0.01}} for name in OPTIMIZERS]
SECTIONS += [{"schedule": {"name": name, "warmup": 3}, "clip": 0.5, "ema": 0.9} for name in SCHEDULES]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: next(iter(section.values()))["name"])
def test_resumed_midway_it_ends_with_the_same_bytes(section, make_net, batches, fill):
    config = UpdateConfig(**section)
    model = make_net()
    update = Update(model, config, len(batches))
    train(model, update, batches[:9], fill)
    weights, state = copy(model.state_dict()), copy(update.state_dict())
    train(model, update, batches[9:], fill)

    other = make_net()
    resumed = Update(other, config, len(batches))
    other.load_state_dict(weights)
    resumed.load_state_dict(state)
    assert resumed.learning_rate > 0
    train(other, resumed, batches[9:], fill)
    assert torch.equal(update.flat.values, resumed.flat.values)
    with update.averaged(), resumed.averaged():
        assert torch.equal(update.flat.values, resumed.flat.values)
    assert update.learning_rate == resumed.learning_rate


def test_clipping_equals_torchs(make_net, batches, fill):
    model, reference = make_net(), make_net()
    update = Update(model, UpdateConfig(clip=0.01, optimizer={"name": "sgd"}), 10)
    loss = fill(model, update.flat, batches[0])
    norm = update.step(loss)
    nn.functional.cross_entropy(reference(batches[0][0]), batches[0][1]).backward()
    assert norm.item() == pytest.approx(nn.utils.clip_grad_norm_(reference.parameters(), 0.01).item(), rel=1e-5)
    for name, gradient in zip(update.flat.names, update.flat.gradients, strict=True):
        assert torch.allclose(gradient, reference.get_parameter(name).grad, atol=1e-7), name


def test_a_short_gradient_is_not_clipped(make_net, batches, fill):
    model = make_net()
    update = Update(model, UpdateConfig(clip=1e6), 10)
    loss = fill(model, update.flat, batches[0])
    gradient = update.flat.gradient.clone()
    assert update.step(loss).item() == pytest.approx(gradient.norm().item(), rel=1e-5)
    assert torch.equal(update.flat.gradient, gradient)


def test_the_rate_follows_the_schedule(make_net, batches, fill):
    model = make_net()
    config = UpdateConfig(optimizer={"name": "sgd", "learning_rate": 0.5, "momentum": 0.0}, schedule={"name": "step"})
    update = Update(model, config, 4)
    for expected in (0.5, 0.5, 0.05, 0.005):
        assert update.learning_rate == pytest.approx(expected)
        loss, before = fill(model, update.flat, batches[0]), update.flat.values.clone()
        update.step(loss)
        assert torch.allclose(before - update.flat.values, expected * update.flat.gradient, atol=1e-6)


def test_a_plateau_lowers_the_rate_when_scores_no_longer_rise():
    update = Update(nn.Linear(2, 2), UpdateConfig(schedule={"name": "plateau", "patience": 1}), 10)
    rates = []
    for score in (0.5, 0.6, 0.6, 0.6, 0.7):
        update.observe(score)
        rates.append(update.learning_rate)
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3, 1e-4, 1e-4])


def test_a_branch_may_rest_at_the_first_step_after_resuming():
    model = nn.ModuleDict({"used": nn.Linear(2, 1), "branch": nn.Linear(2, 1)})
    x, one = torch.ones(1, 2), torch.tensor(1.0)
    update = Update(model, UpdateConfig(), 10)
    update.flat.fill((model["used"](x) + model["branch"](x)).sum())
    update.step(one)
    resumed = Update(model, UpdateConfig(), 10)
    resumed.load_state_dict(copy(update.state_dict()))
    resumed.flat.fill(model["used"](x).sum())


def test_the_moving_average(make_net, batches, fill):
    model = make_net()
    update = Update(model, UpdateConfig(ema=0.5), 10)
    expected = update.flat.values.clone()
    for step, batch in enumerate(batches):
        update.step(fill(model, update.flat, batch))
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * update.flat.values
    learned = update.flat.values.clone()
    with update.averaged():
        assert torch.allclose(update.flat.values, expected, atol=1e-6)
        assert not torch.equal(update.flat.values, learned)
    assert torch.equal(update.flat.values, learned)
    with pytest.raises(KeyboardInterrupt), update.averaged():
        raise KeyboardInterrupt
    assert torch.equal(update.flat.values, learned)


def test_without_a_moving_average_the_weights_stand():
    update = Update(nn.Linear(2, 2), UpdateConfig(), 10)
    before = update.flat.values.clone()
    with update.averaged():
        assert torch.equal(update.flat.values, before)
    assert "average" not in update.state_dict()


@pytest.mark.parametrize("broken", ["loss", "gradient"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_changes_nothing(broken, value, make_net, batches, fill):
    model = make_net()
    update = Update(model, UpdateConfig(clip=1.0, ema=0.9), 10)
    update.step(fill(model, update.flat, batches[0]))
    loss = fill(model, update.flat, batches[1])
    weights, state = copy(model.state_dict()), copy(update.state_dict())
    if broken == "loss":
        loss = torch.tensor(value)
    else:
        update.flat.gradient[7] = value
    with pytest.raises(NonFinite, match=r"^step 1: loss .*, gradient norm .*, at learning rate 0\.001$") as error:
        update.step(loss)
    assert error.value.step == 1
    assert error.value.learning_rate == 0.001
    torch.testing.assert_close(copy(model.state_dict()), weights, rtol=0, atol=0)
    torch.testing.assert_close(copy(update.state_dict()), state, rtol=0, atol=0)


def test_sections_are_resolved():
    config = UpdateConfig(optimizer={"learning_rate": 0.1}, schedule={"name": "step"})
    assert config.optimizer == {
        "name": "adam",
        "learning_rate": 0.1,
        "weight_decay": 0.0,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
    }
    assert config.schedule == {"name": "step", "warmup": 0, "milestones": [0.5, 0.75], "drop": 0.1}
    assert UpdateConfig(**config.model_dump()) == config
    assert UpdateConfig().schedule == {"name": "constant", "warmup": 0}


def test_all_mistakes_of_a_section_at_once():
    section = {
        "optimizer": {"name": "adam", "learning_rate": -1, "beta": 0.9},
        "schedule": {"name": "cosin"},
        "clip": 0,
        "ema": 1.0,
    }
    with pytest.raises(RecipeError) as error:
        validate(UpdateConfig, section, "rule")
    assert error.value.problems == [
        "rule.optimizer.learning_rate = -1: expected greater than 0.",
        "rule.optimizer.beta: there is no such field. Did you mean 'beta2' or 'beta1'?",
        "rule.schedule.name: there is no 'cosin'. Did you mean 'cosine'?",
        "rule.clip = 0: expected greater than 0.",
        "rule.ema = 1.0: expected less than 1.",
    ]


SCRIPT = """
import sys
from pellucid.optim import OPTIMIZERS
assert "torch" not in sys.modules
import torch
from pellucid.optim.update import Update, UpdateConfig
model = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for _ in range(3)])
for name in OPTIMIZERS:
    update = Update(model, UpdateConfig(optimizer={"name": name}, clip=1.0, ema=0.9), 10)
    total = model(torch.ones(2, 4)).square().sum()
    update.flat.fill(total * 0.5)
    update.step(total.detach())
assert "torch._dynamo" not in sys.modules
"""


def test_listing_needs_no_torch_and_training_no_dynamo():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
