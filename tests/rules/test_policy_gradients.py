"""Policy gradients against independent references: by hand, by autograd, and enumerated over a whole bandit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pellucid import models, rules, tasks
from pellucid.catalogue import configure
from pellucid.data.batch import Batch
from pellucid.environments.episodes import Episodes
from pellucid.environments.policy import Choice
from pellucid.errors import PellucidError
from pellucid.execution import Execution
from pellucid.optim.update import NonFinite
from pellucid.recipe import SplitSection
from pellucid.rules import RULES, surrogates
from pellucid.sources.rollouts import Rollouts
from tests.tenants.worlds import BANDIT

EXECUTION = Execution("cpu", "fp32", 1, "channels_last", "eager")
SPEC = Episodes("CartPole-v1", SplitSection()).spec


def rule_of(name: str, spec: Any = SPEC, **settings: Any) -> Any:
    model = models.build({"name": "actor_critic", "hidden": [8]}, spec, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    task = tasks.build({"name": "control"}, spec)
    return rules.build({"name": name, **settings}, model, task, EXECUTION, total_steps=10)


def batch_of(rows: int = 7) -> Batch:
    random = torch.Generator().manual_seed(0)
    columns = {name: torch.randn(rows, generator=random) for name in ("value", "advantage", "return")}
    columns["log_probability"] = -torch.rand(rows, generator=random)
    actions = torch.randint(2, (rows,), generator=random)
    return Batch({"input": torch.randn(rows, 4, generator=random), "action": actions, **columns}, torch.arange(rows))


def test_ppos_gradient_is_that_of_its_equation() -> None:
    rule, batch = rule_of("ppo", clip=None, entropy_bonus=0.02, value_weight=0.7), batch_of()
    parameters = rule.update.flat.parameters
    logits, values = rule.model(batch["input"])
    probabilities = F.softmax(logits, dim=1)
    A = batch["advantage"]
    A = (A - A.mean()) / A.std(correction=0)
    total = torch.zeros(())
    for row in range(len(batch)):
        taken = probabilities[row, batch["action"][row]]
        ratio = taken / batch["log_probability"][row].exp()
        clipped = min(max(ratio.item(), 0.8), 1.2)
        # Where the clipped term is the smaller one it is a constant: nothing flows back.
        gain = ratio * A[row] if (ratio * A[row]).item() < clipped * A[row].item() + 1e-6 else clipped * A[row]
        entropy = -(probabilities[row] * probabilities[row].log()).sum()
        total = total - gain + 0.7 * 0.5 * (values[row] - batch["return"][row]) ** 2 - 0.02 * entropy
    expected = torch.autograd.grad(total / len(batch), parameters)
    rule.step(batch)
    for found, wanted in zip(rule.update.flat.gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_some_rows_were_clipped_there_and_some_were_not() -> None:
    assert 0 < float(rule_of("ppo").step(batch_of())["clip_share"]) < 1


def test_the_clip_holds_back_only_what_goes_too_far() -> None:
    log_ratios = torch.tensor([0.5, -0.5, 0.5, -0.5, 0.0]).requires_grad_()
    advantages = torch.tensor([1.0, 1.0, -1.0, -1.0, 1.0])
    (gradient,) = torch.autograd.grad(surrogates.clipped_objective(log_ratios, advantages, 0.2), log_ratios)
    assert (gradient != 0).tolist() == [False, True, True, False, True]


def test_a2cs_gradient_is_that_of_its_equation() -> None:
    rule, batch = rule_of("a2c", clip=None), batch_of()
    logits, values = rule.model(batch["input"])
    every = logits.log_softmax(1)
    taken = every[torch.arange(7), batch["action"]]
    loss = -(taken * batch["advantage"]).mean() + 0.25 * F.mse_loss(values, batch["return"])
    loss = loss - 0.01 * torch.distributions.Categorical(logits=logits).entropy().mean()
    expected = torch.autograd.grad(loss, rule.update.flat.parameters)
    rule.step(batch)
    for found, wanted in zip(rule.update.flat.gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("baseline", ["none", "value"])
def test_reinforce_is_the_exact_policy_gradient_in_expectation(baseline: str) -> None:
    """Every (context, action) of the bandit, weighted by its share, against the gradient of the mean return."""
    spec = Episodes(BANDIT, SplitSection()).spec
    rule = rule_of("reinforce", spec, baseline=baseline, episodes=1)
    policy = [place for place, name in enumerate(rule.update.flat.names) if name.startswith("policy")]
    parameters = [rule.update.flat.parameters[place] for place in policy]
    contexts = torch.eye(2)
    logits, values = rule.model(contexts)
    probabilities = logits.softmax(1)
    expected = torch.autograd.grad(probabilities.diagonal().mean(), parameters)  # of the mean return

    found = [torch.zeros_like(p) for p in parameters]
    for context in range(2):
        for action in range(2):
            share = 0.5 * float(probabilities[context, action].detach())
            paid, value = torch.tensor([float(action == context)]), values[context : context + 1].detach()
            columns = {"input": contexts[context : context + 1], "action": torch.tensor([action]), "value": value}
            columns |= {"return": paid, "advantage": paid - value, "log_probability": torch.zeros(1)}
            loss = rule.terms(Batch(columns, torch.arange(1))).loss
            for total, gradient in zip(found, torch.autograd.grad(-loss, parameters), strict=True):
                total += share * gradient
    for total, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(total, wanted, rtol=1e-4, atol=1e-7)


def test_the_mean_baseline_is_the_mean_of_the_returns() -> None:
    batch = batch_of()
    centred = Batch({**batch.columns, "return": batch["return"] - batch["return"].mean()}, batch.rows)
    losses = [
        float(rule_of("reinforce", baseline=name).step(given)["policy_loss"])
        for name, given in (("mean", batch), ("none", centred))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_actions_fall_where_the_probabilities_are() -> None:
    rule = rule_of("ppo")
    seen = torch.randn(1, 4).expand(20_000, 4)
    uniforms = torch.arange(20_000) / 20_000
    choice: Choice = rule.policy.act(seen, uniforms)
    probabilities = rule.model(seen[:1]).logits.softmax(1)[0].detach()
    shares = torch.bincount(choice.actions, minlength=2) / 20_000
    torch.testing.assert_close(shares, probabilities, atol=2e-4, rtol=0)
    torch.testing.assert_close(choice.log_probabilities[:1], probabilities.log()[choice.actions.tolist()[:1]])


def test_the_first_ratios_of_a_rollout_are_one() -> None:
    """Nothing of the policy changes between gathering and the first update, its normaliser included."""
    rule = rule_of("ppo", rollout=16, epochs=2, minibatches=2)
    source = Rollouts(Episodes("CartPole-v1", SplitSection()), batch_size=64, seed=0)
    divergences = [float(rule.step(source.next(rule.policy))["kl"]) for _ in range(12)]
    assert all(abs(divergences[place]) < 1e-6 for place in (0, 4, 8))
    assert all(divergences[place] > 1e-6 for place in (3, 7, 11))


def test_divergence_and_entropy_are_those_of_the_distributions() -> None:
    random = torch.Generator().manual_seed(0)
    old, new = (torch.randn(3, generator=random).log_softmax(0) for _ in range(2))
    actions = torch.multinomial(old.exp(), 400_000, replacement=True, generator=random)
    exact = (old.exp() * (old - new)).sum()
    assert float(surrogates.divergence((new - old)[actions])) == pytest.approx(float(exact), rel=0.01)
    assert float(surrogates.chosen(old[None], actions[:1]).entropy) == pytest.approx(float(-(old.exp() * old).sum()))


@pytest.mark.parametrize(("offset", "expected"), [(0.0, 1.0), (5.0, 1.0)])
def test_explained_variance_asks_for_the_shape_and_not_the_level(offset: float, expected: float) -> None:
    returns = torch.randn(50)
    assert float(surrogates.explained_variance(returns + offset, returns)) == pytest.approx(expected, abs=1e-5)
    assert float(surrogates.explained_variance(torch.zeros(50), returns)) == pytest.approx(0, abs=1e-5)
    assert float(surrogates.explained_variance(returns, torch.ones(50))) == 0


@pytest.mark.parametrize("name", ["reinforce", "a2c", "ppo"])
def test_a_step_that_fails_changes_nothing(name: str) -> None:
    rule, batch = rule_of(name), batch_of()
    rule.step(batch)

    def state() -> list[Tensor]:
        optimizer = rule.state_dict()["update"]["optimizer"]
        return [rule.update.flat.values.clone(), *(t.clone() for t in optimizer.values() if isinstance(t, Tensor))]

    before = state()
    bad = {**batch.columns, "advantage": batch["advantage"] * torch.nan, "return": batch["return"] * torch.nan}
    with pytest.raises(NonFinite):
        rule.step(Batch(bad, batch.rows))
    assert all(torch.equal(now, then) for now, then in zip(state(), before, strict=True))


@pytest.mark.parametrize("name", ["reinforce", "a2c", "ppo"])
def test_a_partial_section_keeps_the_rest_of_the_first_choice(name: str) -> None:
    def optimizer_of(**given: Any) -> dict[str, Any]:
        config: Any = configure(RULES, {"name": name, "optimizer": given}, "rule")
        optimizer: dict[str, Any] = config.optimizer
        return optimizer

    whole = optimizer_of()
    assert (whole["name"], whole["epsilon"]) == ("adam", 1e-5)
    assert (
        optimizer_of(learning_rate=0.01)
        == optimizer_of(name="adam", learning_rate=0.01)
        == whole | {"learning_rate": 0.01}
    )
    assert optimizer_of(epsilon=1e-8) == whole | {"epsilon": 1e-8}
    assert optimizer_of(name="adamw")["epsilon"] == 1e-8
    assert optimizer_of(**whole) == whole


def test_a_model_without_a_policy_is_refused() -> None:
    model = models.build({"name": "mlp", "hidden": [8]}, SPEC, seed=0)
    task = tasks.build({"name": "control"}, SPEC)
    with pytest.raises(PellucidError, match=r"MultilayerPerceptron is none\. Choose model\.name = 'actor_critic'"):
        rules.build({"name": "ppo"}, model, task, EXECUTION, total_steps=1)
