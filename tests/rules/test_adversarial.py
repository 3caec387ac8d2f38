"""The adversarial rule: first the discriminator, then the generator through it; a failure of either changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pellucid.catalogue import configure
from pellucid.data.batch import Batch
from pellucid.errors import DataError, PellucidError, RecipeError
from pellucid.execution import Execution
from pellucid.optim.update import NonFinite
from pellucid.rules import RULES, build
from pellucid.rules.adversarial_losses import LOSSES
from pellucid.spec import Field, Spec
from pellucid.tasks import build as build_task

EXECUTION = Execution("cpu", "fp32", 1, "channels_last", "eager")
SPEC = Spec(Field("image", (1, 4, 4)), Field("category", categories=("a", "b")))
SGD = {"optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0}}


class Pair(nn.Module):
    """The smallest pair: one linear map each."""

    latent_size = 3

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.generator = nn.Linear(3, 16)
            self.discriminator = nn.Linear(16, 1)

    def generate(self, latents: Tensor) -> Tensor:
        return self.generator(latents).sigmoid().view(-1, 1, 4, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.discriminator(images)


class Scores(nn.Module):
    """A linear map of flat images to one score each."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(images.flatten(1))[:, 0]


def pair() -> Pair:
    model = Pair()
    scores = Scores()
    scores.linear.load_state_dict(model.discriminator.state_dict())
    model.discriminator = scores
    return model


def batch(rows: int = 8) -> Batch:
    images = torch.rand(rows, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    return Batch({"input": images}, torch.arange(rows))


def rule_of(model: nn.Module, total_steps: int = 100, **section: Any) -> Any:
    task = build_task({"name": "generate", "features": "digits-mlp"}, SPEC)
    section = {"generator": SGD, "discriminator": SGD, **section}
    return build({"name": "adversarial", **section}, model, task, EXECUTION, total_steps)


def weights(model: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


@pytest.mark.parametrize("loss", ["non_saturating", "hinge"])
def test_a_step_is_two_steps_of_gradient_descent(loss: str) -> None:
    model, reference, images = pair(), pair(), batch()["input"]
    torch.manual_seed(5)
    told = rule_of(model, loss=loss).step(batch())
    torch.manual_seed(5)
    fake = reference.generate(torch.randn(8, 3))
    of_discriminator, of_generator = LOSSES[loss]
    for net, value in (
        (reference.discriminator, lambda: of_discriminator(reference(images), reference(fake.detach()))),
        (reference.generator, lambda: of_generator(reference(fake))),
    ):
        found = torch.autograd.grad(value(), list(net.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(net.parameters(), found, strict=True):
                parameter.sub_(0.1 * gradient)
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert 0 <= float(told["discriminator_accuracy"]) <= 1


def test_the_generator_learns_every_so_many_steps_and_its_schedule_knows() -> None:
    model = pair()
    falling = {**SGD, "schedule": {"name": "cosine"}}
    rule = rule_of(model, total_steps=20, discriminator_steps=5, generator=falling, discriminator=falling)
    changed = []
    for _ in range(20):
        before = model.generator.weight.detach().clone()
        rule.step(batch())
        changed.append(not torch.equal(before, model.generator.weight))
    assert changed == ([False] * 4 + [True]) * 4
    assert (rule.discriminator.steps, rule.generator.steps) == (20, 4)
    assert rule.generator.learning_rate == pytest.approx(rule.discriminator.learning_rate, abs=1e-9)  # both at the end


class Trap(nn.Module):
    """Finite scores whose slope at the samples is infinite, once it is armed."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 1)
        self.armed = False

    def forward(self, images: Tensor) -> Tensor:
        scores = self.linear(images.flatten(1))[:, 0]
        if self.armed and images.requires_grad:
            scores = scores + (images.flatten(1).sum(1) * 0.0).sqrt()
        return scores


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_failure_of_the_generator_undoes_the_discriminator(optimizer: str) -> None:
    model = Pair()
    model.discriminator = trap = Trap()
    section = {"optimizer": {"name": optimizer}, "ema": 0.9, "clip": 1.0}
    rule = rule_of(model, generator=section, discriminator=section)
    rule.step(batch())
    before, state = weights(model), repr(rule.state_dict())
    trap.armed = True
    with pytest.raises(NonFinite) as caught:
        rule.step(batch())
    assert caught.value.update == "generator"
    assert all(map(torch.equal, before, weights(model)))
    assert repr(rule.state_dict()) == state
    trap.armed = False
    rule.step(batch())
    assert (rule.discriminator.steps, rule.generator.steps) == (2, 2)


def test_a_failure_of_the_discriminator_is_named() -> None:
    model = pair()
    rule = rule_of(model)
    before = weights(model)
    images = batch()["input"]
    images[0] = torch.nan
    with pytest.raises(NonFinite, match="discriminator") as caught:
        rule.step(Batch({"input": images}, torch.arange(8)))
    assert caught.value.update == "discriminator"
    assert all(map(torch.equal, before, weights(model)))


def test_the_averages_of_both_nets_take_their_places() -> None:
    model = pair()
    rule = rule_of(model, generator={**SGD, "ema": 0.5})
    for _ in range(3):
        rule.step(batch())
    learned = weights(model)
    with rule.averaged():
        inside = weights(model)
    assert not torch.equal(inside[0], learned[0])  # the generator's
    assert torch.equal(inside[2], learned[2])  # the discriminator has none
    assert all(map(torch.equal, learned, weights(model)))


def test_the_papers_adam_is_the_default_also_where_a_rate_is_given() -> None:
    section = {"name": "adversarial", "generator": {"optimizer": {"learning_rate": 1e-3}}}
    config: Any = configure(RULES, section, "rule")
    assert (config.generator.optimizer["learning_rate"], config.generator.optimizer["beta1"]) == (1e-3, 0.5)
    assert config.discriminator.optimizer["learning_rate"] == 2e-4
    sgd: Any = configure(RULES, {"name": "adversarial", "generator": {"optimizer": {"name": "sgd"}}}, "rule")
    assert sgd.generator.optimizer["learning_rate"] != 2e-4  # another optimizer has its own defaults


def test_all_problems_are_told_at_once_by_their_full_names() -> None:
    section = {
        "name": "adversarial",
        "los": "hinge",
        "generator": {"optimizer": {"learning_rte": 1}, "emma": 0.9},
        "discriminator": {"schedule": {"name": "cosin"}, "accumulate": 2},
    }
    with pytest.raises(RecipeError) as caught:
        configure(RULES, section, "rule")
    told = "\n".join(caught.value.problems)
    assert "rule.los: there is no such field. Did you mean 'loss'?" in told
    assert "rule.generator.optimizer.learning_rte: there is no such field. Did you mean 'learning_rate'?" in told
    assert "rule.generator.emma: there is no such field. Did you mean 'ema'?" in told
    assert "rule.discriminator.schedule.name: there is no 'cosin'. Did you mean 'cosine'" in told


def test_micro_batches_and_line_searches_are_refused() -> None:
    for section in ({"accumulate": 2}, {"optimizer": {"name": "lbfgs"}}):
        with pytest.raises(RecipeError, match="generator"):
            configure(RULES, {"name": "adversarial", "generator": section}, "rule")


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(PellucidError, match=r"Linear is no such pair\. Choose model\.name = 'dcgan'"):
        rule_of(nn.Linear(3, 2))


def test_a_penalty_with_batch_norm_is_refused() -> None:
    model = pair()
    model.discriminator = nn.Sequential(nn.BatchNorm2d(1), Scores())
    with pytest.raises(PellucidError, match=r"Choose model\.discriminator_norm = 'layer' or 'none'"):
        rule_of(model, loss="wasserstein")


def test_images_that_no_generator_can_paint_are_refused() -> None:
    rule = rule_of(pair())
    rule.check(batch())
    with pytest.raises(DataError, match=r"Set prepare\.standardize=false"):
        rule.check(Batch({"input": batch()["input"] * 2 - 1}, torch.arange(8)))
