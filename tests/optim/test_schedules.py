"""Schedules against torch.optim.lr_scheduler and their closed forms."""

import math
import random

import pytest
import torch
from torch.optim import lr_scheduler

from pellucid.catalogue import configure, sentences
from pellucid.optim import SCHEDULES
from pellucid.optim.schedules.warmup import factor

TOTAL = 60


def factors(name, total=TOTAL, scores=(), **fields):
    config = configure(SCHEDULES, {"name": name, **fields}, "schedule")
    return [factor(SCHEDULES[name].load(), step, total, config, scores) for step in range(total)]


def torchs(make, total=TOTAL):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return pytest.approx(rates, abs=1e-12)


def test_constant():
    assert factors("constant") == [1.0] * TOTAL


def test_step_equals_torchs():
    assert factors("step") == torchs(lambda o: lr_scheduler.MultiStepLR(o, [30, 45], gamma=0.1))
    assert factors("step", milestones=[0.25], drop=0.5) == torchs(
        lambda o: lr_scheduler.MultiStepLR(o, [15], gamma=0.5)
    )


def test_cosine_equals_torchs():
    assert factors("cosine") == torchs(lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL))
    assert factors("cosine", final=0.1) == torchs(lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, eta_min=0.1))


def test_one_cycle_equals_torchs():
    assert factors("one_cycle") == torchs(
        lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=TOTAL, cycle_momentum=False)
    )


def test_plateau_equals_torchs():
    generator = random.Random(0)
    scores = [generator.random() * (1 - 0.9**i) for i in range(60)]
    config = configure(SCHEDULES, {"name": "plateau", "patience": 3, "drop": 0.5, "margin": 0.01}, "schedule")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer, "max", factor=0.5, patience=3, threshold=0.01, threshold_mode="abs", min_lr=1e-4, eps=0
    )
    for count in range(1, len(scores) + 1):
        scheduler.step(scores[count - 1])
        found = factor(SCHEDULES["plateau"].load(), 0, TOTAL, config, scores[:count])
        assert found == pytest.approx(optimizer.param_groups[0]["lr"])
    assert found < 0.1


def test_a_nan_score_is_no_new_best():
    assert factors("plateau", 1, scores=[0.5] + [math.nan] * 6)[0] == 0.1


@pytest.mark.parametrize("name", SCHEDULES)
def test_warmup_grows_to_the_schedule_over_the_rest(name):
    plain, warmed = factors(name, 50), factors(name, 60, warmup=10)
    assert warmed[10:] == plain
    assert warmed[:10] == pytest.approx([plain[0] * (step + 1) / 11 for step in range(10)])


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3, 10])
def test_short_runs_and_what_comes_after_them(name, total):
    config = configure(SCHEDULES, {"name": name, "warmup": 2}, "schedule")
    values = [factor(SCHEDULES[name].load(), step, total, config, ()) for step in range(total + 5)]
    assert all(0 <= value <= 1 for value in values)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_field_has_a_sentence(name):
    config = SCHEDULES[name].config()
    assert set(sentences(config)) == set(config.model_fields)
