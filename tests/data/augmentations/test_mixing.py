"""Rows mixed in pairs, soft targets, and noise on features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import nn

from pellucid.data.augmentations.draw import Draw
from pellucid.data.augmentations.mixup import shares
from pellucid.data.batch import Batch
from pellucid.errors import DataError
from pellucid.spec import Feature, Field, Spec
from pellucid.tasks.classify import Classify, Config
from tests.data.augmentations.test_pictures import HEIGHT, WIDTH, applied, made, pictures, spec


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_are_of_the_beta_distribution(alpha: float) -> None:
    drawn = shares(alpha, Draw(0, torch.arange(5000)).uniform()).double().numpy()
    assert stats.kstest(drawn, stats.beta(alpha, alpha).cdf).pvalue > 1e-4


def test_mixup_is_the_weighted_mean_row_by_row() -> None:
    inputs, target = pictures(12).float(), torch.arange(12) % 2
    found = applied(made("mixup", spec(), alpha=1), {"input": inputs, "target": target})
    draw = Draw(1, torch.arange(12))
    share, partner = draw.uniform(), draw.partner()  # at 1 the distribution is even
    assert torch.equal(found["target"], target)
    for row in range(12):
        expected = share[row] * inputs[row] + (1 - share[row]) * inputs[partner[row]]
        assert torch.allclose(found["input"][row], expected, atol=1e-3)
        assert found["partner"][row] == target[partner[row]]
    assert torch.allclose(found["share"], share, atol=1e-6)


def test_cutmix_shares_are_the_area_that_is_left() -> None:
    inputs = torch.arange(200.0).view(-1, 1, 1, 1).expand(200, 3, HEIGHT, WIDTH).contiguous()
    found = applied(made("cutmix", spec(), probability=0.8), {"input": inputs, "target": torch.arange(200)})
    own = (found["input"] == inputs)[:, 0].float().mean(dim=(1, 2))
    assert torch.allclose(found["share"], own, atol=1e-6)
    assert (own == 1).float().mean() == pytest.approx(0.2, abs=0.1)
    others = found["partner"].view(-1, 1, 1, 1).expand_as(inputs)
    assert ((found["input"] == inputs) | (found["input"] == others)).all()
    for row in range(200):
        replaced = found["input"][row, 0] != inputs[row, 0]
        if replaced.any():  # one rectangle, full
            tall, wide = replaced.any(dim=1).sum(), replaced.any(dim=0).sum()
            assert replaced.sum() == tall * wide


@pytest.mark.parametrize("weights", ["none", "balanced", [0.5, 2.0, 1.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_cross_entropy_with_soft_targets(weights: Any, smoothing: float) -> None:
    random = torch.Generator().manual_seed(0)
    target, partner = torch.randint(3, (2, 20), generator=random)
    share = torch.rand(20, generator=random)
    logits = torch.randn(20, 3, generator=random)
    given = Spec(Field("number", (3,)), Field("category", categories=("a", "b", "c"), counts=(5, 10, 20)))
    task = Classify(Config(label_smoothing=smoothing, class_weights=weights), given)
    batch = Batch({"input": logits, "target": target, "partner": partner, "share": share}, torch.arange(20))
    loss = task.loss(nn.Identity(), batch)

    soft = share[:, None] * F.one_hot(target, 3) + (1 - share)[:, None] * F.one_hot(partner, 3)
    weight = {"none": [1.0, 1.0, 1.0], "balanced": [35 / 15, 35 / 30, 35 / 60]}.get(str(weights), weights)
    of_class = torch.tensor(weight, dtype=torch.float64)
    smoothed = (1 - smoothing) * soft.double() + smoothing / 3
    by_hand = -(smoothed * of_class * logits.double().log_softmax(dim=1)).sum()
    assert float(loss.total) == pytest.approx(float(by_hand), rel=1e-5)
    assert float(loss.rows) == pytest.approx(float((soft.double() * of_class).sum()), rel=1e-5)

    parts = [task.loss(nn.Identity(), part) for part in batch.split(3)]  # accumulation adds up
    assert float(sum(part.total for part in parts)) == pytest.approx(float(loss.total), rel=1e-5)
    assert sum(float(part.rows) for part in parts) == pytest.approx(float(loss.rows), rel=1e-5)


def test_a_share_of_one_is_the_plain_loss() -> None:
    given = Spec(Field("number", (3,)), Field("category", categories=("a", "b", "c")))
    task, target = Classify(Config(), given), torch.tensor([0, 1, 2, 1])
    columns = {"input": torch.randn(4, 3), "target": target}
    plain = task.loss(nn.Identity(), Batch(columns, torch.arange(4)))
    mixed = {**columns, "partner": target.flip(0), "share": torch.ones(4)}
    assert float(task.loss(nn.Identity(), Batch(mixed, torch.arange(4))).total) == pytest.approx(float(plain.total))


def test_noise_reaches_numbers_and_no_category() -> None:
    features = (Feature("age", gaps=True), Feature("sex", ("f", "m")), Feature("weight"))
    step = made("feature_noise", Spec(Field.of_features(features)), scale=0.3)
    changed = applied(step, {"input": torch.zeros(4000, 6)})["input"]
    assert changed.std(dim=0).numpy() == pytest.approx(np.array([0.3, 0, 0, 0, 0, 0.3]), abs=0.02)
    with pytest.raises(DataError, match="all of its columns are categories"):
        made("feature_noise", Spec(Field.of_features(features[1:2])))
    with pytest.raises(DataError, match="the input is image"):
        made("feature_noise", spec())


def test_what_cannot_be_mixed_is_refused() -> None:
    numbers = Field("number", (2,))
    for name in ("mixup", "cutmix"):
        with pytest.raises(DataError, match="the target is none of classes"):
            made(name, Spec(spec().input, numbers))
    with pytest.raises(DataError, match="it adds rows up, and tokens cannot be"):
        made("mixup", Spec(Field("tokens", (5,)), spec().target))
